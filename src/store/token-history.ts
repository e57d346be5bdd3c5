import { txidOf } from '../spv/bytes.ts';
import { StoreError } from './errors.ts';
import {
  afterPrefix,
  arrivalKey,
  historyKey,
  ownerPrefix,
  PREFIX,
  proofKey,
  txKey,
  UNMINED_HEIGHT,
} from './keys.ts';
import { decodeArrival } from './records.ts';
import { damaged, RowReader, RowWriter, unsealed } from './row-bytes.ts';
import type { Row, Snapshot } from './scan.ts';
import type { ReadPoint, Store } from './store.ts';

/** One transaction of a token's history as its `a` row names it. */
export interface HistoryEntryAt {
  /** UNMINED_HEIGHT while unmined. */
  readonly height: number;
  /** Index in the block; of an unmined one its arrival. */
  readonly order: number;
  /** 32 bytes, display order, a view. */
  readonly txid: Buffer;
}

/** Place behind which a scan goes on, or from which it begins. */
export interface HistoryPlace {
  readonly height: number;
  readonly order: number;
}

/** A stored transaction as far as passing it on needs it: nothing is decoded that is not asked. */
export interface HeldTx {
  readonly txid: string;
  readonly arrival: number;
  /** The exact bytes, checked against the txid. */
  readonly raw: Buffer;
  readonly height: number | undefined;
  readonly index: number | undefined;
  readonly blockHash: string | undefined;
  /** Tokens (by number) of which it creates or spends outputs, valid or not. */
  readonly tokenNos: readonly number[];
}

const TWO_32 = 0x1_0000_0000;
const TXID_BYTES = 32;
const EVERYONE = new Uint8Array(0);
const FLAG_MINED = 0x10;

/**
 * The history of whole tokens by height: what other daemons compare and are sent. At a read point, which the caller releases; or
 * without one, for whoever reads much: then each page and each row is as of the moment when it is read.
 */
export class TokenHistory {
  private readonly store: Store;
  private readonly snapshot: Snapshot | undefined;
  private readonly keys = new RowWriter();

  constructor(store: Store, point?: ReadPoint) {
    this.store = store;
    this.snapshot = point?.snapshot;
  }

  /** Rows from a place up to and with a height, in order of height and place; unmined ones if `toHeight` is UNMINED_HEIGHT. */
  async *entries(tokenNo: number, from: HistoryPlace, toHeight: number): AsyncGenerator<HistoryEntryAt> {
    for await (const page of this.pages(tokenNo, from, toHeight)) yield* page;
  }

  /** The same, some hundred at a time: for whoever reads all of it. */
  async *pages(
    tokenNo: number,
    from: HistoryPlace,
    toHeight: number,
  ): AsyncGenerator<readonly HistoryEntryAt[]> {
    const first = Buffer.from(historyKey(this.keys, tokenNo, EVERYONE, from.height, from.order));
    const prefix = Buffer.from(ownerPrefix(this.keys, PREFIX.history, tokenNo, EVERYONE));
    const behind =
      toHeight >= UNMINED_HEIGHT
        ? afterPrefix(prefix)
        : Buffer.from(historyKey(this.keys, tokenNo, EVERYONE, toHeight + 1, 0));
    if (Buffer.compare(first, behind) >= 0) return;
    const at = prefix.length;
    const { snapshot } = this;
    const of = snapshot === undefined ? {} : { snapshot };
    for await (const page of this.store.database.pages(first, behind, of))
      yield page.map((row) => entryOf(row, at));
  }

  /** Txid (display order, 32 bytes) of an unmined history transaction by its arrival; undefined if it is none. */
  unmined(tokenNo: number, arrival: number): Buffer | undefined {
    const key = historyKey(this.keys, tokenNo, EVERYONE, UNMINED_HEIGHT, arrival);
    const value = this.store.database.get(key, this.snapshot);
    return value === undefined ? undefined : RowReader.open(key, value).view(32);
  }

  /** Txid (display order, 32 bytes) of any stored transaction by its arrival. */
  txidOf(arrival: number): Buffer | undefined {
    const key = txKey(this.keys, arrival);
    const value = this.store.database.get(key, this.snapshot);
    if (value === undefined) return undefined;
    const r = RowReader.open(key, value);
    skipPlace(r, r.u8());
    return r.view(32);
  }

