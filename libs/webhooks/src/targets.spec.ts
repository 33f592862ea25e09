import { expect, test } from 'vitest';
import { mayReach, readTarget } from './targets.js';

test.each([
  ['https://hr.example/hooks?tenant=1', true, true],
  ['https://hr.example:8443/', true, true],
  ['https://93.184.216.34/', true, true],
  ['http://hr.example/', false, false],
  ['ftp://hr.example/', false, false],
  ['https://user:secret@hr.example/', false, false],
  ['https://hr.example/#part', false, false],
  ['not an address', false, false],
  ['http://127.0.0.1:8080/', false, true],
  ['http://localhost:8080/', false, true],
  ['http://[::1]:8080/', false, true],
  ['https://localhost/', false, true],
  ['http://10.0.0.1/', false, false],
  ['https://10.0.0.1/', false, true],
  ['https://[fd00::1]/', false, true],
  ['https://169.254.169.254/', false, false],
  ['https://[fe80::1]/', false, false],
])('%s: taken by the public rule %s, by the private one %s', (text, byPublic, byPrivate) => {
  expect('url' in readTarget(text, 'public')).toBe(byPublic);
  expect('url' in readTarget(text, 'private')).toBe(byPrivate);
});

test.each([
  ['8.8.8.8', true, true],
  ['2606:4700::1111', true, true],
  ['127.0.0.1', false, true],
  ['10.0.0.1', false, true],
  ['172.16.5.5', false, true],
  ['192.168.1.1', false, true],
  ['100.64.0.1', false, true],
  ['fd12::1', false, true],
  ['::1', false, true],
  ['::ffff:10.0.0.1', false, true],
  ['::ffff:8.8.8.8', true, true],
  ['0.0.0.0', false, false],
  ['169.254.169.254', false, false],
  ['::ffff:169.254.169.254', false, false],
  ['fe80::1', false, false],
  ['224.0.0.1', false, false],
  ['255.255.255.255', false, false],
  ['64:ff9b::a00:1', false, false],
  ['nonsense', false, false],
])('%s may be reached by the public rule: %s, by the private one: %s', (address, byPublic, byPrivate) => {
  expect([mayReach(address, 'public'), mayReach(address, 'private')]).toEqual([byPublic, byPrivate]);
});
