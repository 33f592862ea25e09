import { hash } from 'node:crypto';
import { blockedAddresses, dayAtWork, wantedAddress, type Blueprint, type WantedAddress } from '#libs/blueprint';
import {
  AddressPreviewDesk,
  PassingBytes,
  readSourceSettings,
  type AddressPreviewRow,
  type Ledger,
  type PreviewCounts,
  type PreviewedRow,
} from '#libs/ledger';
import type { EmployeeRecord } from '#libs/vocabulary';
import { checkedRows, type FeedFile, type FileRow } from './checked-rows.js';

/** A feed whose addresses are asked for, before it is delivered. */
export interface FeedToPreview extends Omit<FeedFile, 'settings' | 'scim' | 'authority'> {
  readonly source: string;
  readonly blueprint: Blueprint;
}

export interface AddressPreview {
  readonly counts: PreviewCounts;
  /** When Google's directory was last listed; null: never, so what is there is not known. */
  readonly listedAt: Date | null;
  rows(which: { readonly notable: boolean; readonly limit: number | null }): AsyncGenerator<AddressPreviewRow>;
  /** Forgets everything: it lies in a connection of its own. May be called again. */
  close(): void;
}

/**
 * What addresses the people of a feed would get if it were delivered now and planned under the blueprint: rows are read and
 * checked as the intake does, addresses chosen as planning does, against everybody and everything that is known. Nothing
 * is stored and nothing reserved.
 *
 * @throws FeedRefusedError when the file as a whole cannot be used.
 */
export async function previewAddresses(
  ledger: Ledger,
  feed: FeedToPreview,
  bytes: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<AddressPreview> {
  const { blueprint } = feed;
  const wishOf = (record: EmployeeRecord) => wantedAddress(blueprint, record, dayAtWork(record, feed.receivedAt));
  const rules = {
    blocked: blockedAddresses(blueprint),
    verifiedDomains: blueprint.verifiedDomainsNeeded,
    reuseAfter: blueprint.settings.address.reuseAfter,
  };
  const { scim, authority, file: settings } = await readSourceSettings(ledger.db, feed.source);
  const passing = await PassingBytes.store(ledger, bytes);
  try {
    const desk = await AddressPreviewDesk.open(ledger);
    try {
      const stored = {
        stream: () => passing.pieces(),
        pieceSizes: () => passing.pieceSizes(),
        piece: (index: number) => passing.piece(index),
      };
      const rows = checkedRows(stored, { ...feed, settings, scim, authority }, signal);
      await desk.storeRows(previewedRows(rows, wishOf));
      const { counts, listedAt } = await desk.choose(feed.source, rules, wishOf);
      return { counts, listedAt, rows: (which) => desk.rows(which), close: () => desk.close() };
    } catch (error) {
      desk.close();
      throw error;
    }
  } finally {
    passing.close();
  }
}

async function* previewedRows(
  chunks: AsyncIterable<readonly FileRow[]>,
  wishOf: (record: EmployeeRecord) => WantedAddress,
): AsyncGenerator<readonly PreviewedRow[]> {
  for await (const chunk of chunks) {
    yield chunk.map(({ record, ...row }) => ({
      ...row,
      accepted: record && {
        fingerprint: hash('sha256', JSON.stringify(record), 'buffer'),
        status: record.status,
        previousNumber: record.previousNumber,
        wanted: wishOf(record),
      },
    }));
  }
}
