import { setImmediate } from 'node:timers/promises';
import { Anchors } from './anchors.ts';
import { type AuditCount, proveAll, proveTop } from './audit.ts';
import { BestChain } from './best-chain.ts';
import { type ChainClock, type ChainState, emptyChain } from './chain-state.ts';
import { type Checkpoint, isStart } from './checkpoints.ts';
import { ChainError } from './errors.ts';
import {
  decodeHeader,
  displayHex,
  HEADER_BYTES,
  type Header,
  headerHash,
  internalBytes,
  isHashHex,
  prevBytesOf,
  rootBytesOf,
  sameHash,
} from './header.ts';
import { Intake } from './intake.ts';
import { type Network, type NetworkRules, RULES } from './networks.ts';
import { type RecoveryReport, recoverRows } from './recovery.ts';
import {
  decodeIdentity,
  decodeSide,
  decodeTip,
  type HeaderDisk,
  identityKey,
  keyRange,
  rowDamaged,
  rowMissing,
  tipKey,
} from './rows.ts';
import { SideBranches, type SideHeader, sideHeader } from './side-branches.ts';

/** Headers a write holds at most: about 110 KB with their index rows, 10 ms of checking between turns of the event loop. */
const PORTION_HEADERS = 1024;
/** Chunks kept in memory: 1,048,576 headers, 90 MB if every one of them is touched; tokens touch the recent ones. */
const CACHE_CHUNKS = 16_384;
/** Side headers kept: about 2.5 MB. */
const SIDE_HEADERS = 10_000;
/** Chunks proven at open: 2,048 headers, more than LevelDB's log can hold of a chain that grows block by block. */
const OPEN_CHUNKS = 32;
/** Headers that `headersAfter` gives at most. */
export const MAX_HEADERS_AFTER = 2000;

/** Last header of the best chain. Hash in display order; work of it and all before it. */
export interface HeaderTip {
  readonly height: number;
  readonly hash: string;
  readonly chainWork: bigint;
}

/** What an `add` did, or one write of it. `undone`: heights of the best chain that were replaced or removed. */
export interface ChainUpdate {
  readonly added: number;
  readonly known: number;
  readonly undone: { readonly from: number; readonly to: number } | undefined;
  readonly tip: HeaderTip;
}

export interface ChainOptions {
  readonly network: Network;
  /** Where an empty store begins; also enforced. Without it: block 0, or any known checkpoint that headers link to. */
  readonly checkpoint?: Checkpoint | undefined;
  /** Other rules than the network's own, for tests. */
  readonly rules?: NetworkRules | undefined;
  readonly cacheChunks?: number | undefined;
  readonly sideHeaders?: number | undefined;
  readonly portionHeaders?: number | undefined;
}

export interface ChainModules {
  readonly disk: HeaderDisk;
  readonly clock: ChainClock;
}

/**
 * The block headers of one network: checked, linked, most work wins. Reading is synchronous and shows the last state
 * that is on the disk; adding is one call after another. Every row proves itself when read: a damaged one is a
 * ChainError (CHAIN_ROW_DAMAGED, CHAIN_ROW_MISSING), never a wrong header.
 */
export class HeaderChain {
  private readonly state: ChainState;
  private readonly intake: Intake;
  private readonly listeners = new Set<(update: ChainUpdate) => void>();
  private queue: Promise<unknown> = Promise.resolve();
  private readonly lostSides: readonly string[];

  private constructor(state: ChainState, intake: Intake, lostSides: readonly string[]) {
    this.state = state;
    this.intake = intake;
    this.lostSides = lostSides;
  }

  /**
   * Opens the chain: reads and proves the identity, the tip, the topmost chunks and the side headers; nothing is
   * written. 5 ms whatever the height.
   * @throws ChainError CHAIN_ROW_DAMAGED, CHAIN_ROW_MISSING (cure: `recover`), CHAIN_WRONG_NETWORK,
   *   CHAIN_FORMAT_UNKNOWN, CHECKPOINT_INVALID, CHECKPOINT_MISMATCH
   */
  static async open(options: ChainOptions, modules: ChainModules): Promise<HeaderChain> {
    const rules = options.rules ?? RULES[options.network];
    const anchors = new Anchors(rules, options.checkpoint);
    const cacheChunks = Math.max(1, options.cacheChunks ?? CACHE_CHUNKS);
    const sides = new SideBranches(options.sideHeaders ?? SIDE_HEADERS);
    const { disk, clock } = modules;
    const held = readChain(disk, rules, cacheChunks);
    let best = held;
    if (best === undefined) {
      const { checkpoint } = options;
      const start =
        checkpoint !== undefined && checkpoint.height > 0 && isStart(checkpoint) ? checkpoint : undefined;
      const base = start === undefined ? anchors.genesisBase() : anchors.baseAbove(start);
      best = emptyChain(disk, anchors, base, cacheChunks);
    } else {
      proveTop(best, OPEN_CHUNKS);
      for (const height of anchors.known())
        if (best.holds(height)) anchors.check(height, best.hashBytes(height));
    }
    const lost = await readSides(disk, best, sides);
    const state: ChainState = {
      disk,
      clock,
      rules,
      anchors,
      sides,
      cacheChunks,
      best,
      started: held !== undefined,
    };
    return new HeaderChain(state, new Intake(state, options.portionHeaders ?? PORTION_HEADERS), lost);
  }

