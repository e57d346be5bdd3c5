import { encodeBeef } from '../spv/beef.ts';
import { type Bump, mergeBumps, parseBump } from '../spv/bump.ts';
import { txidOf } from '../spv/bytes.ts';
import { parseTransaction } from '../spv/transaction.ts';
import { proofKey, txKey } from './keys.ts';
import { decodeProof } from './proof-row.ts';
import type { TxRecord } from './records.ts';
import { damaged, RowWriter } from './row-bytes.ts';
import type { Store } from './store.ts';

interface Part {
  readonly record: TxRecord;
  readonly bump: Bump | undefined;
}

/**
 * Atomic BEEF (BRC-95) of a stored transaction: itself, and its ancestors up to proven ones. Undefined if it is not
 * stored, or if an unproven ancestor's parents are not (a transaction whose block was undone, for one), or if the raw
 * transactions together have more than `maxBytes`.
 */
export function buildBeef(
  store: Store,
  txid: string,
  maxBytes = Number.POSITIVE_INFINITY,
): Uint8Array | undefined {
  const parts = new Map<string, Part>();
  const order: string[] = [];
  const stack: { txid: string; done: boolean }[] = [{ txid, done: false }];
  let bytes = 0;
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (at.done) {
      order.push(at.txid);
      continue;
    }
    if (parts.has(at.txid)) continue;
    const record = store.tx(at.txid);
    if (record === undefined) return undefined;
    bytes += record.raw.length;
    if (bytes > maxBytes) return undefined;
    checkBytes(record);
    const bump = record.place === undefined ? undefined : readProof(store, record);
    if (record.place !== undefined && bump === undefined) return undefined;
    parts.set(at.txid, { record, bump });
    stack.push({ txid: at.txid, done: true });
    if (bump !== undefined) continue;
    for (const input of parseTransaction(record.raw).inputs)
      stack.push({ txid: input.prevTxid, done: false });
  }
  return assemble(txid, order, parts);
}

function assemble(txid: string, order: readonly string[], parts: ReadonlyMap<string, Part>): Uint8Array {
  const blocks = new Map<string, Bump[]>();
  for (const { record, bump } of parts.values()) {
    if (bump === undefined || record.place === undefined) continue;
    const id = blockId(record);
    const bumps = blocks.get(id);
    if (bumps === undefined) blocks.set(id, [bump]);
    else bumps.push(bump);
  }
  const ids = [...blocks.keys()];
  const txs = order.map((id) => {
    const { record, bump } = parts.get(id)!;
    return bump === undefined ? { raw: record.raw } : { raw: record.raw, bump: ids.indexOf(blockId(record)) };
  });
  return encodeBeef({ version: 1, atomicTxid: txid, bumps: [...blocks.values()].map(mergeBumps), txs });
}

/** Height and block; a source's untold block is told apart by its root, which is the same for all paths of it. */
function blockId(record: TxRecord): string {
  return `${record.place!.height}:${record.place!.blockHash}`;
}

function readProof(store: Store, record: TxRecord): Bump | undefined {
  const { height, blockHash, index } = record.place!;
  const key = proofKey(new RowWriter(), height, blockHash, index);
  const value = store.database.get(key);
  return value === undefined ? undefined : parseBump(decodeProof(key, value).path);
}

/** Bytes that leave the daemon are held against the txid they are kept under. */
function checkBytes(record: TxRecord): void {
  if (txidOf(record.raw) !== record.txid) throw damaged(txKey(new RowWriter(), record.arrival));
}
