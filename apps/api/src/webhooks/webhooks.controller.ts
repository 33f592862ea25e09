import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import {
  addEndpoint,
  addMessage,
  enableEndpoint,
  listEndpoints,
  listMessages,
  readEndpoint,
  redeliver,
  removeEndpoint,
  rotateSecret,
  type Ledger,
  type WebhookEndpoint,
} from '#libs/ledger';
import { Allow, configToken, CurrentCaller, ledgerToken, Problem, type Caller, type Config } from '#libs/platform';
import { webhookTestEvent } from '#libs/vocabulary';
import { newSigningSecret, readTarget } from '#libs/webhooks';
import { Answers, countSchema, Problems } from '../described.js';
import { WebhookLoop } from './webhook-loop.js';
import {
  createdEndpointSchema,
  endpointSchema,
  messagesQuerySchema,
  messagesSchema,
  newEndpointSchema,
  redeliverySchema,
  rotatedSchema,
  rotationSchema,
} from './webhooks.schemas.js';

const unknown = () => new Problem('not-found', 'There is no webhook with this id.');
const gone = () =>
  new Problem('conflict', 'The webhook is disabled, because its receiver answered 410 Gone: enable it first.', {
    code: 'webhook_disabled',
  });

/** Who is told what happened, by signed messages (Standard Webhooks). */
@ApiTags('webhooks')
@Controller('v1/webhooks')
@Allow('admin')
export class WebhooksController {
  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    @Inject(configToken) private readonly config: Config,
    private readonly loop: WebhookLoop,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Adds a webhook; the secret that verifies its signatures is shown this once' })
  @Answers(201, createdEndpointSchema)
  @Problems('invalid-field')
  async add(
    @Body({ schema: newEndpointSchema }) body: z.infer<typeof newEndpointSchema>,
    @CurrentCaller() caller: Caller,
  ) {
    const target = readTarget(body.url, this.config.webhookTargets);
    if ('problem' in target) {
      throw new Problem('invalid-field', undefined, { errors: [{ field: 'url', message: target.problem }] });
    }
    const secret = newSigningSecret();
    const id = await addEndpoint(this.ledger.db, {
      url: target.url.href,
      source: body.source ?? null,
      events: body.events,
      secret,
      actor: caller.name,
    });
    return { ...(await this.existing(id)), secret };
  }

  @Get()
  @ApiOperation({ summary: 'Lists the webhooks with what waits for each, without their secrets' })
  @Answers(200, z.array(endpointSchema))
  list() {
    return listEndpoints(this.ledger.db);
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Removes a webhook with all its messages' })
  @ApiResponse({ status: 204 })
  @Problems('not-found', 'invalid-field')
  async remove(@Param('id', { schema: z.uuid() }) id: string, @CurrentCaller() caller: Caller): Promise<void> {
    if (!(await removeEndpoint(this.ledger.db, id, caller.name))) throw unknown();
  }

  @Post(':id/rotate')
  @HttpCode(200)
  @ApiOperation({ summary: 'Gives a new secret, shown this once; the present one signs as well for some hours' })
  @Answers(200, rotatedSchema)
  @Problems('not-found', 'invalid-field')
  async rotate(
    @Param('id', { schema: z.uuid() }) id: string,
    @Body({ schema: rotationSchema }) body: z.infer<typeof rotationSchema>,
    @CurrentCaller() caller: Caller,
  ) {
    const secret = newSigningSecret();
    const until = await rotateSecret(this.ledger.db, { id, secret, ...body, actor: caller.name });
    if (until === undefined) throw unknown();
    return { secret, previousUntil: until };
  }

  @Post(':id/enable')
  @HttpCode(200)
  @ApiOperation({ summary: 'Sends to a webhook again that was disabled; its dead messages are redelivered apart' })
  @Answers(200, endpointSchema)
  @Problems('not-found', 'invalid-field')
  async enable(@Param('id', { schema: z.uuid() }) id: string, @CurrentCaller() caller: Caller) {
    if (!(await enableEndpoint(this.ledger.db, id, caller.name))) throw unknown();
    return this.existing(id);
  }

  @Post(':id/test')
  @HttpCode(202)
  @ApiOperation({ summary: 'Sends a message webhook.test, to see whether it arrives and verifies' })
  @Answers(202, z.object({ message: z.uuid() }))
  @Problems('not-found', 'conflict', 'invalid-field')
  async test(@Param('id', { schema: z.uuid() }) id: string) {
    await this.existing(id);
    const body = { type: webhookTestEvent, timestamp: new Date().toISOString(), data: { webhook: id } };
    const message = { endpointId: id, event: webhookTestEvent, body: JSON.stringify(body) };
    const sent = await addMessage(this.ledger.db, message);
    if (sent === undefined) throw gone();
    this.loop.wake();
    return { message: sent };
  }

  @Get(':id/messages')
  @ApiOperation({ summary: 'A page of its messages, newest first: those sent, pending, and dead' })
  @Answers(200, messagesSchema)
  @Problems('not-found', 'invalid-field')
  async messages(
    @Param('id', { schema: z.uuid() }) id: string,
    @Query({ schema: messagesQuerySchema }) query: z.infer<typeof messagesQuerySchema>,
  ) {
    await this.existing(id);
    const { state, cursor, limit } = query;
    const messages = await listMessages(this.ledger.db, id, { state, before: cursor, limit });
    return { messages, cursor: messages.length === limit ? (messages.at(-1)?.id ?? null) : null };
  }

  @Post(':id/redeliver')
  @HttpCode(200)
  @ApiOperation({ summary: 'Sends dead messages again under their old ids: those named, or all' })
  @Answers(200, z.object({ redelivered: countSchema }))
  @Problems('not-found', 'conflict', 'invalid-field')
  async redeliver(
    @Param('id', { schema: z.uuid() }) id: string,
    @Body({ schema: redeliverySchema }) body: z.infer<typeof redeliverySchema>,
    @CurrentCaller() caller: Caller,
  ) {
    if ((await this.existing(id)).disabledAt !== null) throw gone();
    const wanted = { messages: body.messages, actor: caller.name };
    const redelivered = await redeliver(this.ledger.db, id, wanted);
    this.loop.wake();
    return { redelivered };
  }

  private async existing(id: string): Promise<WebhookEndpoint> {
    const endpoint = await readEndpoint(this.ledger.db, id);
    if (endpoint === undefined) throw unknown();
    return endpoint;
  }
}
