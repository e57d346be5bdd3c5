import { MAX_INLINE_BEEF_BYTES } from '../../protocols/gossip/constants.ts';
import { encodeBeef } from '../spv/beef.ts';
import { mergeBumps, parseBump } from '../spv/bump.ts';
import { displayHexAt, txidOf } from '../spv/bytes.ts';
import { layoutOf } from '../spv/layout.ts';
import { StoreError } from '../store/errors.ts';
import { proofKey } from '../store/keys.ts';
import { decodeProof } from '../store/proof-row.ts';
import type { TxRecord } from '../store/records.ts';
import { damaged, RowWriter } from '../store/row-bytes.ts';
import type { Store } from '../store/store.ts';
import { GOSSIP_LIMITS } from './gossip-limits.ts';
import type { TellableState, Told } from './told.ts';

/** What is sent for one transaction. */
export interface Parcel {
  readonly txid: string;
  readonly height: number | undefined;
  /** What counts as told once it was sent: itself, and those ancestors in it that are of no topic. */
  readonly states: readonly TellableState[];
  /** Undefined: too large, to be announced. */
  readonly beef: Uint8Array | undefined;
  /** Bytes of the BEEF, or at which its making was given up. */
  readonly size: number;
}

/**
 * Makes BEEFs (V1, the subject last) for gossip. What was told on the topic already is left out, or a chain of unmined
 * transactions would be sent again with each new one: who lacks an ancestor fetches it.
 */
export class GossipBeefs {
  private readonly store: Pick<Store, 'tx' | 'database'>;
  private readonly told: Told;
  private readonly keys = new RowWriter();

  constructor(store: Pick<Store, 'tx' | 'database'>, told: Told) {
    this.store = store;
    this.told = told;
  }

  /** The transaction behind those of its unmined ancestors that are of the token and were not told. @throws StoreError */
  parcels(record: TxRecord, tokenNo: number): readonly Parcel[] {
    const isOfToken = (r: TxRecord): boolean => r.tokens.some((part) => part.tokenNo === tokenNo);
    const line = this.unminedBefore(record, tokenNo, () => false).filter(isOfToken);
    const last = line.slice(-GOSSIP_LIMITS.ancestors);
    return [...last, record].map((r) => this.parcel(r, tokenNo, isOfToken));
  }

  private parcel(record: TxRecord, tokenNo: number, isOfToken: (r: TxRecord) => boolean): Parcel {
    const own = record.place === undefined ? this.unminedBefore(record, tokenNo, isOfToken) : [];
    const { txid } = record;
    const height = record.place?.height;
    const subject = { tokenNo, arrival: record.arrival, height };
    const states = [...own.map(({ arrival }) => ({ tokenNo, arrival, height: undefined })), subject];
    const parts = this.withProven([...own, record], tokenNo);
    const size = parts.reduce((sum, part) => sum + part.raw.length + (part.path?.length ?? 0) + 10, 20);
    if (size > MAX_INLINE_BEEF_BYTES) return { txid, height, states, beef: undefined, size };
    return { txid, height, states, beef: beefOf(parts), size };
  }

  /** Unmined ancestors that were not told, parents first, those beyond told and mined ones and `isEnd` left out. */
  private unminedBefore(
    record: TxRecord,
    tokenNo: number,
    isEnd: (record: TxRecord) => boolean,
  ): readonly TxRecord[] {
    const order: TxRecord[] = [];
    const entered = new Set<string>();
    const stack = record.place === undefined ? [{ record, isReady: false }] : [];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      if (at.isReady) {
        order.push(at.record);
        continue;
      }
      if (entered.has(at.record.txid)) continue;
      entered.add(at.record.txid);
      if (at.record !== record) stack.push({ record: at.record, isReady: true });
      // Deeper ones were told long ago, or will be fetched.
      if (entered.size > 2 * GOSSIP_LIMITS.ancestors) continue;
      for (const parent of this.parentsOf(at.record)) {
        if (parent.place !== undefined || entered.has(parent.txid) || isEnd(parent)) continue;
        if (this.told.has({ tokenNo, arrival: parent.arrival, height: undefined })) continue;
        stack.push({ record: parent, isReady: false });
      }
    }
    return order;
  }

  /** The same behind what shows that they are valid, or of the token, each once. */
  private withProven(records: readonly TxRecord[], tokenNo: number): Part[] {
    const parts: Part[] = [];
    const seen = new Set<string>();
    for (const record of records) {
      for (const r of [...this.parentsWith(record, tokenNo), record]) {
        if (seen.has(r.txid)) continue;
        seen.add(r.txid);
        // Bytes that leave the daemon are held against the txid they are kept under.
        if (txidOf(r.raw) !== r.txid) throw damaged(Buffer.from(r.txid, 'hex'));
        parts.push({ raw: r.raw, block: blockOf(r), path: this.pathOf(r) });
      }
    }
    return parts;
  }

  /**
   * Mined parents. With a mined one those that are not of the token, which nobody else brings to who has not heard of it before
   * and which it needs should its block be undone; and those of whose tokens it makes nothing: only they show that it is of the token.
   */
  private parentsWith(record: TxRecord, tokenNo: number): TxRecord[] {
    const mined = this.parentsOf(record).filter(({ place }) => place !== undefined);
    if (record.place === undefined) return mined;
    const spent = record.tokens.flatMap(({ outputs, inputs }) => (outputs.length === 0 ? inputs : []));
    const shown = [...new Set(spent.map(({ txid }) => txid))].flatMap((txid) => this.store.tx(txid) ?? []);
    const others = mined.filter(({ tokens }) => !tokens.some((part) => part.tokenNo === tokenNo));
    return [...others, ...shown];
  }

  private parentsOf(record: TxRecord): TxRecord[] {
    const parents: TxRecord[] = [];
    const { raw, outpointAt } = layoutOf(record.raw);
    for (const at of outpointAt) {
      const parent = this.store.tx(displayHexAt(raw, at));
      if (parent !== undefined) parents.push(parent);
    }
    return parents;
  }

  private pathOf({ txid, place }: TxRecord): Uint8Array | undefined {
    if (place === undefined) return undefined;
    const key = proofKey(this.keys.reset(), place.height, place.blockHash, place.index);
    const value = this.store.database.get(key);
    if (value !== undefined) return decodeProof(key, value).path;
    throw new StoreError('STORE_ROW_MISSING', `the proof of transaction ${txid} is gone from the store`, {
      txid,
    });
  }
}

interface Part {
  readonly raw: Uint8Array;
  /** Undefined while unmined. */
  readonly block: string | undefined;
  /** BUMP of this one transaction. */
  readonly path: Uint8Array | undefined;
}

/** A source's untold block is told apart by its root, which is the same for all paths of it. */
function blockOf({ place }: TxRecord): string | undefined {
  return place === undefined ? undefined : `${place.height}:${place.blockHash}`;
}

function beefOf(parts: readonly Part[]): Uint8Array {
  const paths = new Map<string, Uint8Array[]>();
  for (const { block, path } of parts) {
    if (block === undefined || path === undefined) continue;
    const known = paths.get(block);
    if (known === undefined) paths.set(block, [path]);
    else known.push(path);
  }
  const blocks = [...paths.keys()];
  const bumps = [...paths.values()].map(([first, ...more]) =>
    more.length === 0 ? (first as Uint8Array) : mergeBumps([first as Uint8Array, ...more].map(parseBump)),
  );
  const txs = parts.map(({ raw, block }) =>
    block === undefined ? { raw } : { raw, bump: blocks.indexOf(block) },
  );
  return encodeBeef({ version: 1, bumps, txs });
}
