import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parseQuotas, QuotaDocumentError } from './document.js';

const shipped = stringify({
  buckets: {
    queries: { api: 'directory', scope: 'adminSubject', window: 'minute', limit: 2_400, source: 'a page' },
    perDay: { api: 'groupsSettings', scope: 'project', window: 'day', limit: 100_000, enforced: false },
  },
  methods: { 'directory.users.get': { queries: 1 }, 'groupsSettings.groups.patch': { perDay: 1 } },
});

const problemsOf = (override: string): readonly string[] => {
  try {
    parseQuotas(shipped, override);
    return [];
  } catch (error) {
    if (error instanceof QuotaDocumentError) return error.problems;
    throw error;
  }
};

describe('the quota document', () => {
  it('charges whom quotaUser names and enforces every quota, unless it says otherwise', () => {
    const document = parseQuotas(shipped);
    expect(document).toMatchObject({ timeScale: 1, perUserChargedTo: 'quotaUser' });
    expect(document.buckets['queries']?.enforced).toBe(true);
    expect(document.buckets['perDay']?.enforced).toBe(false);
  });

  it('takes single figures of the admin’s own document and keeps the rest', () => {
    const limit = fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 1_000_000 }));
    fc.assert(
      fc.property(limit, fc.integer({ min: 1, max: 1_000 }), (own, timeScale) => {
        const override = stringify({ timeScale, buckets: { queries: { limit: own } } });
        const document = parseQuotas(shipped, override);
        expect(document.timeScale).toBe(timeScale);
        expect(document.buckets['queries']).toEqual({ ...parseQuotas(shipped).buckets['queries'], limit: own });
        expect(document.buckets['perDay']).toEqual(parseQuotas(shipped).buckets['perDay']);
      }),
    );
  });

  it('leaves a threshold a threshold when only its figure is overridden', () => {
    const document = parseQuotas(shipped, 'buckets: { perDay: { limit: 5 } }');
    expect(document.buckets['perDay']).toMatchObject({ limit: 5, enforced: false });
  });

  it('is the shipped one when the admin’s own is empty', () => {
    expect(parseQuotas(shipped, '')).toEqual(parseQuotas(shipped));
  });

  it('names every fault by its path', () => {
    expect(problemsOf('buckets: { queries: { limit: -1, window: hour } }')).toEqual([
      expect.stringContaining('buckets.queries.window'),
      expect.stringContaining('buckets.queries.limit'),
    ]);
    expect(problemsOf('quota: {}')).toEqual([expect.stringContaining('quota')]);
    expect(problemsOf('perUserChargedTo: nobody')).toEqual([expect.stringContaining('perUserChargedTo')]);
  });

  it('refuses a call that Bascule does not make, for a slip of the pen would go unseen', () => {
    expect(problemsOf('methods: { directory.users.git: { queries: 2 } }')).toEqual([
      'methods.directory.users.git: there is no such call',
    ]);
  });

  it('refuses a cost in a bucket that is not there', () => {
    expect(problemsOf('methods: { directory.users.get: { qeries: 1 } }')).toEqual([
      expect.stringContaining('methods.directory.users.get.qeries'),
    ]);
  });
});
