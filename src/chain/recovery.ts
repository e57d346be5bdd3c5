import { setImmediate } from 'node:timers/promises';
import type { Anchors } from './anchors.ts';
import { chunkOf } from './best-chain.ts';
import { Chunk } from './chunk.ts';
import { ChainError, reasonOf } from './errors.ts';
import { sameHash } from './header.ts';
import type { NetworkRules } from './networks.ts';
import {
  CHUNK_HEADERS,
  type ChainBase,
  chunkCount,
  chunkKey,
  type DiskOperation,
  decodeChunk,
  decodeIdentity,
  decodeIndex,
  decodeSide,
  decodeTip,
  encodeIndex,
  encodeTip,
  type HeaderDisk,
  identityKey,
  indexKey,
  keyRange,
  type TipRow,
  tipKey,
} from './rows.ts';

const ROWS_A_WRITE = 10_000;

/** What a recovery found and did. */
export interface RecoveryReport {
  /** First height that is no longer held, because it or one below it could not be proven. */
  readonly droppedFrom: number | undefined;
  /** Tip that the store claimed, if that row could be read. */
  readonly claimedTip: number | undefined;
  /** Nothing could be proven: all rows of the chain were removed. */
  readonly erased: boolean;
  readonly indexRowsRewritten: number;
  readonly sideRowsRemoved: number;
}

/**
 * Brings a damaged chain back to the last header that is proven from the base up, and removes the rest. May be
 * interrupted anywhere: only the last write changes what the store claims.
 * @throws ChainError CHAIN_WRONG_NETWORK, CHAIN_FORMAT_UNKNOWN, DISK_FAILED: cases that removing rows would not cure
 */
export async function recoverRows(
  disk: HeaderDisk,
  rules: NetworkRules,
  anchors: Anchors,
): Promise<RecoveryReport> {
  const base = unlessDamaged(() => {
    const row = disk.get(identityKey);
    return row === undefined ? undefined : decodeIdentity(rules.network, row);
  });
  const claimed = unlessDamaged(() => {
    const row = disk.get(tipKey);
    return row === undefined ? undefined : decodeTip(row);
  });
  const proven = base === undefined ? undefined : await walk(disk, base, anchors);
  if (base === undefined || proven?.tip === undefined) {
    const removed = await disk.keys(...keyRange());
    await write(disk, removed.map(remove), true);
    const droppedFrom = removed.length === 0 ? undefined : (base?.height ?? 0);
    const erased = removed.length > 0;
    return { droppedFrom, claimedTip: claimed?.height, erased, indexRowsRewritten: 0, sideRowsRemoved: 0 };
  }
  const { tip, index } = proven;
  for (let at = 0; at < index.length; at += ROWS_A_WRITE)
    await write(disk, index.slice(at, at + ROWS_A_WRITE), false);
  const chunks = await disk.keys(chunkKey(chunkOf(tip.height) + 1), keyRange('chunk')[1]);
  const sides = (await disk.keys(...keyRange('side'))).filter((key) => isDamagedSide(disk, key));
  const last: DiskOperation[] = [
    { key: tipKey, value: encodeTip(tip) },
    ...[...chunks, ...sides].map(remove),
  ];
  await write(disk, last, true);
  const whole = claimed !== undefined && claimed.height === tip.height && chunks.length === 0;
  return {
    droppedFrom: whole ? undefined : tip.height + 1,
    claimedTip: claimed?.height,
    erased: false,
    indexRowsRewritten: index.length,
    sideRowsRemoved: sides.length,
  };
}

/** From the base up as far as every chunk is whole, linked and has the right work. */
async function walk(
  disk: HeaderDisk,
  base: ChainBase,
  anchors: Anchors,
): Promise<{ tip?: TipRow; index: DiskOperation[] }> {
  const index: DiskOperation[] = [];
  let tip: TipRow = { height: base.height - 1, hash: base.anchorHash, work: base.anchorWork };
  for (let number = chunkOf(base.height); ; number++) {
    const first = Math.max(base.height, number * CHUNK_HEADERS);
    const chunk = unlessDamaged(() => readChunk(disk, number, first));
    if (chunk === undefined || !sameHash(chunk.firstPrev, 0, tip.hash) || chunk.startWork !== tip.work) break;
    if (first === 0 && !sameHash(chunk.hash(0), 0, anchors.genesisHash)) break;
    const last = first + chunk.count - 1;
    tip = { height: last, hash: Buffer.from(chunk.lastHash), work: chunk.work(last) };
    for (let h = first; h <= last; h++) {
      const key = indexKey(chunk.hash(h));
      const found = unlessDamaged(() => {
        const row = disk.get(key);
        return row === undefined ? undefined : decodeIndex(key, row);
      });
      if (found !== h) index.push({ key, value: encodeIndex(key, h) });
    }
    if (last % CHUNK_HEADERS !== CHUNK_HEADERS - 1) break;
    if (number % CHUNK_HEADERS === 0) await setImmediate();
  }
  return tip.height < base.height ? { index: [] } : { tip, index };
}

function readChunk(disk: HeaderDisk, number: number, first: number): Chunk | undefined {
  const key = chunkKey(number);
  const value = disk.get(key);
  if (value === undefined) return undefined;
  const count = chunkCount(value);
  if (count === 0 || first + count > (number + 1) * CHUNK_HEADERS) return undefined;
  const chunk = new Chunk(number, first, decodeChunk(key, value, count), false);
  chunk.upTo(first + count - 1);
  return chunk;
}

function isDamagedSide(disk: HeaderDisk, key: Uint8Array): boolean {
  return unlessDamaged(() => decodeSide(key, disk.get(key) ?? new Uint8Array(0))) === undefined;
}

function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof ChainError && thrown.code === 'CHAIN_ROW_DAMAGED') return undefined;
    throw thrown;
  }
}

function remove(key: Uint8Array): DiskOperation {
  return { key, value: undefined };
}

async function write(disk: HeaderDisk, operations: readonly DiskOperation[], sync: boolean): Promise<void> {
  try {
    await disk.write(operations, sync);
  } catch (thrown) {
    const reason = reasonOf(thrown);
    throw new ChainError('DISK_FAILED', `headers could not be written: ${reason}`, { reason }, thrown);
  }
}
