// Builds dist/ unless it is newer than every source.
import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';

const stamp = 'dist/.built';
const sources = [
  '{apps,libs}/*/{src,schema}/**/*.{ts,tsx,css,html,sql,lua,json}',
  'apps/dashboard/*.{html,ts,json}',
  '{package,package-lock,tsconfig,tsconfig.build}.json',
  'scripts/build.mjs',
];

const changedAt = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const builtAt = changedAt(stamp);
if (globSync(sources).some((file) => changedAt(file) > builtAt)) {
  const begun = new Date();
  // Standard output belongs to the command that asked for the build.
  execFileSync(process.execPath, ['scripts/build.mjs'], { stdio: ['ignore', 2, 2] });
  mkdirSync('dist', { recursive: true });
  writeFileSync(stamp, '');
  // A source that was changed during the build counts as newer.
  utimesSync(stamp, begun, begun);
}
