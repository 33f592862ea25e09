// House rules that no linter knows: names that everything fits in, unfinished marks, links that lead nowhere.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && existsSync(file));
const problems = [];

const vagueName = /(^|[/.-])(utils?|helpers?|common|misc|manager|base|types)([.-][^/]*)?$/;
for (const file of files.filter((name) => /^(apps|libs)\//.test(name))) {
  if (vagueName.test(file.replace(/\.(ts|tsx)$/, ''))) {
    problems.push(`${file}: the name says nothing; name the idea that the file holds`);
  }
}

const unfinished = new RegExp(`\\b(${['FIX', 'ME'].join('')}|${['TO', 'DO'].join('')}|${['X', 'XX'].join('')})\\b`);
for (const file of files.filter((name) => /\.(ts|tsx|mjs|sql|lua)$/.test(name))) {
  readFileSync(file, 'utf8')
    .split('\n')
    .forEach((line, index) => {
      if (unfinished.test(line)) problems.push(`${file}:${index + 1}: an unfinished mark on main`);
    });
}

for (const file of files.filter((name) => name.endsWith('.md'))) {
  const text = readFileSync(file, 'utf8').replace(/```[\s\S]*?```/g, '');
  for (const [, target] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    if (!existsSync(normalize(join(dirname(file), target)))) problems.push(`${file}: link to ${target} leads nowhere`);
  }
}

for (const problem of problems) console.error(problem);
process.exit(problems.length === 0 ? 0 : 1);
