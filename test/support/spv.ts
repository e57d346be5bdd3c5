/**
 * Transactions, blocks with real merkle trees, BUMPs and BEEFs for tests, the same for the same seed; written apart
 * from src/spv, so that the two check each other. Scripts are bytes without meaning: nothing here is signed.
 */
import { createHash } from 'node:crypto';

/** mulberry32. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  u32(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** 0 up to, not including, n. */
  below(n: number): number {
    return Math.floor((this.u32() / 2 ** 32) * n);
  }

  bytes(length: number): Buffer {
    const out = Buffer.alloc(length);
    for (let i = 0; i < length; i++) out[i] = this.u32() & 0xff;
    return out;
  }

  shuffle<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [out[i], out[j]] = [out[j] as T, out[i] as T];
    }
    return out;
  }
}

export function hash256(bytes: Uint8Array): Buffer {
  const once = createHash('sha256').update(bytes).digest();
  return createHash('sha256').update(once).digest();
}

/** Display hex to internal bytes. */
export function toInternal(hex: string): Buffer {
  return Buffer.from(hex, 'hex').reverse();
}

export function toDisplay(bytes: Uint8Array): string {
  return Buffer.from(bytes).reverse().toString('hex');
}

export function varint(value: number, width: 'shortest' | 3 | 5 | 9 = 'shortest'): Buffer {
  if (width === 'shortest') {
    if (value < 0xfd) return Buffer.of(value);
    return varint(value, value <= 0xffff ? 3 : value <= 0xffff_ffff ? 5 : 9);
  }
  const out = Buffer.alloc(width);
  out[0] = width === 3 ? 0xfd : width === 5 ? 0xfe : 0xff;
  if (width === 9) out.writeBigUInt64LE(BigInt(value), 1);
  else out.writeUIntLE(value, 1, width - 1);
  return out;
}

export interface TestInput {
  readonly txid: string;
  readonly vout: number;
  readonly script?: Uint8Array;
  readonly sequence?: number;
}

export interface TestTx {
  readonly raw: Buffer;
  readonly txid: string;
}

export interface TestTxParts {
  readonly version?: number;
  readonly inputs: readonly TestInput[];
  readonly outputs: readonly { readonly satoshis: number | bigint; readonly script?: Uint8Array }[];
  readonly lockTime?: number;
}

export function u32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
}

function withLength(bytes: Uint8Array): Buffer {
  return Buffer.concat([varint(bytes.length), bytes]);
}

export function makeTx({ version = 1, inputs, outputs, lockTime = 0 }: TestTxParts): TestTx {
  const parts: Buffer[] = [u32(version), varint(inputs.length)];
  for (const input of inputs) {
    parts.push(toInternal(input.txid), u32(input.vout));
    parts.push(withLength(input.script ?? Buffer.alloc(0)), u32(input.sequence ?? 0xffff_ffff));
  }
  parts.push(varint(outputs.length));
  for (const output of outputs) {
    const satoshis = Buffer.alloc(8);
    satoshis.writeBigUInt64LE(BigInt(output.satoshis));
    parts.push(satoshis, withLength(output.script ?? Buffer.of(0x51)));
  }
  const raw = Buffer.concat([...parts, u32(lockTime)]);
  return { raw, txid: toDisplay(hash256(raw)) };
}

/** A transaction that spends each given parent's next outputs, or an outpoint nobody has, with random scripts. */
export function randomTx(
  random: Random,
  parents: readonly TestTx[] = [],
  outputs = 1 + random.below(4),
): TestTx {
  const from = parents.length > 0 ? parents.map((p) => p.txid) : [random.bytes(32).toString('hex')];
  return makeTx({
    version: 1 + random.below(2),
    inputs: from.map((txid) => ({
      txid,
      vout: random.below(1000),
      script: random.bytes(random.below(110)),
      sequence: random.u32(),
    })),
    outputs: Array.from({ length: outputs }, () => ({
      satoshis: random.below(100_000),
      script: random.bytes(25),
    })),
    lockTime: random.below(2) * random.u32(),
  });
}

/** All levels of a block's merkle tree in internal order, transactions first, root last; odd levels not filled up. */
export function merkleLevels(txids: readonly string[]): Buffer[][] {
  const levels = [txids.map(toInternal)];
  for (let level = levels[0] as Buffer[]; level.length > 1; levels.push(level)) {
    const above: Buffer[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i] as Buffer;
      above.push(hash256(Buffer.concat([left, level[i + 1] ?? left])));
    }
    level = above;
  }
  return levels;
}

export interface TestLeaf {
  readonly offset: number;
  readonly flag: number;
  readonly hash?: Uint8Array;
}

/** BUMP bytes of whatever leaves are given, sensible or not. */
export function encodeBump(height: number, levels: readonly (readonly TestLeaf[])[]): Buffer {
  const parts = [varint(height), Buffer.of(levels.length)];
  for (const level of levels) {
    parts.push(varint(level.length));
    for (const { offset, flag, hash } of level) {
      parts.push(varint(offset), Buffer.of(flag), Buffer.from(hash ?? Buffer.alloc(0)));
    }
  }
  return Buffer.concat(parts);
}

