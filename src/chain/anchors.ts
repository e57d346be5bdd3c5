import { type Checkpoint, isStart, type StartCheckpoint } from './checkpoints.ts';
import { ChainError } from './errors.ts';
import { displayHex, headerHash, internalBytes, isHashHex, sameHash } from './header.ts';
import type { NetworkRules } from './networks.ts';
import type { ChainBase } from './rows.ts';
import { meetsTarget, targetOfBits, targetOfWork } from './target.ts';

/** How much easier than its anchor a header may be while its rule cannot be computed; real ones reached 1.5 in 148 blocks. */
const PLAUSIBLE_FACTOR = 8n;
/** The same against the average work of the whole chain, where the anchor's difficulty is not given. */
const PLAUSIBLE_AVERAGE_FACTOR = 64n;

/** The places of a network that are known beforehand: block 0, built-in checkpoints and a configured one. */
export class Anchors {
  readonly genesis: Uint8Array;
  readonly genesisHash: Uint8Array;
  private readonly enforced = new Map<number, Uint8Array>();
  private readonly heights: readonly number[];
  private readonly starts: readonly StartCheckpoint[];

  /** @throws ChainError CHECKPOINT_INVALID */
  constructor(rules: NetworkRules, configured: Checkpoint | undefined) {
    this.genesis = Buffer.from(rules.genesis, 'hex');
    this.genesisHash = headerHash(this.genesis);
    const all = [...rules.checkpoints];
    if (configured !== undefined) {
      checkConfigured(configured, rules, this.genesisHash);
      if (configured.height > 0) all.push(configured);
    }
    for (const { height, hash } of all) this.enforced.set(height, internalBytes(hash));
    this.heights = [0, ...this.enforced.keys()].sort((a, b) => a - b);
    this.starts = all.filter(isStart).sort((a, b) => a.height - b.height);
  }

  genesisBase(): ChainBase {
    return { height: 0, anchorHash: Buffer.alloc(32), anchorWork: 0n, anchorBits: 0 };
  }

  baseAbove(start: StartCheckpoint): ChainBase {
    return {
      height: start.height + 1,
      anchorHash: internalBytes(start.hash),
      anchorWork: start.chainWork,
      anchorBits: start.bits ?? 0,
    };
  }

  /** Base of a store whose first header has this hash or links to `prev`; undefined if neither is a known place. */
  baseFor(hash: Uint8Array, prev: Uint8Array): ChainBase | undefined {
    if (sameHash(this.genesisHash, 0, hash) || sameHash(this.genesisHash, 0, prev)) return this.genesisBase();
    const start = this.starts.find((s) => {
      const known = internalBytes(s.hash);
      return sameHash(known, 0, hash) || sameHash(known, 0, prev);
    });
    return start === undefined ? undefined : this.baseAbove(start);
  }

  /** Height of a known place, if the hash is one. */
  heightOf(hash: Uint8Array): number | undefined {
    if (sameHash(this.genesisHash, 0, hash)) return 0;
    for (const [height, known] of this.enforced) if (sameHash(known, 0, hash)) return height;
    return undefined;
  }

  /** Heights with a demanded hash. */
  known(): Iterable<number> {
    return this.enforced.keys();
  }

  /** Highest known place at or below `height`. */
  lastAt(height: number): number {
    return this.heights.findLast((known) => known <= height) ?? 0;
  }

  /** Heights a store can begin above, 0 included: what an error names. */
  startHeights(): readonly string[] {
    return ['0', ...this.starts.map((s) => String(s.height))];
  }

  /** Throws CHECKPOINT_MISMATCH if `height` has another hash than demanded. */
  check(height: number, hash: Uint8Array): void {
    const demanded = this.enforced.get(height);
    if (demanded === undefined || sameHash(demanded, 0, hash)) return;
    throw new ChainError(
      'CHECKPOINT_MISMATCH',
      `height ${height} must be block ${displayHex(demanded)}, not ${displayHex(hash)}: these headers are of another chain`,
      { height, expected: displayHex(demanded), found: displayHex(hash) },
    );
  }
}

function checkConfigured(checkpoint: Checkpoint, rules: NetworkRules, genesisHash: Uint8Array): void {
  const { height, hash, chainWork, bits } = checkpoint;
  const invalid = (what: string): never => {
    throw new ChainError('CHECKPOINT_INVALID', `checkpoint at height ${height}: ${what}`, { height, what });
  };
  if (!Number.isSafeInteger(height) || height < 0 || height > 0x7fffffff)
    invalid('the height is no block height');
  if (!isHashHex(hash)) invalid('the hash is not 64 hex digits');
  if (chainWork === undefined || chainWork <= 0n || chainWork >= 1n << 256n)
    invalid('chain work is missing or out of range');
  if (bits !== undefined && targetOfBits(bits) === undefined) invalid('bits are no valid difficulty');
  if (bits !== undefined && !meetsTarget(internalBytes(hash), bits))
    invalid('the hash does not meet the bits');
  const built = rules.checkpoints.find((c) => c.height === height);
  if (built !== undefined && built.hash !== hash.toLowerCase()) invalid(`the built-in hash is ${built.hash}`);
  if (height === 0 && displayHex(genesisHash) !== hash.toLowerCase()) {
    invalid(`block 0 of the ${rules.network} network is ${displayHex(genesisHash)}`);
  }
}

/**
 * Easiest target accepted where the difficulty rule looks below the base: 8 times the anchor's (a real chain reached
 * 1.5 within 148 blocks), or 64 times that of the chain's average work if the anchor's is unknown, never above the
 * network's own limit. The test network allows its minimum at any time, so there only that limit holds.
 */
export function plausibleTarget(rules: NetworkRules, base: ChainBase): bigint {
  const easiest = targetOfBits(rules.easiestBits) ?? 0n;
  if (rules.minimumAfter20Minutes || base.height === 0) return easiest;
  const anchorTarget = base.anchorBits === 0 ? undefined : targetOfBits(base.anchorBits);
  const average = base.anchorWork / BigInt(base.height) / PLAUSIBLE_AVERAGE_FACTOR;
  const bound =
    anchorTarget === undefined ? targetOfWork(average > 0n ? average : 1n) : anchorTarget * PLAUSIBLE_FACTOR;
  return bound < easiest ? bound : easiest;
}
