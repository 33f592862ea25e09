export { asCsv } from './csv.js';
export { readOverview, readProgress } from './document.js';
export { ProgressStream } from './stream.js';
export { writeReport } from './report.js';
export { plainSentence } from './sentence.js';
export { workerAnswer, workerStandings, writeWorkers } from './workers.js';
export { writeDeliveryRecords } from './delivery-records.js';