  /**
   * Opens a chain that may be damaged: reads all of it from the base up, drops what cannot be proven, and says so.
   * Headers above the point reached come back from any source. About 5 s for 900,000 headers.
   */
  static async recover(
    options: ChainOptions,
    modules: ChainModules,
  ): Promise<{ readonly chain: HeaderChain; readonly report: RecoveryReport }> {
    const rules = options.rules ?? RULES[options.network];
    const report = await recoverRows(modules.disk, rules, new Anchors(rules, options.checkpoint));
    return { chain: await HeaderChain.open(options, modules), report };
  }

  tip(): HeaderTip {
    const { height, hash, work } = this.state.best.tip;
    return { height, hash: displayHex(hash), chainWork: work };
  }

  /** Lowest height held. A store without headers answers where it would begin. */
  baseHeight(): number {
    return this.state.best.base.height;
  }

  /** False while no header was added: the base is still open. */
  isStarted(): boolean {
    return this.state.started;
  }

  /** Height of the highest enforced block that the chain has passed; branches must leave above it. */
  lastCheckpointHeight(): number {
    return this.state.anchors.lastAt(this.state.best.height);
  }

  /** Side header rows that failed their proof at open, as hex keys. They are ignored; recovery removes them. */
  damagedSideRows(): readonly string[] {
    return this.lostSides;
  }

  sideCount(): number {
    return this.state.sides.size;
  }

  header(height: number): Header | undefined {
    const { best } = this.state;
    return best.holds(height) ? decodeHeader(best.headerBytes(height)) : undefined;
  }

  hashAt(height: number): string | undefined {
    const { best } = this.state;
    return best.holds(height) ? displayHex(best.hashBytes(height)) : undefined;
  }

  /** Merkle root of the block at `height` of the best chain, display order; undefined if not held. */
  rootAt(height: number): string | undefined {
    const { best } = this.state;
    return best.holds(height) ? displayHex(rootBytesOf(best.headerBytes(height))) : undefined;
  }

  /** Unix time in seconds. */
  timeAt(height: number): number | undefined {
    const { best } = this.state;
    return best.holds(height) ? best.time(height) : undefined;
  }

  /** Height of a block hash (hex, display order) on the best chain. */
  heightOf(hash: string): number | undefined {
    const { best } = this.state;
    const height = isHashHex(hash) ? best.heightOf(internalBytes(hash)) : undefined;
    return height !== undefined && best.holds(height) ? height : undefined;
  }

  /** True for a hash of the best chain, of the anchor below it, or of a side header. */
  knows(hash: string): boolean {
    if (!isHashHex(hash)) return false;
    const bytes = internalBytes(hash);
    return this.state.sides.get(bytes) !== undefined || this.state.best.heightOf(bytes) !== undefined;
  }

  /** Merkle roots of the known blocks at `height` beside the best chain: a proof with one of these is stale, not forged. */
  sideRoots(height: number): readonly string[] {
    return this.state.sides.at(height).map((side) => displayHex(rootBytesOf(side.raw)));
  }

  /** Hashes of the best chain from the tip down: the last ten, then at doubling distances, last the base or its anchor. */
  locator(): readonly string[] {
    const { best } = this.state;
    const lowest = Math.max(0, best.base.height - 1);
    const hashes: string[] = [];
    let step = 1;
    for (let height = best.height; height > lowest; height -= step) {
      hashes.push(displayHex(best.hashBytes(height)));
      if (hashes.length >= 10) step *= 2;
    }
    hashes.push(displayHex(best.hashBytes(lowest)));
    return hashes;
  }

  /**
   * Headers that follow the first hash of `locator` known here, at most `max` and MAX_HEADERS_AFTER; from the base if
   * none is known, and then `isLinked` is false. `fromHeight` is the height of the first one.
   */
  headersAfter(
    locator: readonly string[],
    max: number,
  ): { readonly fromHeight: number; readonly headers: Uint8Array; readonly isLinked: boolean } {
    const { best } = this.state;
    let after = best.base.height - 1;
    let isLinked = false;
    for (const hash of locator) {
      const height = isHashHex(hash) ? best.heightOf(internalBytes(hash)) : undefined;
      if (height === undefined) continue;
      after = height;
      isLinked = true;
      break;
    }
    const count = Math.min(Math.max(0, Math.floor(max)), MAX_HEADERS_AFTER, best.height - after);
    return { fromHeight: after + 1, headers: best.range(after + 1, after + count), isLinked };
  }

