import { createHash } from 'node:crypto';
import { settingsFingerprint, settingsToWrite } from '#libs/plan';
import type { GmailSettings } from '#libs/vocabulary';
import { lookAgainMs } from '../outcome-changes.js';
import { confirmedSettings } from '../confirmed-settings.js';
import type { Step, StepContext, StepResult } from '../step.js';

/**
 * Writes the Gmail settings one after the other (a mailbox takes few calls at a time), then confirms by one read. Google
 * rewrites a signature: the form in its reply to our write is the one to expect.
 */
export const gmail: Step = async (context) => {
  const { item } = context;
  if (item.googleId === null) return { kind: 'failed', reason: 'account_missing' };
  if (item.desired.suspended) {
    return { kind: 'waiting', reason: 'suspended_until_start', lookAgainMs: lookAgainMs('suspended_until_start') };
  }
  const origin = item.origin ?? 'adopted';
  // Settings that are the person's own since they were confirmed once are left alone.
  const { gmail: settings } = settingsToWrite(item.desired, origin, confirmedSettings(item));
  const existed = origin === 'adopted' || item.gmailHash !== null;
  const expected = item.inDoubt ? undefined : item.facts['signature'];
  const signature = typeof expected === 'string' ? expected : await write(context, settings, existed);
  if (settings.signature !== undefined && !(await shows(context, signature))) {
    return {
      kind: 'waiting',
      reason: 'change_not_visible',
      lookAgainMs: lookAgainMs('change_not_visible'),
      facts: { signature },
    };
  }
  return doneWith(context, origin);
};

async function write(context: StepContext, settings: GmailSettings, existed: boolean): Promise<string> {
  const { item, workspace, call } = context;
  const subject = item.desired.primaryEmail;
  if (existed) await context.recordPrior(await readPrior(context, settings));
  if (settings.language) await workspace.gmail.updateLanguage(call, subject, settings.language.value);
  if (settings.imap) await workspace.gmail.updateImap(call, subject, settings.imap.value);
  if (settings.pop) await workspace.gmail.updatePop(call, subject, settings.pop.value);
  if (!settings.signature) return '';
  return hash((await workspace.gmail.patchSendAs(call, subject, { signature: settings.signature.value })).signature);
}

async function readPrior({ item, workspace, call }: StepContext, settings: GmailSettings): Promise<unknown> {
  const subject = item.desired.primaryEmail;
  return {
    ...(settings.language && { language: await workspace.gmail.getLanguage(call, subject) }),
    ...(settings.imap && { imap: await workspace.gmail.getImap(call, subject) }),
    ...(settings.pop && { pop: await workspace.gmail.getPop(call, subject) }),
    ...(settings.signature && { sendAs: await workspace.gmail.getSendAs(call, subject) }),
  };
}

async function shows({ item, workspace, call }: StepContext, signature: string): Promise<boolean> {
  const sendAs = await workspace.gmail.getSendAs(call, item.desired.primaryEmail);
  return hash(sendAs.signature) === signature;
}

const hash = (text: string | undefined) =>
  createHash('sha256')
    .update(text ?? '')
    .digest('base64url');

function doneWith({ item }: StepContext, origin: 'created' | 'adopted'): StepResult {
  const googleId = item.googleId ?? '';
  return {
    kind: 'done',
    account: { googleId, origin, wrote: false, gmailHash: settingsFingerprint(item.desired).gmail },
  };
}
