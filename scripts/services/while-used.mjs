// Keeps shared test servers alive while somebody uses them: writes their addresses to a file, whose users renew its time
// stamp, and ends once nobody has done so for a while.
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const [file, idleSeconds = '180'] = process.argv.slice(2);
const addresses = { databaseUrl: process.env.BASCULE_DATABASE_URL, redisUrl: process.env.BASCULE_REDIS_URL };
writeFileSync(`${file}.new`, JSON.stringify(addresses), { mode: 0o600 });
renameSync(`${file}.new`, file);

const forget = () => {
  rmSync(file, { force: true });
  process.exit(0);
};
process.on('SIGTERM', forget);
process.on('SIGINT', forget);

while (Date.now() - statSync(file).mtimeMs < Number(idleSeconds) * 1000) await sleep(1000);
forget();
