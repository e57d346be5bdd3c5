import assert from 'node:assert/strict';
import { decodeMessage, encodeMessage } from '../../protocols/token-sync/codec.ts';
import { shortId } from '../../protocols/token-sync/digests.ts';
import type {
  AnswerBody,
  FetchRequestBody,
  HeadBody,
  MessageBody,
  RangeRequestBody,
} from '../../protocols/token-sync/messages.ts';
import { ChunkReader, type ReadChunk } from '../../src/sync/chunk.ts';
import { FetchLog } from '../../src/sync/fetch-log.ts';
import { RangeLog } from '../../src/sync/token-log.ts';
import type { SyncNode } from './sync-node.ts';

/** As it comes out at the other end. */
export function wired<B extends MessageBody>(body: B): { readonly body: B; readonly bytes: number } {
  const bytes = encodeMessage({ id: 1, body });
  return { body: decodeMessage(bytes).body as B, bytes: bytes.length };
}

export function rangeAsk(fromHeight: number, toHeight: number): RangeRequestBody {
  return { kind: 'rangeRequest', token: 0, fromHeight, toHeight, bodies: true, credit: 1, only: undefined };
}

export function head(entries: number): HeadBody {
  return { kind: 'head', tip: { height: 0, hash: new Uint8Array(32) }, entries };
}

/** All chunks of a range, written and read. */
export async function rangeChunks(
  from: SyncNode,
  tokenId: string,
  fromHeight: number,
  toHeight: number,
): Promise<ReadChunk[]> {
  const { store } = from.node;
  const { entries } = await from.commitments.countBetween(tokenId, fromHeight, toHeight);
  const tokenNo = store.tokenNos.get(tokenId)!;
  const log = new RangeLog(store, { tokenNo, fromHeight, toHeight, only: undefined, most: entries });
  return readAll(log, new ChunkReader(rangeAsk(fromHeight, toHeight), head(entries)));
}

export async function fetchChunks(
  from: SyncNode,
  tokenId: string,
  txids: readonly string[],
): Promise<{ readonly chunks: readonly ReadChunk[]; readonly missing: readonly number[] }> {
  const { store } = from.node;
  const log = new FetchLog(store, store.tokenNos.get(tokenId)!, txids);
  const bytes = Buffer.concat(txids.map((txid) => Buffer.from(txid, 'hex').reverse()));
  const ask: FetchRequestBody = {
    kind: 'fetchRequest',
    token: 0,
    ids: { by: 'txid', txids: bytes },
    credit: 1,
  };
  const chunks = await readAll(log, new ChunkReader(ask, head(txids.length)));
  return { chunks, missing: log.missing };
}

async function readAll(log: RangeLog | FetchLog, reader: ChunkReader): Promise<ReadChunk[]> {
  const read: ReadChunk[] = [];
  for (let next = await log.next(); next !== undefined; next = await log.next()) {
    for (const piece of next.pieces) reader.piece(wired<AnswerBody & { kind: 'piece' }>(piece).body);
    const { body, bytes } = wired(next.chunk);
    const chunk = reader.chunk(body, bytes);
    assert.equal(chunk.entries, next.entries);
    read.push(chunk);
  }
  reader.done();
  return read;
}

/** Gives what was read to another node, in some order; nothing of it may be refused. */
export async function give(to: SyncNode, chunks: readonly ReadChunk[]): Promise<void> {
  for (const { set } of chunks) {
    const outcome = await to.node.ingest.offerSet(set, 'sync');
    assert.deepEqual([outcome.failed, [...outcome.refused]], [undefined, []]);
  }
  await to.node.settled();
}

/** Txids of the unmined history. */
export async function unminedOf(node: SyncNode, tokenId: string): Promise<string[]> {
  const txids: string[] = [];
  for await (const { txid } of node.commitments.unmined(tokenId)) txids.push(txid.toString('hex'));
  return txids;
}

export function shortIdOf(salt: Uint8Array, txid: string): Buffer {
  return shortId(salt, Buffer.from(txid, 'hex').reverse());
}
