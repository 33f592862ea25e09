import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DeliveryRow } from '#libs/ledger';
import { waitSecondsOf } from './feed-headers.js';
import type { FeedsService } from './feeds.service.js';

/** Answers for a delivery whose bytes are safe: its address, and its outcome if the sender waits for that. */
export async function answerReceived(
  feeds: FeedsService,
  received: DeliveryRow,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<DeliveryRow> {
  const { source, id } = received;
  const waitSeconds = waitSecondsOf(request);
  void reply.header('location', `/v1/feeds/${source}/deliveries/${id}`);
  if (waitSeconds === undefined) return received;
  void reply.header('preference-applied', `wait=${waitSeconds}`);
  return feeds.outcome(source, id, waitSeconds * 1_000);
}
