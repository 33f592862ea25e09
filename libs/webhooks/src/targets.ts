import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Where messages may go. `public`: https, to addresses of the public internet only. `private`: to the company's own networks
 * as well, and to this machine, where http will do.
 */
export type TargetRule = 'public' | 'private';

const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];
/** Beside the public ones; link-local addresses are never among them, for there clouds keep their machines' credentials. */
const privateRanges: readonly string[] = ['private', 'loopback', 'uniqueLocal', 'carrierGradeNat'];

/** Whether a message may be sent to this IP address. */
export function mayReach(address: string, rule: TargetRule): boolean {
  if (!ipaddr.isValid(address)) return false;
  // An IPv4 address written as IPv6 is what it stands for.
  const range = ipaddr.process(address).range();
  return range === 'unicast' || (rule === 'private' && privateRanges.includes(range));
}

const expected: Readonly<Record<TargetRule, string>> = {
  public: 'must be an https address of the public internet, without name and password',
  private: 'must be an https address, without name and password (http only on this machine)',
};

/** Reads an endpoint's address; `problem` says what is wrong with it. A name is looked up at every try, not here. */
export function readTarget(text: string, rule: TargetRule): { url: URL } | { problem: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const problem = { problem: expected[rule] };
  if (url === undefined || url.username !== '' || url.password !== '' || url.hash !== '') return problem;
  const onThisMachine = rule === 'private' && loopbackNames.includes(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && onThisMachine)) return problem;
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(literal) !== 0 && !mayReach(literal, rule)) return problem;
  return rule === 'public' && url.hostname === 'localhost' ? problem : { url };
}
