import { MAX_FETCH_BYTES, MAX_TX_BYTES } from '../../protocols/token-sync/constants.ts';
import { TokenSyncError } from '../../protocols/token-sync/errors.ts';
import type { TxSet } from '../ingest/outcome.ts';

type Entry = TxSet['txs'][number];

/**
 * Gathers the ancestors of a fetched transaction until it is there itself: alone they would mean nothing to the ingest, which
 * keeps what a token's transaction needs. Holds at most what an answer may have.
 */
export class RootSets {
  private held: Entry[] = [];
  private bytes = 0;
  /** Parents of what was let go: context may come behind its child. */
  private readonly wanted = new Set<string>();

  /**
   * What is complete with these, in order of arrival: the roots among them, and all that these descend from.
   * @throws TokenSyncError COUNT_EXCEEDED: ancestors of nothing, more than an answer may have
   */
  take(entries: readonly Entry[], isRoot: (txid: string) => boolean): Entry[] {
    const all = [...this.held, ...entries];
    const byTxid = new Map(all.map((entry) => [entry.tx.txid, entry]));
    const complete = new Set<Entry>();
    for (const entry of all) if (isRoot(entry.tx.txid) || this.wanted.has(entry.tx.txid)) complete.add(entry);
    // It grows while it is walked.
    for (const { tx } of complete) {
      for (const { prevTxid } of tx.inputs) {
        this.wanted.add(prevTxid);
        const parent = byTxid.get(prevTxid);
        if (parent !== undefined) complete.add(parent);
      }
    }
    this.held = all.filter((entry) => !complete.has(entry));
    this.bytes = this.held.reduce((sum, { tx }) => sum + tx.raw.length, 0);
    if (this.bytes > MAX_FETCH_BYTES + MAX_TX_BYTES) {
      throw new TokenSyncError('COUNT_EXCEEDED', 'more ancestors than an answer may have', {
        bytes: this.bytes,
      });
    }
    return all.filter((entry) => complete.has(entry));
  }
}
