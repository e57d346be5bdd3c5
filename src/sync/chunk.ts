import { HASH_BYTES, MAX_CHUNK_TXS, SHORT_ID_BYTES } from '../../protocols/token-sync/constants.ts';
import { hashHex, shortId } from '../../protocols/token-sync/digests.ts';
import { TokenSyncError } from '../../protocols/token-sync/errors.ts';
import type {
  ChunkBlock,
  ChunkBody,
  FetchRequestBody,
  HeadBody,
  PieceBody,
  RangeRequestBody,
} from '../../protocols/token-sync/messages.ts';
import { decodeRuns } from '../../protocols/token-sync/runs.ts';
import type { TxSet } from '../ingest/outcome.ts';
import { type Bump, bumpOffset, parseBump } from '../spv/bump.ts';
import { FLAG_TXID } from '../spv/bump-leaves.ts';
import { internalBytes } from '../spv/bytes.ts';
import { SpvError } from '../spv/errors.ts';
import { parseTransaction, type Transaction } from '../spv/transaction.ts';
import { PieceReader } from './piece-reader.ts';
import { RootSets } from './root-sets.ts';

/** One chunk, checked, ready for `ingest.offerSet`. Of a fetch: what is complete with it; the set may be empty. */
export interface ReadChunk {
  readonly set: TxSet;
  /** Transactions of the token among them, as far as what was asked tells. */
  readonly entries: number;
  /** Blocks of it, ascending, with the hash that the sender says (display order): not held against any header here. */
  readonly blocks: readonly { readonly height: number; readonly hash: string }[];
  /** Last place of the last block, for an answer that is taken up again; undefined without blocks. */
  readonly upTo: { readonly height: number; readonly index: number } | undefined;
}

/** Txids that context of the last transaction may have in the next chunk. */
const MAX_AWAITED = 200_000;

type Entry = TxSet['txs'][number];

/** Where the last block of an answer ended: it may go on in the next chunk. */
interface LastBlock {
  readonly height: number;
  readonly hash: string;
  readonly index: number;
}

/**
 * Reads the chunks of one answer, in their order, and holds them to the question, to the head and to themselves: whatever
 * can be seen to be false without headers, scripts and the index. Keeps nothing of a chunk but where it ended, pieces until
 * they are whole, and of a fetch ancestors until what they are sent for is there.
 */
export class ChunkReader {
  private readonly ask: RangeRequestBody | FetchRequestBody;
  private readonly head: HeadBody;
  private readonly pieces = new PieceReader();
  private readonly roots = new RootSets();
  /** Txids of a fetch, or its short ids in hex. */
  private readonly asked: ReadonlySet<string>;
  private readonly only: ReadonlySet<number> | undefined;
  private last: LastBlock | undefined;
  /** Parents of the last transaction so far: its context may go on in the next chunk. */
  private lastParents: ReadonlySet<string> = new Set();
  private entries = 0;

  constructor(ask: RangeRequestBody | FetchRequestBody, head: HeadBody) {
    this.ask = ask;
    this.head = head;
    this.asked = ask.kind === 'fetchRequest' ? askedIds(ask) : new Set();
    const { only } = ask.kind === 'rangeRequest' ? ask : { only: undefined };
    this.only = only === undefined ? undefined : new Set(decodeRuns(only, Number.POSITIVE_INFINITY));
    const most = ask.kind === 'fetchRequest' ? this.asked.size : this.only?.size;
    if (most !== undefined && head.entries > most)
      throw lie('COUNT_EXCEEDED', 'announces more than was asked', { entries: head.entries, most });
  }

  /** Transactions of the token so far. */
  get count(): number {
    return this.entries;
  }

  /** @throws TokenSyncError PIECE_WRONG */
  piece(piece: PieceBody): void {
    this.pieces.add(piece);
  }

