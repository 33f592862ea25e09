export { parseQuotas, type QuotaDocument } from './document.js';
export { QuotaGovernor, GateClosedError, DailyQuotaError, type Permit } from './governor.js';
export type { PermitRequest } from './costs.js';
export type { QuotaHint } from './blame.js';
export type { QuotaUsage } from './usage.js';
export { forecast, type Forecast } from './forecast.js';
