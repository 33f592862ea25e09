export { openWorkspace, type Workspace } from './workspace.js';
export { subjectKey, type CallContext, type CallerOptions } from './caller.js';
export { GoogleCallError, LeaseTooShortError } from './errors.js';
export { readServiceAccountKey, type ServiceAccountKey } from './credentials.js';
export { classify, readRefusal, type Refusal } from './classify.js';
export { checkGoogle, type GoogleFinding } from './check.js';
