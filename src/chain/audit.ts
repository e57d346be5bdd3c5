import { setImmediate } from 'node:timers/promises';
import { type BestChain, chunkOf } from './best-chain.ts';
import type { ChainState } from './chain-state.ts';
import type { Chunk } from './chunk.ts';
import { sameHash } from './header.ts';
import {
  chunkKey,
  decodeIndex,
  decodeSide,
  indexKey,
  rowDamaged,
  rowMissing,
  sideKey,
  tipKey,
} from './rows.ts';

/**
 * Proves a chunk wholly: every header by its link, and its place between its neighbours. Given the chunk above, or none
 * for the topmost, which the tip row must match.
 * @throws ChainError CHAIN_ROW_DAMAGED
 */
export function proveChunk(chain: BestChain, chunk: Chunk, above: Chunk | undefined): void {
  const last = chunk.firstHeight + chunk.count - 1;
  const key = chunkKey(chunk.number);
  chunk.upTo(last);
  const work = chunk.work(last);
  if (above === undefined) {
    const { tip } = chain;
    if (!sameHash(chunk.lastHash, 0, tip.hash)) throw rowDamaged('chunk', key, 'not the chunk of the tip');
    if (work !== tip.work) throw rowDamaged('tip', tipKey, 'chain work');
  } else {
    if (!sameHash(above.firstPrev, 0, chunk.lastHash))
      throw rowDamaged('chunk', key, 'link to the chunk above');
    if (work !== above.startWork) throw rowDamaged('chunk', key, 'chain work');
  }
  if (chunk.firstHeight > chain.base.height) return;
  if (!sameHash(chunk.firstPrev, 0, chain.base.anchorHash))
    throw rowDamaged('chunk', key, 'link to the base');
  if (chunk.startWork !== chain.base.anchorWork) throw rowDamaged('chunk', key, 'chain work of the base');
}

/** Proves the topmost `chunks` chunk rows, through the cache. Returns how many were there. */
export function proveTop(chain: BestChain, chunks: number): number {
  const lowest = Math.max(chunkOf(chain.base.height), chunkOf(chain.height) - chunks + 1);
  let above: Chunk | undefined;
  for (let number = chunkOf(chain.height); number >= lowest; number--) {
    const chunk = chain.chunk(number);
    proveChunk(chain, chunk, above);
    above = chunk;
  }
  return chunkOf(chain.height) - lowest + 1;
}

/** What a full check read. */
export interface AuditCount {
  readonly headers: number;
  readonly sideHeaders: number;
}

const AUDIT_CHUNKS_A_TURN = 16;

/**
 * Reads every row of the chain from the disk and proves it: checksums, links, chain work, index, side headers. Goes from
 * the tip down in short turns, so that the daemon stays responsive; headers may be added meanwhile (a reorganisation
 * below the point reached makes it begin again).
 * @throws ChainError CHAIN_ROW_DAMAGED, CHAIN_ROW_MISSING: the first one found
 */
export async function proveAll(
  state: ChainState,
  onProgress?: (height: number) => void,
): Promise<AuditCount> {
  let headers = 0;
  let chain = state.best;
  let tip = chain.tip;
  let above: Chunk | undefined;
  let number = chunkOf(chain.height);
  for (let turn = 1; state.started && number >= chunkOf(chain.base.height); turn++) {
    const chunk = chain.load(number);
    proveChunk(chain, chunk, above);
    for (let h = chunk.firstHeight; h < chunk.firstHeight + chunk.count; h++)
      proveIndex(state, chunk.hash(h), h);
    headers += chunk.count;
    above = chunk;
    number -= 1;
    if (turn % AUDIT_CHUNKS_A_TURN !== 0) continue;
    onProgress?.(chunk.firstHeight);
    await setImmediate();
    if (chain.tip === tip) continue;
    // The chain has moved: the chunk above must still be the one just proven.
    chain = state.best;
    tip = chain.tip;
    if (
      chain.height < chunk.firstHeight ||
      !sameHash(chain.hashBytes(chunk.firstHeight), 0, chunk.hash(chunk.firstHeight))
    ) {
      above = undefined;
      number = chunkOf(chain.height);
      headers = 0;
    }
  }
  const sides = state.sides.all();
  for (const { height, hash, raw } of sides) {
    const key = sideKey(height, hash);
    const row = state.disk.get(key);
    if (row === undefined) throw rowMissing('side', key);
    if (!Buffer.from(decodeSide(key, row)).equals(raw)) throw rowDamaged('side', key, 'header');
  }
  return { headers, sideHeaders: sides.length };
}

function proveIndex(state: ChainState, hash: Uint8Array, height: number): void {
  const key = indexKey(hash);
  const row = state.disk.get(key);
  if (row === undefined) throw rowMissing('index', key);
  if (decodeIndex(key, row) !== height) throw rowDamaged('index', key, 'height');
}
