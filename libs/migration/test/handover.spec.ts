import { constants, createHash, generateKeyPairSync, privateDecrypt } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { formBatch, leaseBatch, sealedPasswords } from '#libs/ledger';
import { handoverKeyId } from '#libs/migration';
import { domain, smallBlueprint, TestCompany } from './company.js';

let company: TestCompany;
beforeEach(async () => {
  company = await TestCompany.open();
});
afterEach(async () => {
  await company.close();
  expect(company.lost).toEqual([]);
});

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const handoverKey = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const blueprint = smallBlueprint('', 'handover');
const ada = { employeeNumber: '1', legalName: { givenName: 'Ada', familyName: 'One' } };

test('a first password is sealed to the admin’s key, and Google gets its hash', async () => {
  await company.hire(ada);
  const id = await company.create({ blueprint, handoverKey });
  await company.plan(id);
  await company.start(id);
  company.work();
  await company.until(id, 'completed');

  const [line, ...others] = await sealedPasswords(company.ledger.db, id, { limit: 10 });
  expect(others).toEqual([]);
  expect(line).toMatchObject({
    employeeNumber: '1',
    address: `ada.one@${domain}`,
    keyId: handoverKeyId(handoverKey),
  });
  const options = { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  const password = privateDecrypt(options, Buffer.from(line?.sealed ?? '', 'base64')).toString();
  expect(password).toMatch(/^([\w]{5}-){3}[\w]{5}$/);
  const { rows } = await company.ledger.pool.query('select hashed from handover_secret');
  expect(rows).toEqual([{ hashed: createHash('sha1').update(password).digest('hex') }]);
  const { rows: traces } = await company.ledger.pool.query(
    'select count(*)::int as count from event where to_jsonb(event)::text like $1',
    [`%${password}%`],
  );
  expect(traces).toEqual([{ count: 0 }]);
});

test('every retry has the same password, also after the lease was lost', async () => {
  await company.hire(ada);
  const id = await company.create({ blueprint, handoverKey });
  await company.plan(id);
  await company.start(id);
  const hint = await formBatch(company.ledger.db, {
    migrationId: id,
    step: 'account',
    lane: 'directory',
    sizeMax: 10,
    due: ['direct'],
  });
  const lease = () => leaseBatch(company.ledger, hint?.batchId ?? 0, company.worker);
  const first = await lease();
  await company.ledger.pool.query("update batch set lease_until = now() - interval '1 hour'");
  const second = await lease();
  expect(second?.fence).toBe((first?.fence ?? 0) + 1);
  expect(second?.items[0]?.passwordHash).toMatch(/^[0-9a-f]{40}$/);
  expect(second?.items[0]?.passwordHash).toBe(first?.items[0]?.passwordHash);
  expect(second?.items[0]?.inDoubt).toBe(true);
});

test('without a key to seal to, a blueprint that hands passwords over is not planned', async () => {
  const id = await company.create({ blueprint });
  await expect(company.plan(id)).rejects.toMatchObject({ code: 'plan_not_ready' });
});

test('a handover key must be a public RSA key of at least 2048 bits', () => {
  const pem = (bits: number) =>
    generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ type: 'spki', format: 'pem' }).toString();
  expect(() => handoverKeyId(pem(1024))).toThrow('at least 2048 bits');
  expect(() => handoverKeyId('nonsense')).toThrow('no public key');
  expect(() => handoverKeyId(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())).toThrow(
    'give the public one',
  );
  const elliptic = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
  expect(() => handoverKeyId(elliptic)).toThrow('RSA');
});
