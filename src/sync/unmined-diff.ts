import { MAX_FETCH_IDS, SALT_BYTES, SHORT_ID_BYTES } from '../../protocols/token-sync/constants.ts';
import { differingBuckets, shortId } from '../../protocols/token-sync/digests.ts';
import { TokenSyncError } from '../../protocols/token-sync/errors.ts';
import { TokenHistory } from '../store/token-history.ts';
import { MAX_FUTILE } from './client-limits.ts';
import type { SyncIndex } from './client-modules.ts';
import { askShortIds, askSums } from './questions.ts';
import type { Session } from './session.ts';
import { shortIdsOf } from './short-ids.ts';
import type { Transfers } from './transfer.ts';

/** Fetches of one look: what is left then is for the next. */
const MAX_FETCHES = 64;

export interface UnminedModules {
  readonly index: SyncIndex;
  readonly transfers: Transfers;
  readonly randomBytes: (length: number) => Uint8Array;
}

/** What one look at a peer's unmined transactions brought. */
export interface UnminedEnd {
  /** The sets were equal. */
  readonly isEqual: boolean;
  /** Transactions that came and are in our history now. */
  readonly gained: number;
  /** That the peer has, and we neither have nor have fetched before. */
  readonly lacked: number;
}

/**
 * Finds what unmined history transactions of a token a peer has and we lack: sums of 256 buckets, then short ids of those
 * that differ, under a salt that nobody could know before. What is fetched without becoming our history (it conflicts with what
 * we saw first, or is mined here already) is remembered, so that it is not fetched each time.
 */
export class UnminedDiff {
  private readonly modules: UnminedModules;
  private readonly tokenId: string;
  /** Txids, internal order as hex, oldest first. */
  private readonly futile = new Set<string>();

  constructor(modules: UnminedModules, tokenId: string) {
    this.modules = modules;
    this.tokenId = tokenId;
  }

  /** @throws what asking throws; PeerFault; SyncError; the reason of the signal */
  async run(session: Session, signal: AbortSignal): Promise<UnminedEnd> {
    const { tokenId } = this;
    const theirs = await askSums(session.conversation(), tokenId, signal);
    const { unminedSums } = await this.modules.index.commitments.tip(tokenId);
    const buckets = differingBuckets(unminedSums, theirs);
    if (buckets.length === 0) return { isEqual: true, gained: 0, lacked: 0 };
    let gained = 0;
    let lacked = 0;
    // Halved where one answer would be too large.
    const parts = [buckets];
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const end = await this.part(session, part, signal);
      if (end === 'tooLarge') {
        const half = Math.ceil(part.length / 2);
        if (part.length > 1) parts.push(part.slice(half), part.slice(0, half));
        continue;
      }
      gained += end.gained;
      lacked += end.lacked;
    }
    return { isEqual: false, gained, lacked };
  }

  private async part(
    session: Session,
    part: readonly number[],
    signal: AbortSignal,
  ): Promise<{ readonly gained: number; readonly lacked: number } | 'tooLarge'> {
    const ask = { salt: this.modules.randomBytes(SALT_BYTES), buckets: Uint8Array.from(part) };
    let ids: Uint8Array;
    try {
      ids = await askShortIds(session.conversation(), this.tokenId, ask, signal);
    } catch (error) {
      if (error instanceof TokenSyncError && error.code === 'TOO_LARGE') return 'tooLarge';
      throw error;
    }
    let missing = await this.lacking(ids, ask);
    const lacked = missing.length;
    let gained = 0;
    for (let i = 0; i < MAX_FETCHES && missing.length > 0; i++) {
      const { given, more } = await this.fetch(session, ask.salt, missing.slice(0, MAX_FETCH_IDS), signal);
      gained += more;
      // One answer has a limit of bytes: what it left out is asked for again, unless it gave nothing at all.
      const rest = missing.slice(MAX_FETCH_IDS);
      missing = [...rest, ...given];
    }
    return { gained, lacked };
  }

  /** Short ids, latin1, that stand for nothing of ours. */
  private async lacking(
    theirs: Uint8Array,
    ask: { readonly salt: Uint8Array; readonly buckets: Uint8Array },
  ): Promise<string[]> {
    const { store } = this.modules.index;
    const tokenNo = store.tokenNos.get(this.tokenId);
    const own =
      tokenNo === undefined ? undefined : await shortIdsOf(store, tokenNo, ask, Number.POSITIVE_INFINITY);
    const known = new Set(split(own ?? new Uint8Array(0)));
    for (const txid of this.futile) known.add(shortId(ask.salt, Buffer.from(txid, 'hex')).toString('latin1'));
    return split(theirs).filter((id) => !known.has(id));
  }

  /** `given`: ids to ask for again. `more`: transactions that are in our history by it. */
  private async fetch(
    session: Session,
    salt: Uint8Array,
    ids: readonly string[],
    signal: AbortSignal,
  ): Promise<{ readonly given: readonly string[]; readonly more: number }> {
    const shortIds = Buffer.from(ids.join(''), 'latin1');
    const by = { by: 'shortId', salt, shortIds } as const;
    const { missing, txids } = await this.modules.transfers.fetch(session, this.tokenId, by, signal);
    const given = txids.length === 0 ? [] : missing.flatMap((place) => ids[place] ?? []);
    return { given, more: this.look(txids) };
  }

  /** How many of them are unmined history now. */
  private look(txids: readonly string[]): number {
    const { store } = this.modules.index;
    const tokenNo = store.tokenNos.get(this.tokenId) ?? 0;
    const point = store.read();
    try {
      const history = new TokenHistory(store, point);
      let count = 0;
      for (const txid of txids) {
        const record = store.tx(txid);
        // What waits is not decided: somebody else may bring what it waits for.
        if (record === undefined || record.status === 'waiting') continue;
        if (history.unmined(tokenNo, record.arrival) === undefined) this.remember(txid);
        else count++;
      }
      return count;
    } finally {
      point.release();
    }
  }

  private remember(txid: string): void {
    this.futile.add(Buffer.from(txid, 'hex').reverse().toString('hex'));
    if (this.futile.size <= MAX_FUTILE) return;
    const [oldest] = this.futile;
    if (oldest !== undefined) this.futile.delete(oldest);
  }
}

function split(ids: Uint8Array): string[] {
  const bytes = Buffer.from(ids.buffer, ids.byteOffset, ids.length);
  return Array.from({ length: bytes.length / SHORT_ID_BYTES }, (_, i) =>
    bytes.toString('latin1', i * SHORT_ID_BYTES, (i + 1) * SHORT_ID_BYTES),
  );
}
