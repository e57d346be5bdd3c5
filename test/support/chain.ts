import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { displayHex, encodeHeader, HEADER_BYTES, headerHash } from '../../src/chain/header.ts';
import { type ChainOptions, HeaderChain } from '../../src/chain/header-chain.ts';
import { RULES } from '../../src/chain/networks.ts';
import { meetsTarget } from '../../src/chain/target.ts';
import { MemoryHeaderDisk } from './header-disk.ts';

/** Folder of the reference material; tests that need it skip where it is absent. */
export const SHARED: string = process.env['BTCFED_SHARED'] ?? join(process.cwd(), '..', 'shared');

/** Bytes of a shared file, or undefined. */
export function sharedFile(...path: string[]): Buffer | undefined {
  try {
    return readFileSync(join(SHARED, ...path));
  } catch {
    return undefined;
  }
}

export const REGTEST_BITS = 0x207fffff;
export const REGTEST_GENESIS: Buffer = Buffer.from(RULES.regtest.genesis, 'hex');
export const REGTEST_GENESIS_HASH: string = displayHex(headerHash(REGTEST_GENESIS));
/** Time of the regtest genesis, seconds. */
export const GENESIS_TIME = 1_296_688_602;

/** A clock that only moves when told; 2033, so that long synthetic chains are not in the future. */
export class FakeClock {
  now: number;
  private timers: { at: number; run: () => void }[] = [];

  constructor(nowMs = 2_000_000_000_000) {
    this.now = nowMs;
  }

  nowMs(): number {
    return this.now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.now + ms, run };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  /** Number of timers that wait. */
  get waiting(): number {
    return this.timers.length;
  }

  /** Milliseconds to the next timer. */
  get nextMs(): number | undefined {
    return this.timers.length === 0 ? undefined : Math.min(...this.timers.map((t) => t.at)) - this.now;
  }

  /** Moves the time and runs what falls due, in order of time. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const due = this.timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers = this.timers.filter((other) => other !== due);
      this.now = Math.max(this.now, due.at);
      due.run();
    }
    this.now = end;
  }
}

/** A merkle root that nothing else has: readable in failures, different for every label. */
export function rootOf(label: number | string): string {
  return Buffer.from(String(label)).toString('hex').padStart(64, '0').slice(-64);
}

export interface HeaderTemplate {
  readonly prevHash: string;
  readonly merkleRoot: string;
  readonly time: number;
  readonly version?: number;
  readonly bits?: number;
}

/** A header with proof of work; instant at regtest difficulty (two tries on average). */
export function mineHeader(template: HeaderTemplate): Buffer {
  const bits = template.bits ?? REGTEST_BITS;
  const raw = encodeHeader({ version: template.version ?? 0x20000000, ...template, bits, nonce: 0 });
  for (let nonce = 0; nonce <= 0xffffffff; nonce++) {
    raw.writeUInt32LE(nonce, 76);
    if (meetsTarget(headerHash(raw), bits)) return raw;
  }
  throw new Error('no nonce found');
}

export interface MineOptions {
  /** The header to build on; regtest genesis by default. */
  readonly on?: Uint8Array;
  /** Merkle root of the i-th header (from 0). */
  readonly root?: (index: number) => string;
  readonly stepS?: number;
  readonly bits?: number;
}

let branchNumber = 0;

/** `count` linked headers, n x 80 bytes. Without `root` every call makes a different branch. */
export function mineChain(count: number, options: MineOptions = {}): Buffer {
  const label = `b${++branchNumber}-`;
  const out = Buffer.alloc(count * HEADER_BYTES);
  const on = options.on ?? REGTEST_GENESIS;
  let prevHash = displayHex(headerHash(on));
  let time = Buffer.from(on).readUInt32LE(68);
  for (let i = 0; i < count; i++) {
    time += options.stepS ?? 600;
    const merkleRoot = options.root?.(i) ?? rootOf(`${label}${i}`);
    const raw = mineHeader({
      prevHash,
      merkleRoot,
      time,
      ...(options.bits === undefined ? {} : { bits: options.bits }),
    });
    raw.copy(out, i * HEADER_BYTES);
    prevHash = displayHex(headerHash(raw));
  }
  return out;
}

/** The i-th header of n x 80 bytes; negative counts from the end. */
export function nth(headers: Uint8Array, index: number): Buffer {
  const count = headers.length / HEADER_BYTES;
  const i = index < 0 ? count + index : index;
  return Buffer.from(headers.subarray(i * HEADER_BYTES, (i + 1) * HEADER_BYTES));
}

export function hashOf(raw: Uint8Array): string {
  return displayHex(headerHash(raw));
}

/** A regtest chain in memory; pass the disk to open it again. */
export async function openRegtest(
  options: Partial<ChainOptions> = {},
  disk: MemoryHeaderDisk = new MemoryHeaderDisk(),
  clock: FakeClock = new FakeClock(),
): Promise<{ chain: HeaderChain; disk: MemoryHeaderDisk; clock: FakeClock }> {
  return { chain: await HeaderChain.open({ network: 'regtest', ...options }, { disk, clock }), disk, clock };
}
