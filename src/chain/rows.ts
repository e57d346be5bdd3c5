import { crc32 } from 'node:zlib';
import { ChainError } from './errors.ts';
import { HEADER_BYTES } from './header.ts';
import type { Network } from './networks.ts';

/** The part of a LevelDB that the chain needs. All its keys begin with 0x68 ('h'). */
export interface HeaderDisk {
  get(key: Uint8Array): Uint8Array | undefined;
  /** Keys from `from` (included) to `to` (excluded) in byte order. Asked at open and in checks only. */
  keys(from: Uint8Array, to: Uint8Array): Promise<readonly Uint8Array[]>;
  /** One atomic batch. With `sync` it survives power loss once the promise resolves. */
  write(operations: readonly DiskOperation[], sync: boolean): Promise<void>;
}

export interface DiskOperation {
  readonly key: Uint8Array;
  /** undefined deletes. */
  readonly value: Uint8Array | undefined;
}

/** Headers in a full chunk row. 64 keep a cold lookup (read, CRC, one hash) under 10 us and a new tip's rewrite at 5 KB. */
export const CHUNK_HEADERS = 64;

export const PREFIX = 0x68;
const KIND = { chunk: 0x63, identity: 0x69, side: 0x73, tip: 0x74, index: 0x78 } as const;
export type RowKind = keyof typeof KIND;

const FORMAT = 1;
const NETWORKS: readonly Network[] = ['main', 'test', 'regtest'];
const CRC_BYTES = 4;
const INDEX_HASH_BYTES = 16;
const CHUNK_FIXED_BYTES = 32 + 32;

// ---- keys

export const identityKey: Buffer = Buffer.from([PREFIX, KIND.identity]);
export const tipKey: Buffer = Buffer.from([PREFIX, KIND.tip]);

export function chunkKey(number: number): Buffer {
  const key = Buffer.allocUnsafe(6);
  key[0] = PREFIX;
  key[1] = KIND.chunk;
  key.writeUInt32BE(number, 2);
  return key;
}

/** Hash in internal order; its first bytes are the low-order ones, which proof of work leaves random. */
export function indexKey(hash: Uint8Array): Buffer {
  const key = Buffer.allocUnsafe(2 + INDEX_HASH_BYTES);
  key[0] = PREFIX;
  key[1] = KIND.index;
  key.set(hash.subarray(0, INDEX_HASH_BYTES), 2);
  return key;
}

export function sideKey(height: number, hash: Uint8Array): Buffer {
  const key = Buffer.allocUnsafe(2 + 4 + 32);
  key[0] = PREFIX;
  key[1] = KIND.side;
  key.writeUInt32BE(height, 2);
  key.set(hash, 6);
  return key;
}

/** Bounds of the keys of one kind, or of all rows of the chain, for `HeaderDisk.keys`. */
export function keyRange(kind?: RowKind): readonly [from: Buffer, to: Buffer] {
  if (kind === undefined) return [Buffer.from([PREFIX]), Buffer.from([PREFIX + 1])];
  return [Buffer.from([PREFIX, KIND[kind]]), Buffer.from([PREFIX, KIND[kind] + 1])];
}

// ---- values: fields big-endian, then CRC-32 of key and value

function seal(key: Uint8Array, value: Buffer): Buffer {
  const body = value.length - CRC_BYTES;
  value.writeUInt32BE(crc32(value.subarray(0, body), crc32(key)), body);
  return value;
}

/** Checks the CRC and strips it. `bytes`: the exact size a row of this kind must have. */
function open(kind: RowKind, key: Uint8Array, value: Uint8Array, bytes?: number): Buffer {
  const row = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const body = row.length - CRC_BYTES;
  if (body < 0 || (bytes !== undefined && body !== bytes)) throw rowDamaged(kind, key, 'size');
  if (crc32(row.subarray(0, body), crc32(key)) !== row.readUInt32BE(body)) {
    throw rowDamaged(kind, key, 'checksum');
  }
  return row.subarray(0, body);
}

/** The error for a row that does not prove itself; `what` says which test it failed. */
export function rowDamaged(kind: RowKind, key: Uint8Array, what: string): ChainError {
  const hex = Buffer.from(key).toString('hex');
  return new ChainError(
    'CHAIN_ROW_DAMAGED',
    `header store: the ${kind} row ${hex} is damaged (${what}). Check the disk; recovery drops the headers from there on, ` +
      'and a header source or file brings them back',
    { kind, key: hex, what },
  );
}

export function rowMissing(kind: RowKind, key: Uint8Array): ChainError {
  const hex = Buffer.from(key).toString('hex');
  return new ChainError(
    'CHAIN_ROW_MISSING',
    `header store: the ${kind} row ${hex} is missing. Recovery drops the headers from there on, and a header source or ` +
      'file brings them back',
    { kind, key: hex },
  );
}

export function workBytes(work: bigint): Buffer {
  return Buffer.from(work.toString(16).padStart(64, '0'), 'hex');
}

