export { parseQuotas, QuotaDocumentError, type QuotaDocument, type QuotaScope } from './document.js';
export * from './governor.js';
export { forecast, type Forecast } from './forecast.js';
export { paceOf, horizonMs, type Pace } from './pacing.js';
