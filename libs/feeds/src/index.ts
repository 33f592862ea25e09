export { foldedWords } from './names.js';
export { intake } from './intake.js';
