// Ends with 0 if node_modules holds what package-lock.json names, so that commands install only after a change.
import { readFileSync } from 'node:fs';

function packages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

const wanted = packages('package-lock.json') ?? {};
const present = packages('node_modules/.package-lock.json');
const isPresent = ([path, { version, optional, devOptional, peer }]) => {
  const found = present[path];
  // Packages of other platforms are left out by npm.
  if (found === undefined) return [optional, devOptional, peer].includes(true);
  return found.version === version;
};
const isComplete =
  present !== undefined &&
  Object.entries(wanted)
    .filter(([path]) => path !== '')
    .every(isPresent);
process.exit(isComplete ? 0 : 1);
