import type { Verb } from '../context.js';
import { addresses } from './addresses.js';
import { adopt } from './adopt.js';
import { blueprint } from './blueprint.js';
import { employee } from './employee.js';
import { feed } from './feed.js';
import { google } from './google.js';
import { handover } from './handover.js';
import { migration } from './migration.js';
import { report } from './report.js';
import { standing } from './standing.js';
import { token } from './token.js';
import { watch } from './watch.js';
import { webhook } from './webhook.js';

export const verbs: readonly Verb[] = [
  feed,
  blueprint,
  addresses,
  adopt,
  migration,
  standing,
  handover,
  watch,
  employee,
  report,
  google,
  token,
  webhook,
];
