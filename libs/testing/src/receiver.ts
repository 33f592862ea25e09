import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';

/** What came, word for word. */
export interface ReceivedMessage {
  readonly path: string;
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

type Answer = (received: ReceivedMessage, response: ServerResponse) => void;

/** A receiving HTTP server on this machine, as an HR system would have one. */
export interface TestReceiver {
  readonly url: string;
  readonly received: ReceivedMessage[];
  /** Answers from now on so; an answer that does nothing leaves the sender waiting. */
  answer(how: Answer): void;
  /** Refuses connections, then takes them again on the same port. */
  close(): Promise<void>;
  open(): Promise<void>;
}

export const answerWith =
  (status: number, headers: Readonly<Record<string, string>> = {}): Answer =>
  (_received, response) =>
    response.writeHead(status, headers).end();

export async function startReceiver(): Promise<TestReceiver> {
  const received: ReceivedMessage[] = [];
  let answer: Answer = answerWith(204);
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const one = { path: request.url ?? '', id: headers['webhook-id'] ?? '', headers, body: await text(request) };
    received.push(one);
    answer(one, response);
  };
  const server = createServer((request, response) => void take(request, response));
  const listen = (port: number) =>
    new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  const port = await listen(0);
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    answer: (how) => (answer = how),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    open: async () => void (await listen(port)),
  };
}

/** Verifies as a receiver does, by the library; throws unless the signature is right. */
export function verifyMessage({ body, headers }: ReceivedMessage, secret: string): unknown {
  return new Webhook(secret).verify(body, { ...headers });
}