/** The leaves that prove the transactions at the given places; `all` states inner nodes too that follow from others. */
export function bumpLeaves(
  txids: readonly string[],
  wanted: readonly number[],
  options: { readonly flags?: boolean; readonly all?: boolean } = {},
): TestLeaf[][] {
  const tree = merkleLevels(txids);
  if (tree.length === 1) return [[{ offset: 0, flag: 2, hash: (tree[0] as Buffer[])[0] as Buffer }]];
  const levels: TestLeaf[][] = [];
  let known = new Set(wanted);
  for (let level = 0; level < tree.length - 1; level++) {
    const nodes = tree[level] as Buffer[];
    const stated = new Set([...known].flatMap((offset) => [offset, offset ^ 1]));
    const leaves: TestLeaf[] = [];
    for (const offset of [...stated].sort((a, b) => a - b)) {
      if (level > 0 && known.has(offset) && options.all !== true) continue;
      const hash = nodes[offset];
      const flag = level === 0 && known.has(offset) && options.flags !== false ? 2 : 0;
      leaves.push(hash === undefined ? { offset, flag: 1 } : { offset, flag, hash });
    }
    levels.push(leaves);
    known = new Set([...known].map((offset) => offset >>> 1));
  }
  return levels;
}

export interface TestBlock {
  readonly height: number;
  readonly root: string;
  /** In block order, a coinbase first. */
  readonly txs: readonly TestTx[];
  readonly txids: readonly string[];
}

/** A row of blocks; each begins with a coinbase of its own. */
export class TestChain {
  readonly random: Random;
  readonly blocks: TestBlock[] = [];
  private readonly firstHeight: number;

  constructor(seed: number, firstHeight = 1) {
    this.random = new Random(seed);
    this.firstHeight = firstHeight;
  }

  mine(txs: readonly TestTx[]): TestBlock {
    const height = this.firstHeight + this.blocks.length;
    const coinbase = makeTx({
      inputs: [
        { txid: '00'.repeat(32), vout: 0xffff_ffff, script: Buffer.concat([Buffer.of(4), u32(height)]) },
      ],
      outputs: [{ satoshis: 50e8, script: this.random.bytes(25) }],
    });
    const all = [coinbase, ...txs];
    const txids = all.map((tx) => tx.txid);
    const levels = merkleLevels(txids);
    const block = { height, root: toDisplay((levels.at(-1) as Buffer[])[0] as Buffer), txs: all, txids };
    this.blocks.push(block);
    return block;
  }

  /** A block of `size` transactions in all, each spending something unknown. */
  mineRandom(size: number): TestBlock {
    return this.mine(Array.from({ length: size - 1 }, () => randomTx(this.random)));
  }
}

/** BUMP of some transactions of a block, by their places in it. */
export function bumpOf(block: TestBlock, wanted: readonly number[]): Buffer {
  return encodeBump(block.height, bumpLeaves(block.txids, wanted));
}

export type TestEntry = { readonly raw: Uint8Array; readonly bump?: number } | { readonly txidOnly: string };

/** BEEF bytes of whatever parts are given, in that order, sensible or not. */
export function beefBytes(parts: {
  readonly version: 1 | 2;
  readonly atomicTxid?: string;
  readonly bumps?: readonly Uint8Array[];
  readonly entries: readonly TestEntry[];
}): Buffer {
  const { version, atomicTxid, bumps = [], entries } = parts;
  const out: Uint8Array[] = [];
  if (atomicTxid !== undefined) out.push(Buffer.from('01010101', 'hex'), toInternal(atomicTxid));
  out.push(Buffer.from(version === 1 ? '0100beef' : '0200beef', 'hex'));
  out.push(varint(bumps.length), ...bumps, varint(entries.length));
  for (const entry of entries) {
    if ('txidOnly' in entry) {
      out.push(Buffer.of(2), toInternal(entry.txidOnly));
      continue;
    }
    const mark = entry.bump === undefined ? [Buffer.of(0)] : [Buffer.of(1), varint(entry.bump)];
    out.push(...(version === 1 ? [entry.raw, ...mark] : [...mark, entry.raw]));
  }
  return Buffer.concat(out);
}

/** A proven root and `depth` levels above it, each spending `width` outputs of the level below: 2^depth paths. */
export function diamondBeef(depth: number, width = 2): { readonly bytes: Buffer; readonly subject: string } {
  const chain = new TestChain(7);
  const root = randomTx(chain.random, [], width);
  const block = chain.mine([root]);
  const entries: TestEntry[] = [{ raw: root.raw, bump: 0 }];
  let parent = root;
  for (let level = 0; level < depth; level++) {
    const inputs = Array.from({ length: width }, (_, vout) => ({ txid: parent.txid, vout }));
    parent = makeTx({ inputs, outputs: inputs.map(() => ({ satoshis: 1 })) });
    entries.push({ raw: parent.raw });
  }
  return { bytes: beefBytes({ version: 1, bumps: [bumpOf(block, [1])], entries }), subject: parent.txid };
}

/** CPU milliseconds of this thread for one call: the least of a few, so that a collection or a first run is no verdict. */
export function cpuMs(call: () => unknown, enough = 0): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5 && least > enough; i++) {
    const before = process.threadCpuUsage();
    call();
    const used = process.threadCpuUsage(before);
    least = Math.min(least, (used.user + used.system) / 1000);
  }
  return least;
}
