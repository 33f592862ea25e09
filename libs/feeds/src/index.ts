export { foldName, intake } from './intake.js';
export { checkRow, type RowProblem } from './rows.js';
export { dialects, FeedRefusedError } from './dialects/index.js';