  /**
   * `bytes`: of the frame, for the bounds of the ingest's queue.
   * @throws TokenSyncError naming what is false
   */
  chunk(chunk: ChunkBody, bytes: number): ReadChunk {
    const pieced = this.pieces.pending;
    const own: Entry[] = [];
    const listed = new Set<string>();
    const blocks: { height: number; hash: string }[] = [];
    for (const block of chunk.blocks) {
      const hash = hashHex(block.hash);
      blocks.push({ height: block.height, hash });
      this.block(block, hash, own);
    }
    for (const raw of chunk.loose) own.push({ tx: this.transaction(raw) });
    const context = chunk.context.map((raw): Entry => ({ tx: this.transaction(raw) }));
    const proven: Entry[] = [];
    for (const block of chunk.proven) this.entriesOf(block, decodeRuns(block.runs, MAX_CHUNK_TXS), proven);
    this.pieces.finish();
    if (this.ask.kind === 'rangeRequest' && chunk.loose.length > 0)
      throw lie('TX_UNRELATED', 'a range has mined transactions only', { loose: chunk.loose.length });
    for (const { tx } of own) if (this.isEntry(tx)) listed.add(tx.txid);
    // Children before their unproven parents: a parent is then known as mined with them, and need not wait.
    const all = [...proven, ...own, ...context];
    let txs = all;
    if (this.ask.kind === 'fetchRequest') txs = this.roots.take(all, (txid) => listed.has(txid));
    else this.lastParents = checkContext(own, [...proven, ...context], this.lastParents);
    this.entries += listed.size;
    if (this.entries > this.head.entries)
      throw lie('COUNT_EXCEEDED', 'more transactions than the head announced', {
        entries: this.head.entries,
      });
    const set: TxSet = { txs, listed, bytes: bytes + pieced };
    const upTo = this.last === undefined ? undefined : { height: this.last.height, index: this.last.index };
    return { set, entries: listed.size, blocks, upTo };
  }

  /** An answer may end early, but not within a transaction. @throws TokenSyncError PIECE_WRONG */
  done(): void {
    this.pieces.finish();
  }

  private block(block: ChunkBlock, hash: string, own: Entry[]): void {
    const places = decodeRuns(block.runs, MAX_CHUNK_TXS);
    this.checkOrder(block.height, hash, places);
    this.entriesOf(block, places, own);
  }

  /** Transactions with the proof that they are at these places. */
  private entriesOf(block: ChunkBlock, places: readonly number[], entries: Entry[]): void {
    const bump = readBump(block);
    if (flaggedTxids(bump) !== places.length) {
      const data = { height: block.height, places: places.length };
      throw lie('BUMP_TXID_WRONG', 'the BUMP names other transactions than the block has', data);
    }
    places.forEach((place, i) => {
      const tx = this.transaction(block.txs[i] as Uint8Array);
      if (bumpOffset(bump, tx.txid) !== place) {
        const data = { height: block.height, place, txid: tx.txid };
        throw lie('BUMP_TXID_WRONG', 'a transaction is not where the BUMP has it', data);
      }
      entries.push({ tx, bump });
    });
  }

  /** Ascending heights, and places within a block that may be spread over chunks; a range stays inside of what was asked. */
  private checkOrder(height: number, hash: string, places: readonly number[]): void {
    const { ask, last, only } = this;
    const first = places[0] as number;
    const index = places.at(-1) as number;
    if (ask.kind === 'rangeRequest') {
      if (height < ask.fromHeight || height > ask.toHeight)
        throw lie('ORDER_WRONG', 'a block outside of the range', { height });
      const strange = only === undefined ? undefined : places.find((place) => !only.has(place));
      if (strange !== undefined)
        throw lie('ORDER_WRONG', 'a place that was not asked', { height, place: strange });
      const goesOn = last?.height === height && last.hash === hash && last.index < first;
      if (last !== undefined && last.height >= height && !goesOn)
        throw lie('ORDER_WRONG', 'blocks and places ascend', { height, after: last.height });
    }
    this.last = { height, hash, index };
  }

