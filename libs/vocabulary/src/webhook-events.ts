/** What a webhook tells: ids and counts, never a person's data. The receiver fetches the rest. */
export const webhookEvents = [
  /** A delivery waits for a person's word; nothing of it was applied. */
  'delivery.held',
  'delivery.done',
  /** Nothing of it was applied. */
  'delivery.refused',
  /** The accounts of these workers are confirmed to be as their records ask. */
  'workers.provisioned',
  /** These workers wait for a person: something failed, or there is a conflict to settle. */
  'workers.failed',
  /** These workers left: their accounts are suspended, or none was made. */
  'workers.left',
  /** Addresses were issued for good to these workers: to write back. */
  'workers.addresses_allocated',
] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

/** What an admin sends to see whether an endpoint answers; no endpoint chooses it. */
export const webhookTestEvent = 'webhook.test';

/** `dead`: given up after the last try, or because the endpoint is gone; it can be sent again by hand. */
export const webhookMessageStates = ['pending', 'sent', 'dead'] as const;
export type WebhookMessageState = (typeof webhookMessageStates)[number];
