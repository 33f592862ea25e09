import type { User } from './account.js';
import { Refusal } from './refusal.js';
import { textIn } from './json.js';
import { param, type Call, type Handler, type Result } from './request.js';
import type { Simulation } from './simulation.js';

/** Gmail's settings. Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.settings */
export function gmailHandlers(simulation: Simulation): Record<string, Handler> {
  const on = (handle: (user: User, call: Call) => Result): Handler => {
    return (call) => handle(mailboxOf(simulation, call), call);
  };
  return {
    'gmail.users.settings.getLanguage': on((user) => languageOf(user)),
    'gmail.users.settings.updateLanguage': on((user, { body }) => {
      user.language = closestLanguage(textIn(body, 'displayLanguage') ?? '');
      return languageOf(user);
    }),
    'gmail.users.settings.getImap': on((user) => imapOf(user)),
    'gmail.users.settings.updateImap': on((user, { body }) => {
      const size = body['maxFolderSize'];
      if (size !== undefined && !folderSizes.has(Number(size))) throw invalidArgument('Invalid maxFolderSize');
      user.imap = body['enabled'] === true;
      return imapOf(user);
    }),
    'gmail.users.settings.getPop': on((user) => popOf(user)),
    'gmail.users.settings.updatePop': on((user, { body }) => {
      const disposition = textIn(body, 'disposition') ?? 'dispositionUnspecified';
      if (disposition === 'dispositionUnspecified') throw invalidArgument('Invalid disposition');
      const accessWindow = textIn(body, 'accessWindow') ?? 'accessWindowUnspecified';
      if (accessWindow === 'accessWindowUnspecified') throw invalidArgument('Invalid accessWindow');
      user.pop = simulation.world.shared(`${accessWindow} ${disposition}`);
      return popOf(user);
    }),
    'gmail.users.settings.sendAs.list': on((user) => ({ sendAs: [sendAsOf(user)] })),
    'gmail.users.settings.sendAs.get': on((user, call) => {
      refuseOtherAddress(user, call);
      return sendAsOf(user);
    }),
    'gmail.users.settings.sendAs.patch': on((user, call) => changeSendAs(user, call)),
    'gmail.users.settings.sendAs.update': on((user, call) => changeSendAs(user, call)),
  };
}

/** Units that each call costs. Source: https://developers.google.com/workspace/gmail/api/reference/quota */
export const gmailUnits: Readonly<Record<string, number>> = {
  'gmail.users.settings.updateLanguage': 5,
  'gmail.users.settings.updateImap': 5,
  'gmail.users.settings.updatePop': 100,
  'gmail.users.settings.sendAs.patch': 100,
  'gmail.users.settings.sendAs.update': 100,
};

const folderSizes = new Set([0, 1_000, 2_000, 5_000, 10_000]);
const signatureMax = 10_000;

const invalidArgument = (message: string) =>
  new Refusal(400, 'invalidArgument', message, { rpcStatus: 'INVALID_ARGUMENT' });

function mailboxOf({ world }: Simulation, call: Call): User {
  const { subject } = call.bearer;
  const userId = param(call, 'userId').toLowerCase();
  const user = world.userByAddress.get(subject);
  if (user === undefined || (userId !== 'me' && userId !== subject)) {
    throw new Refusal(403, 'forbidden', `Delegation denied for ${subject}`, { rpcStatus: 'PERMISSION_DENIED' });
  }
  if (!world.mailboxReady(user)) {
    throw new Refusal(400, 'failedPrecondition', 'Mail service not enabled', { rpcStatus: 'FAILED_PRECONDITION' });
  }
  return user;
}

const languageOf = (user: User) => ({ displayLanguage: user.language ?? 'en' });

const imapOf = (user: User) => ({
  enabled: user.imap ?? true,
  autoExpunge: true,
  expungeBehavior: 'archive',
  maxFolderSize: 0,
});

function popOf(user: User) {
  const [accessWindow = 'disabled', disposition = 'leaveInInbox'] = (user.pop ?? '').split(' ').filter(Boolean);
  return { accessWindow, disposition };
}

const sendAsOf = (user: User) => ({
  sendAsEmail: user.primaryEmail,
  displayName: `${user.givenName} ${user.familyName}`,
  replyToAddress: '',
  signature: user.signature ?? '',
  isPrimary: true,
  isDefault: true,
});

function refuseOtherAddress(user: User, call: Call): void {
  if (param(call, 'sendAsEmail').toLowerCase() !== user.primaryEmail) {
    throw new Refusal(404, 'notFound', 'Requested entity was not found.', { rpcStatus: 'NOT_FOUND' });
  }
}

function changeSendAs(user: User, call: Call): Result {
  refuseOtherAddress(user, call);
  const signature = call.body['signature'];
  if (typeof signature === 'string') {
    if (signature.length > signatureMax) {
      throw invalidArgument(`Signature exceeds maximum length of ${signatureMax} characters`);
    }
    user.signature = sanitised(signature);
  } else if (signature === null || call.method.httpMethod === 'PUT') delete user.signature;
  return sendAsOf(user);
}

const languages = new Set(
  'en en-GB fr fr-CA de es es-419 it pl nl sv ro pt-PT pt-BR cs hu da fi no sk sl hr bg el tr uk ru ja ko zh-CN zh-TW zh-HK ar he hi id ms th vi ca et lt lv sr'.split(
    ' ',
  ),
);

/** Gmail keeps the closest tag that it supports. */
function closestLanguage(tag: string): string {
  if (!/^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$/.test(tag)) throw invalidArgument('Invalid display language');
  const known = tag.replaceAll('_', '-');
  if (languages.has(known)) return known;
  const [primary = 'en'] = known.split('-');
  if (primary === 'pt') return 'pt-PT';
  if (primary === 'zh') return 'zh-CN';
  return languages.has(primary) ? primary : 'en';
}

const kept = new Map<string, string>();
const keptMax = 1_000;

/** Gmail cleans signatures: attributes reordered, spaces between tags gone. Equal ones share one string. */
function sanitised(html: string): string {
  const clean = html
    .replace(/>\s+</g, '><')
    .replace(/<(\w+)((?:\s+[\w-]+="[^"]*")+)\s*>/g, (_tag, name: string, attributes: string) => {
      const sorted = (attributes.match(/[\w-]+="[^"]*"/g) ?? []).sort();
      return `<${name} ${sorted.join(' ')}>`;
    });
  const same = kept.get(clean);
  if (same !== undefined) return same;
  if (kept.size < keptMax) kept.set(clean, clean);
  return clean;
}
