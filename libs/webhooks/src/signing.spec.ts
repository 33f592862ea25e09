import { Webhook } from 'standardwebhooks';
import { expect, test, vi } from 'vitest';
import { newSigningSecret, signedHeaders } from './signing.js';

const message = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  body: '{"test": 2432232314}',
  secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
};
const now = new Date(1614265330 * 1000);

test('the check vector of Standard Webhooks comes out', () => {
  expect(signedHeaders(message, now)).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

test('a new secret has the form of the standard, 256 bits, and signs so that the library verifies it', () => {
  const secret = newSigningSecret();
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(newSigningSecret()).not.toBe(secret);
  vi.useFakeTimers({ now });
  const headers = signedHeaders({ ...message, secrets: [secret] }, now);
  expect(new Webhook(secret).verify(message.body, headers)).toEqual({ test: 2432232314 });
  vi.useRealTimers();
});
