// Makes sure that a Chromium is there for the test of the dashboard.
import { spawnSync } from 'node:child_process';
import { onPath } from './services/processes.mjs';

const isThere = () => ['chromium', 'chromium-browser', 'google-chrome'].some((name) => onPath(name) !== undefined);

if (!isThere() && process.getuid?.() === 0 && onPath('apt-get') !== undefined) {
  const options = {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  spawnSync('apt-get', ['update'], options);
  spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], options);
}
if (!isThere()) console.error('no Chromium found: install one, or the test of the dashboard in a browser fails');
