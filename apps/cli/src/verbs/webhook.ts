import { z } from 'zod';
import type { Verb } from '../context.js';
import { anything } from '../shapes.js';
import { number, table } from '../views/table.js';

const endpointShape = z.looseObject({
  id: z.string(),
  url: z.string(),
  source: z.string().nullable(),
  events: z.array(z.string()),
  pending: z.number(),
  dead: z.number(),
  disabledAt: z.string().nullable(),
});
const createdShape = endpointShape.extend({ secret: z.string() });
const rotatedShape = z.looseObject({ secret: z.string(), previousUntil: z.string() });
const messagesShape = z.looseObject({
  messages: z.array(
    z.looseObject({
      id: z.string(),
      event: z.string(),
      state: z.string(),
      attempts: z.number(),
      lastResult: z.string().nullable(),
      createdAt: z.string(),
    }),
  ),
});

const pathOf = (id: string, rest = '') => `/v1/webhooks/${encodeURIComponent(id)}${rest}`;
const moment = (text: string) => `${text.slice(0, 19).replace('T', ' ')} UTC`;

const managing: Verb = (verb, context) => {
  verb
    .command('list')
    .description('list the webhooks with what waits for each')
    .action(async (_options, command) => {
      const { api, show } = context(command);
      show(await api.get('/v1/webhooks', z.array(endpointShape)), (rows) =>
        table(
          rows.map(({ id, url, source, events, pending, dead, disabledAt }) => [
            id,
            source ?? 'any source',
            `pending ${number(pending)}`,
            `dead ${number(dead)}`,
            disabledAt === null ? 'enabled' : `disabled since ${moment(disabledAt)}`,
            url,
            events.join(' '),
          ]),
        ),
      );
    });
  verb
    .command('add <url> <events...>')
    .description(
      'tell an address what happens: delivery.held delivery.done workers.provisioned …; shows the secret once',
    )
    .option('--source <source>', 'only what happens in this source')
    .action(async (url: string, events: string[], { source }: { source?: string }, command) => {
      const { api, show } = context(command);
      const created = await api.post('/v1/webhooks', createdShape, {
        url,
        events,
        ...(source !== undefined && { source }),
      });
      show(
        created,
        ({ id, secret }) => `${secret}\n(of webhook ${id}; it is not shown again)\nnext: bascule webhook test ${id}`,
      );
    });
  verb
    .command('remove <id>')
    .description('remove a webhook with all its messages')
    .action(async (id: string, _options, command) => {
      const { api, show } = context(command);
      await api.delete(pathOf(id), anything);
      show({ removed: id }, () => `removed ${id}`);
    });
  verb
    .command('rotate <id>')
    .description('give it a new secret, shown once; the present one signs as well for some hours')
    .option('--overlap <hours>', 'how long both sign', '24')
    .action(async (id: string, { overlap }: { overlap: string }, command) => {
      const { api, show } = context(command);
      const rotated = await api.post(pathOf(id, '/rotate'), rotatedShape, { overlapHours: Number(overlap) });
      show(
        rotated,
        ({ secret, previousUntil }) => `${secret}\n(the previous one signs as well until ${moment(previousUntil)})`,
      );
    });
  verb
    .command('enable <id>')
    .description('send again to a webhook that answered 410 Gone')
    .action(async (id: string, _options, command) => {
      const { api, show } = context(command);
      show(await api.post(pathOf(id, '/enable'), endpointShape), ({ dead }) =>
        dead === 0
          ? `enabled ${id}`
          : `enabled ${id}; next: bascule webhook redeliver ${id} (${number(dead)} are dead)`,
      );
    });
};

const sending: Verb = (verb, context) => {
  verb
    .command('test <id>')
    .description('send a message webhook.test')
    .action(async (id: string, _options, command) => {
      const { api, show } = context(command);
      const sent = await api.post(pathOf(id, '/test'), z.looseObject({ message: z.string() }));
      show(sent, ({ message }) => `sent ${message}; what came of it: bascule webhook messages ${id}`);
    });
  verb
    .command('messages <id>')
    .description('its latest messages, newest first')
    .option('--state <state>', 'pending, sent or dead')
    .option('--limit <number>', 'how many', '20')
    .action(async (id: string, options: { state?: string; limit: string }, command) => {
      const { api, show } = context(command);
      const query = new URLSearchParams({
        limit: options.limit,
        ...(options.state !== undefined && { state: options.state }),
      });
      show(await api.get(pathOf(id, `/messages?${query.toString()}`), messagesShape), messagesView);
    });
  verb
    .command('dead <id>')
    .description('its messages that were given up, newest first')
    .action(async (id: string, _options, command) => {
      const { api, show } = context(command);
      show(await api.get(pathOf(id, '/messages?state=dead&limit=500'), messagesShape), messagesView);
    });
  verb
    .command('redeliver <id> [messages...]')
    .description('send dead messages again, under their old ids: those named, or all')
    .action(async (id: string, messages: string[], _options, command) => {
      const { api, show } = context(command);
      const body = messages.length === 0 ? {} : { messages };
      const answer = await api.post(pathOf(id, '/redeliver'), z.looseObject({ redelivered: z.number() }), body);
      show(answer, ({ redelivered }) => `${number(redelivered)} are sent again`);
    });
};

const messagesView = ({ messages }: z.infer<typeof messagesShape>): string =>
  table(
    messages.map(({ id, event, state, attempts, lastResult, createdAt }) => [
      moment(createdAt),
      id,
      event,
      state,
      `${attempts} ${attempts === 1 ? 'try' : 'tries'}`,
      lastResult ?? '',
    ]),
  );

export const webhook: Verb = (program, context) => {
  const verb = program.command('webhook').description('signed messages that tell other systems what happened');
  managing(verb, context);
  sending(verb, context);
};
