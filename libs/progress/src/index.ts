export { readOverview, readProgress } from './document.js';
export { ProgressStream } from './stream.js';
export { writeReport } from './report.js';
export { plainSentence } from './sentence.js';