  /**
   * Adds headers, n x 80 bytes, each after its parent. Known ones are skipped. Every portion of about 1,000 is checked
   * and then written as one atomic batch, the last one synced; between portions other work gets its turn. The bytes
   * must not change meanwhile.
   * @throws ChainError for the first header refused (`data.index` is its place); those before it are kept. Also
   *   HEADER_LENGTH, DISK_FAILED, SIDE_BRANCH_TOO_LONG, CHAIN_STATE_CHANGED
   */
  add(headers: Uint8Array): Promise<ChainUpdate> {
    const run = this.queue.then(() => this.addNow(headers));
    this.queue = run.catch(() => undefined);
    return run;
  }

  /** Calls `listener` after every write, with the state already changed. It must not throw. Returns the unsubscriber. */
  onChange(listener: (update: ChainUpdate) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Reads and proves every row; see `proveAll`. About 5 s for 900,000 headers, in turns. */
  verify(onProgress?: (height: number) => void): Promise<AuditCount> {
    return proveAll(this.state, onProgress);
  }

  private async addNow(headers: Uint8Array): Promise<ChainUpdate> {
    if (headers.length % HEADER_BYTES !== 0) {
      throw new ChainError(
        'HEADER_LENGTH',
        `${headers.length} bytes are not a whole number of ${HEADER_BYTES}-byte headers`,
        { bytes: headers.length },
      );
    }
    const total = headers.length / HEADER_BYTES;
    const sum = { added: 0, known: 0, undone: undefined as ChainUpdate['undone'] };
    let next = 0;
    while (next < total) {
      const portion = this.intake.read(headers, next);
      next = portion.next;
      sum.known += portion.known;
      if (portion.branch !== undefined) {
        const { added, undone } = await this.intake.commit(
          portion.branch,
          next === total || portion.failure !== undefined,
        );
        sum.added += added;
        sum.undone = joined(sum.undone, undone);
        const update = { added, known: 0, undone, tip: this.tip() };
        for (const listener of this.listeners) listener(update);
      }
      if (portion.failure !== undefined) throw portion.failure;
      if (next < total) await setImmediate();
    }
    return { ...sum, tip: this.tip() };
  }
}

function joined(a: ChainUpdate['undone'], b: ChainUpdate['undone']): ChainUpdate['undone'] {
  if (a === undefined || b === undefined) return a ?? b;
  return { from: Math.min(a.from, b.from), to: Math.max(a.to, b.to) };
}

/** The chain the disk holds; undefined if it holds none. */
function readChain(disk: HeaderDisk, rules: NetworkRules, cacheChunks: number): BestChain | undefined {
  const identity = disk.get(identityKey);
  const tipRow = disk.get(tipKey);
  if (identity === undefined && tipRow === undefined) return undefined;
  if (identity === undefined) throw rowMissing('identity', identityKey);
  const base = decodeIdentity(rules.network, identity);
  if (tipRow === undefined) throw rowMissing('tip', tipKey);
  const tip = decodeTip(tipRow);
  if (tip.height < base.height) throw rowDamaged('tip', tipKey, 'height below the base');
  return new BestChain(disk, base, tip, cacheChunks);
}

/** Takes the side headers into memory. Returns the keys of those that prove nothing or connect to nothing. */
async function readSides(disk: HeaderDisk, best: BestChain, sides: SideBranches): Promise<readonly string[]> {
  const lost: string[] = [];
  const put: SideHeader[] = [];
  const hashes = new Set<string>();
  // Key order is height order, so a parent is read before its children.
  for (const key of await disk.keys(...keyRange('side'))) {
    const side = readSide(disk, key);
    const prev = side === undefined ? undefined : prevBytesOf(side.raw);
    if (side === undefined || prev === undefined) {
      lost.push(Buffer.from(key).toString('hex'));
    } else if (hashes.has(displayHex(prev)) || connects(best, side.height - 1, prev)) {
      hashes.add(displayHex(side.hash));
      put.push(side);
    } else {
      lost.push(Buffer.from(key).toString('hex'));
    }
  }
  sides.apply({ put, remove: [] });
  return lost;
}

function connects(best: BestChain, height: number, prev: Uint8Array): boolean {
  return (height === best.base.height - 1 || best.holds(height)) && sameHash(prev, 0, best.hashBytes(height));
}

function readSide(disk: HeaderDisk, key: Uint8Array): SideHeader | undefined {
  const row = disk.get(key);
  if (row === undefined || key.length !== 38) return undefined;
  try {
    const raw = decodeSide(key, row);
    const hash = headerHash(raw);
    const named = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
    return named.subarray(6).equals(hash) ? sideHeader(named.readUInt32BE(2), hash, raw) : undefined;
  } catch (thrown) {
    if (thrown instanceof ChainError && thrown.code === 'CHAIN_ROW_DAMAGED') return undefined;
    throw thrown;
  }
}
