import {
  CHUNK_TARGET_BYTES,
  MAX_CHUNK_BYTES,
  MAX_CHUNK_TXS,
  MAX_INLINE_TX_BYTES,
  PIECE_BYTES,
} from '../../protocols/token-sync/constants.ts';
import type { ChunkBlock, ChunkBody, PieceBody } from '../../protocols/token-sync/messages.ts';
import { encodeRuns } from '../../protocols/token-sync/runs.ts';
import type { HeldTx } from '../store/token-history.ts';
import { compoundOf, type StoredPath } from './compound.ts';

/** Around each raw transaction, proof and block. */
const TX_OVERHEAD_BYTES = 8;
const BLOCK_OVERHEAD_BYTES = 64;
const NO_BYTES = new Uint8Array(0);

type Mined = HeldTx & { readonly height: number; readonly index: number; readonly blockHash: string };

interface OpenBlock {
  readonly height: number;
  readonly hash: string;
  readonly txs: Uint8Array[];
  readonly paths: StoredPath[];
}

/** What is sent for one chunk: the pieces of its large transaction, then itself. */
export interface WrittenChunk {
  readonly pieces: readonly PieceBody[];
  readonly chunk: ChunkBody;
  /** Transactions that were asked for. */
  readonly entries: number;
  /** All transactions in it. */
  readonly txs: number;
  readonly bytes: number;
}

/** Fills one chunk. */
export class ChunkWriter {
  private readonly blocks = new Map<string, OpenBlock>();
  private readonly loose: Uint8Array[] = [];
  private readonly context: Uint8Array[] = [];
  private readonly proven = new Map<string, OpenBlock>();
  private pieces: readonly PieceBody[] = [];
  private bytes = 0;
  private txs = 0;
  private entries = 0;

  get isEmpty(): boolean {
    return this.txs === 0;
  }

  /** True when it is large enough to be sent. */
  get isFull(): boolean {
    return this.bytes >= CHUNK_TARGET_BYTES;
  }

  /** False: it goes into the next chunk. An empty chunk takes any; one has at most one transaction in pieces. */
  fits(tx: HeldTx, path: Uint8Array | undefined): boolean {
    if (this.isEmpty) return true;
    if (isPieced(tx) && this.pieces.length > 0) return false;
    const bytes = sizeOf(tx) + (path?.length ?? 0) + BLOCK_OVERHEAD_BYTES;
    return this.bytes + bytes <= MAX_CHUNK_BYTES && this.txs < MAX_CHUNK_TXS;
  }

  /** With its proof, or unproven. `isEntry`: it was asked for. */
  add(tx: HeldTx, path: Uint8Array | undefined, isEntry: boolean): void {
    if (path === undefined) this.loose.push(this.rawOf(tx));
    else this.addProven(this.blocks, tx, path);
    if (isEntry) this.entries++;
  }

  /** A parent of a transaction in this chunk, or of the last one of the chunk before. */
  addContext(tx: HeldTx, path: Uint8Array | undefined): void {
    if (path === undefined) this.context.push(this.rawOf(tx));
    else this.addProven(this.proven, tx, path);
  }

  finish(): WrittenChunk {
    const { loose, context, pieces, entries, txs, bytes } = this;
    const blocks = closedBlocks(this.blocks);
    const proven = closedBlocks(this.proven);
    return { pieces, chunk: { kind: 'chunk', blocks, loose, context, proven }, entries, txs, bytes };
  }

  private addProven(blocks: Map<string, OpenBlock>, tx: HeldTx, path: Uint8Array): void {
    const { height, index, blockHash } = tx as Mined;
    const id = `${height}:${blockHash}`;
    let block = blocks.get(id);
    if (block === undefined) {
      block = { height, hash: blockHash, txs: [], paths: [] };
      blocks.set(id, block);
      this.bytes += BLOCK_OVERHEAD_BYTES;
    }
    block.txs.push(this.rawOf(tx));
    block.paths.push({ index, path });
    this.bytes += path.length;
  }

  /** What stands in the chunk for a transaction: itself, or nothing if it goes before it in pieces. */
  private rawOf(tx: HeldTx): Uint8Array {
    this.txs++;
    this.bytes += sizeOf(tx);
    if (!isPieced(tx)) return tx.raw;
    this.pieces = piecesOf(tx.raw);
    return NO_BYTES;
  }
}

function isPieced({ raw }: HeldTx): boolean {
  return raw.length > MAX_INLINE_TX_BYTES;
}

function sizeOf(tx: HeldTx): number {
  return isPieced(tx) ? TX_OVERHEAD_BYTES : tx.raw.length + TX_OVERHEAD_BYTES;
}

function piecesOf(raw: Uint8Array): PieceBody[] {
  const pieces: PieceBody[] = [];
  for (let at = 0; at < raw.length; at += PIECE_BYTES)
    pieces.push({ kind: 'piece', total: raw.length, bytes: raw.subarray(at, at + PIECE_BYTES) });
  return pieces;
}

function closedBlocks(blocks: ReadonlyMap<string, OpenBlock>): ChunkBlock[] {
  return [...blocks.values()].sort((a, b) => a.height - b.height).map(closed);
}

/** In order of place: what is walked by ancestry comes in another. */
function closed({ height, hash, txs, paths }: OpenBlock): ChunkBlock {
  const order = paths.map((_, i) => i);
  if (paths.some(({ index }, i) => i > 0 && index < (paths[i - 1] as StoredPath).index))
    order.sort((a, b) => (paths[a] as StoredPath).index - (paths[b] as StoredPath).index);
  const sorted = order.map((i) => paths[i] as StoredPath);
  return {
    height,
    hash: Buffer.from(hash, 'hex').reverse(),
    runs: encodeRuns(sorted.map(({ index }) => index)),
    bump: compoundOf(sorted),
    txs: order.map((i) => txs[i] as Uint8Array),
  };
}
