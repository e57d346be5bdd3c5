import { createHash } from 'node:crypto';
import type { ChainView, Position } from './corpus/active.ts';
import type { Header } from './corpus/headers.ts';
import { referenceState } from './corpus/reference.ts';

/** What the specification says of one token, computed from nothing by plain loops. Hashes in display order. */
export interface NaiveCommitment {
  readonly firstHeight: number | undefined;
  /** By height, from 0 to the tip. */
  readonly tacs: readonly string[];
  readonly entries: readonly number[];
  /** Mined history in block order; unmined in any. */
  readonly mined: readonly { readonly txid: string; readonly height: number; readonly index: number }[];
  readonly unmined: readonly string[];
  readonly unminedDigest: string;
}

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
const sha256d = (bytes: Uint8Array): Buffer => sha256(sha256(bytes));
const internal = (hex: string): Buffer => Buffer.from(hex, 'hex').reverse();
const display = (bytes: Buffer): string => Buffer.from(bytes).reverse().toString('hex');

/** `headers`: of the best chain from genesis on. */
export function naiveCommitment(
  view: ChainView,
  headers: readonly Header[],
  tokenId: string,
): NaiveCommitment {
  const state = referenceState(view);
  const history = new Map<string, Position | undefined>();
  for (const output of state.tokens.get(tokenId)?.outputs.values() ?? []) {
    if (output.verdict !== 'valid') continue;
    history.set(output.txid, state.set.known.get(output.txid)!.position);
    if (output.spentBy === undefined || output.op === 'burn') continue;
    history.set(output.spentBy, state.set.known.get(output.spentBy)!.position);
  }
  const mined = [...history]
    .flatMap(([txid, position]) => (position === undefined ? [] : [{ txid, ...position }]))
    .sort((a, b) => a.height - b.height || a.index - b.index);
  const unmined = [...history].flatMap(([txid, position]) => (position === undefined ? [txid] : []));
  const firstHeight = mined[0]?.height;
  let tac: Buffer = Buffer.alloc(32);
  const tacs: string[] = [];
  const entries: number[] = [];
  for (const { height, hash } of headers) {
    const txids = mined.filter((tx) => tx.height === height).map((tx) => internal(tx.txid));
    if (firstHeight !== undefined && height >= firstHeight)
      tac = sha256d(Buffer.concat([tac, internal(hash), rootOf(txids)]));
    tacs.push(display(tac));
    entries.push(mined.filter((tx) => tx.height <= height).length);
  }
  return { firstHeight, tacs, entries, mined, unmined, unminedDigest: digestOf(unmined) };
}

function rootOf(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return Buffer.alloc(32);
  let level = [...leaves];
  while (level.length > 1) {
    if (level.length % 2 === 1) level.push(level.at(-1)!);
    level = level.flatMap((left, i) => (i % 2 === 0 ? [sha256d(Buffer.concat([left, level[i + 1]!]))] : []));
  }
  return level[0]!;
}

function digestOf(txids: readonly string[]): string {
  const sums = new Array<bigint>(256).fill(0n);
  for (const txid of txids.map(internal)) {
    const number = BigInt(`0x${Buffer.from(txid.subarray(0, 16)).reverse().toString('hex')}`);
    sums[txid[0]!] = (sums[txid[0]!]! + number) % (1n << 128n);
  }
  const bytes = sums.map((sum) => Buffer.from(sum.toString(16).padStart(32, '0'), 'hex').reverse());
  return sha256(Buffer.concat(bytes)).toString('hex');
}
