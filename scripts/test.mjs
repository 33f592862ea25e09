// Runs vitest and ends with the plain line "N passed, N failed".
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'bascule-tests-'));
const report = join(folder, 'report.json');
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
const { status } = spawnSync('vitest', ['run', ...reporters, ...process.argv.slice(2)], { stdio: 'inherit' });

let passed = 0;
let failed = 0;
try {
  const { testResults, numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'));
  // A file that cannot even be loaded has no tests of its own to count.
  const broken = testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
  passed = numPassedTests;
  failed = numFailedTests + broken.length;
} catch {
  console.error('vitest wrote no report');
}
rmSync(folder, { recursive: true, force: true });
// Errors outside of any test make vitest fail too.
if (status !== 0) failed = Math.max(failed, 1);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
