export { newSigningSecret } from './signing.js';
export { readTarget, type TargetRule } from './targets.js';
export { WebhookSender } from './sender.js';