  private transaction(raw: Uint8Array): Transaction {
    const bytes = raw.length === 0 ? this.pieces.take() : raw;
    try {
      return parseTransaction(bytes);
    } catch (error) {
      if (!(error instanceof SpvError)) throw error;
      const data = { spv: error.code, bytes: bytes.length };
      throw new TokenSyncError('TX_MALFORMED', `no transaction: ${error.message}`, data, error);
    }
  }

  /** Of a range all but the context; of a fetch those that were asked. */
  private isEntry({ txid }: Transaction): boolean {
    const { ask } = this;
    if (ask.kind === 'rangeRequest') return true;
    if (ask.ids.by === 'txid') return this.asked.has(txid);
    return this.asked.has(shortId(ask.ids.salt, internalBytes(txid)).toString('hex'));
  }
}

function askedIds({ ids }: FetchRequestBody): ReadonlySet<string> {
  const asked = new Set<string>();
  if (ids.by === 'txid') {
    for (let at = 0; at < ids.txids.length; at += HASH_BYTES) asked.add(hashHex(ids.txids, at));
    return asked;
  }
  const bytes = Buffer.from(ids.shortIds);
  for (let at = 0; at < bytes.length; at += SHORT_ID_BYTES)
    asked.add(bytes.toString('hex', at, at + SHORT_ID_BYTES));
  return asked;
}

function readBump(block: ChunkBlock): Bump {
  let bump: Bump;
  try {
    bump = parseBump(block.bump);
  } catch (error) {
    if (!(error instanceof SpvError)) throw error;
    const data = { height: block.height, spv: error.code };
    throw new TokenSyncError('BUMP_MALFORMED', `no BUMP: ${error.message}`, data, error);
  }
  if (bump.height === block.height) return bump;
  throw lie('BUMP_HEIGHT_WRONG', 'the BUMP is of another height', {
    height: block.height,
    bump: bump.height,
  });
}

function flaggedTxids({ leaves }: Bump): number {
  let count = 0;
  const end = leaves.levelStart[1] as number;
  for (let i = 0; i < end; i++) if (leaves.flags[i] === FLAG_TXID) count++;
  return count;
}

/**
 * No transaction twice, and nothing along that no other spends: a transaction of the chunk, its context, or the last
 * transaction before it, whose `parents` these are. Returns those that may come after it.
 */
function checkContext(
  own: readonly Entry[],
  context: readonly Entry[],
  parents: ReadonlySet<string>,
): ReadonlySet<string> {
  const txids = new Set<string>();
  const open = new Map<string, Transaction>();
  for (const { tx } of own) addOnce(txids, tx.txid);
  for (const { tx } of context) {
    addOnce(txids, tx.txid);
    open.set(tx.txid, tx);
  }
  const reached: Transaction[] = [];
  const reach = (txid: string): void => {
    const tx = open.get(txid);
    if (tx === undefined) return;
    open.delete(txid);
    reached.push(tx);
  };
  for (const txid of parents) reach(txid);
  for (const { tx } of own) for (const { prevTxid } of tx.inputs) reach(prevTxid);
  // It grows while it is walked.
  for (const tx of reached) for (const { prevTxid } of tx.inputs) reach(prevTxid);
  for (const txid of open.keys())
    throw lie('TX_UNRELATED', 'a transaction that no other in the chunk spends', { txid });
  const last = own.at(-1)?.tx;
  const more = new Set(last === undefined ? parents : []);
  for (const tx of last === undefined ? reached : [last, ...reached])
    for (const { prevTxid } of tx.inputs) if (more.size < MAX_AWAITED) more.add(prevTxid);
  return more;
}

function addOnce(txids: Set<string>, txid: string): void {
  if (txids.has(txid)) throw lie('TX_TWICE', 'a transaction twice in a chunk', { txid });
  txids.add(txid);
}

function lie(
  code: ConstructorParameters<typeof TokenSyncError>[0],
  message: string,
  data: ConstructorParameters<typeof TokenSyncError>[2],
): TokenSyncError {
  return new TokenSyncError(code, message, data);
}
