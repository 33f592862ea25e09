import { expect, test } from 'vitest';
import { lanesPrefix, parseRedisUrl } from './connections.js';

test('one server, with and without the parts that may be left out', () => {
  expect(parseRedisUrl('redis://cache')).toMatchObject({ kind: 'single', hosts: [{ host: 'cache', port: 6379 }] });
  expect(parseRedisUrl('rediss://me:s%40fe@cache:7000/3')).toMatchObject({
    kind: 'single',
    hosts: [{ host: 'cache', port: 7000 }],
    options: { username: 'me', password: 's@fe', db: 3, tls: {} },
  });
  expect(parseRedisUrl('redis://:safe@[::1]:7000')).toMatchObject({
    hosts: [{ host: '::1', port: 7000 }],
    options: { password: 'safe' },
  });
});

test('Sentinels name the primary that they watch', () => {
  expect(parseRedisUrl('redis+sentinel://:safe@one,two:26380/0?name=bascule')).toMatchObject({
    kind: 'sentinel',
    hosts: [
      { host: 'one', port: 26_379 },
      { host: 'two', port: 26_380 },
    ],
    primaryName: 'bascule',
    options: { password: 'safe', db: 0 },
  });
});

test('a cluster is entered by any of its nodes', () => {
  expect(parseRedisUrl('redis+cluster://one:7000,two:7001')).toMatchObject({
    kind: 'cluster',
    hosts: [
      { host: 'one', port: 7000 },
      { host: 'two', port: 7001 },
    ],
  });
});

test('an address of an unknown form is refused without being repeated', () => {
  expect(() => parseRedisUrl('redis://secret@host/db/more')).toThrow(/^the Redis address has an unknown form$/);
});

test('all keys of the lanes fall into one slot of a cluster', () => {
  expect(lanesPrefix('retail')).toMatch(/^\{[^}]+\}$/);
});
