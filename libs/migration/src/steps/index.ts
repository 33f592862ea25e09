import type { StepName } from '#libs/vocabulary';
import type { Step } from '../step.js';
import { account } from './account.js';
import { aliases } from './aliases.js';
import { calendar } from './calendar.js';
import { confirm } from './confirm.js';
import { gmail } from './gmail.js';
import { groups } from './groups.js';
import { licence } from './licence.js';
import { mailbox } from './mailbox.js';

/** Every step of the step table: it does not compile without one. */
export const allSteps: Readonly<Record<StepName, Step>> = {
  account,
  aliases,
  licence,
  groups,
  mailbox,
  gmail,
  calendar,
  confirm,
};