  /**
   * A stored transaction by txid (display order, hex); undefined if it is not stored. Reads one at a time, so that nobody
   * holds more of them in memory than he wants: they may have megabytes each.
   */
  held(txid: string): HeldTx | undefined {
    const { snapshot } = this;
    const { database } = this.store;
    const index = arrivalKey(this.keys, txid);
    const arrival = database.get(index, snapshot);
    if (arrival === undefined) return undefined;
    const key = txKey(this.keys, decodeArrival(index, arrival));
    return heldTx(txid, key, database.get(key, snapshot));
  }

  /** True for a transaction of the token's history. */
  isEntry(tokenNo: number, { height = UNMINED_HEIGHT, index, arrival }: HeldTx): boolean {
    const key = historyKey(this.keys, tokenNo, EVERYONE, height, index ?? arrival);
    return this.store.database.get(key, this.snapshot) !== undefined;
  }

  /** BUMP of a mined transaction alone. */
  path({ txid, height, blockHash, index }: HeldTx): Uint8Array {
    const key = proofKey(this.keys, height as number, blockHash as string, index as number);
    const value = this.store.database.get(key, this.snapshot);
    if (value === undefined) throw gone(txid, key);
    const r = RowReader.open(key, value);
    r.take(32);
    return r.rest();
  }
}

function heldTx(txid: string, key: Buffer, value: Buffer | undefined): HeldTx {
  if (value === undefined) throw gone(txid, key);
  const r = RowReader.open(key, value);
  const head = r.u8();
  const isMined = (head & FLAG_MINED) !== 0;
  const height = isMined ? r.u32() : undefined;
  const index = isMined ? r.varint() : undefined;
  const blockHash = isMined ? r.hash() : undefined;
  if (r.hash() !== txid) throw gone(txid, key);
  r.varint();
  const tokenNos: number[] = [];
  for (let parts = r.count(8); parts > 0; parts--) {
    tokenNos.push(r.u32());
    skipPart(r);
  }
  const raw = r.rest();
  // Bytes that leave the daemon are held against the txid they are kept under.
  if (txidOf(raw) !== txid) throw damaged(key);
  const arrival = RowReader.ofKey(key).u64();
  return { txid, arrival, raw, height, index, blockHash, tokenNos };
}

/** Moves behind a token part, its number already read. The fields are those of records.ts. */
function skipPart(r: RowReader): void {
  skipShort(r);
  skipShort(r);
  for (let n = r.count(5); n > 0; n--) {
    r.varint();
    r.take(2);
    skipShort(r);
    skipShort(r);
  }
  for (let n = r.count(5); n > 0; n--) {
    r.varint();
    r.take(32);
    r.varint();
    r.take(2);
    skipShort(r);
    skipShort(r);
  }
  for (let n = r.count(1); n > 0; n--) r.varint();
}

/** An amount or short bytes: a length byte and as many bytes. */
function skipShort(r: RowReader): void {
  r.take(r.u8());
}

function skipPlace(r: RowReader, head: number): void {
  if ((head & FLAG_MINED) === 0) return;
  r.u32();
  r.varint();
  r.take(32);
}

function gone(txid: string, key: Buffer): StoreError {
  return new StoreError(
    'STORE_ROW_MISSING',
    `rows of transaction ${txid} are gone from the store: run \`btcfed verify\`, then \`btcfed verify --rebuild\``,
    { txid, key: key.toString('hex') },
  );
}

/** `at`: bytes of the key before the height. */
function entryOf({ key, value }: Row, at: number): HistoryEntryAt {
  // Read in place: hundreds of thousands are read in a row, and a reader of each costs as much as the rest.
  if (key.length !== at + 12) throw damaged(key);
  const order = key.readUInt32BE(at + 4) * TWO_32 + key.readUInt32BE(at + 8);
  const txid = unsealed(key, value).subarray(0, TXID_BYTES);
  if (txid.length !== TXID_BYTES) throw damaged(key);
  return { height: key.readUInt32BE(at), order, txid };
}