export function workOfBytes(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

/** Where a store begins: `height` is the first header held, the anchor the block below it (none below block 0). */
export interface ChainBase {
  readonly height: number;
  /** Internal order; zeros below block 0. */
  readonly anchorHash: Uint8Array;
  readonly anchorWork: bigint;
  /** Compact difficulty of the anchor, 0 if unknown. */
  readonly anchorBits: number;
}

/** Identity: u8 format, u8 network, u32 first height, 32 anchor hash, 32 anchor work, u32 anchor bits, u32 CRC. */
export function encodeIdentity(network: Network, base: ChainBase): Buffer {
  const row = Buffer.alloc(2 + 4 + 32 + 32 + 4 + CRC_BYTES);
  row[0] = FORMAT;
  row[1] = NETWORKS.indexOf(network);
  row.writeUInt32BE(base.height, 2);
  row.set(base.anchorHash, 6);
  workBytes(base.anchorWork).copy(row, 38);
  row.writeUInt32BE(base.anchorBits, 70);
  return seal(identityKey, row);
}

/** @throws ChainError CHAIN_ROW_DAMAGED, CHAIN_FORMAT_UNKNOWN, CHAIN_WRONG_NETWORK */
export function decodeIdentity(network: Network, value: Uint8Array): ChainBase {
  const row = open('identity', identityKey, value);
  if (row[0] !== FORMAT) {
    throw new ChainError(
      'CHAIN_FORMAT_UNKNOWN',
      `header store: format ${row[0]}, this version reads format ${FORMAT}. Use the version that wrote it, or a new store`,
      { found: row[0] ?? -1, known: FORMAT },
    );
  }
  if (row.length !== 74) throw rowDamaged('identity', identityKey, 'size');
  const found = NETWORKS[row[1]!];
  if (found !== network) {
    throw new ChainError(
      'CHAIN_WRONG_NETWORK',
      `header store: it holds headers of the ${found ?? 'unknown'} network, but ${network} is configured`,
      { found: found ?? 'unknown', configured: network },
    );
  }
  return {
    height: row.readUInt32BE(2),
    anchorHash: Buffer.from(row.subarray(6, 38)),
    anchorWork: workOfBytes(row.subarray(38, 70)),
    anchorBits: row.readUInt32BE(70),
  };
}

/** Tip of the best chain; hash in internal order. */
export interface TipRow {
  readonly height: number;
  readonly hash: Uint8Array;
  readonly work: bigint;
}

/** Tip: u32 height, 32 hash, 32 chain work, u32 CRC. */
export function encodeTip(tip: TipRow): Buffer {
  const row = Buffer.alloc(4 + 32 + 32 + CRC_BYTES);
  row.writeUInt32BE(tip.height, 0);
  row.set(tip.hash, 4);
  workBytes(tip.work).copy(row, 36);
  return seal(tipKey, row);
}

export function decodeTip(value: Uint8Array): TipRow {
  const row = open('tip', tipKey, value, 68);
  return {
    height: row.readUInt32BE(0),
    hash: Buffer.from(row.subarray(4, 36)),
    work: workOfBytes(row.subarray(36)),
  };
}

export interface ChunkRow {
  /** Work of everything below the first header of the row, 32 bytes: most loads never ask for the number. */
  readonly startWork: Uint8Array;
  /** Hash of the last header of the row, internal order. */
  readonly lastHash: Uint8Array;
  /** n x 80 bytes. */
  readonly headers: Uint8Array;
}

/** Chunk: 32 chain work below, n x 80 headers, 32 hash of the last, u32 CRC. n follows from the size. */
export function encodeChunk(key: Uint8Array, chunk: ChunkRow): Buffer {
  const row = Buffer.allocUnsafe(CHUNK_FIXED_BYTES + chunk.headers.length + CRC_BYTES);
  row.set(chunk.startWork, 0);
  row.set(chunk.headers, 32);
  row.set(chunk.lastHash, 32 + chunk.headers.length);
  return seal(key, row);
}

/** Headers in a chunk row of this size, rounded down. */
export function chunkCount(value: Uint8Array): number {
  return Math.max(0, Math.floor((value.length - CHUNK_FIXED_BYTES - CRC_BYTES) / HEADER_BYTES));
}

export function decodeChunk(key: Uint8Array, value: Uint8Array, count: number): ChunkRow {
  const row = open('chunk', key, value, CHUNK_FIXED_BYTES + count * HEADER_BYTES);
  const end = 32 + count * HEADER_BYTES;
  return {
    startWork: row.subarray(0, 32),
    headers: row.subarray(32, end),
    lastHash: row.subarray(end),
  };
}

/** Index: u32 height, u32 CRC. */
export function encodeIndex(key: Uint8Array, height: number): Buffer {
  const row = Buffer.allocUnsafe(4 + CRC_BYTES);
  row.writeUInt32BE(height, 0);
  return seal(key, row);
}

export function decodeIndex(key: Uint8Array, value: Uint8Array): number {
  return open('index', key, value, 4).readUInt32BE(0);
}

/** Side header: 80 header, u32 CRC. */
export function encodeSide(key: Uint8Array, header: Uint8Array): Buffer {
  const row = Buffer.allocUnsafe(HEADER_BYTES + CRC_BYTES);
  row.set(header, 0);
  return seal(key, row);
}

export function decodeSide(key: Uint8Array, value: Uint8Array): Uint8Array {
  return open('side', key, value, HEADER_BYTES);
}
