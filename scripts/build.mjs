// Compiles every app and library into dist/, and carries along what TypeScript does not: .sql, .lua and the dashboard.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, globSync } from 'node:fs';

const run = (command, ...args) => execFileSync(command, args, { stdio: 'inherit' });

run('tsc', '-p', 'tsconfig.build.json');
for (const file of globSync('libs/**/*.{sql,lua}', { exclude: (name) => name === 'node_modules' })) {
  cpSync(file, `dist/${file}`);
}
if (existsSync('apps/dashboard/vite.config.ts')) {
  run('vite', 'build', '--logLevel', 'warn', '--config', 'apps/dashboard/vite.config.ts');
}
