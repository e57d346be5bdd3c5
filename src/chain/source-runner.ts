import { ChainError } from './errors.ts';
import { displayHex, HEADER_BYTES, headerHash, prevBytesOf } from './header.ts';
import type { HeaderChain } from './header-chain.ts';

export interface SourceTip {
  readonly height: number;
  readonly hash: string;
}

/** Somebody who has headers. Nothing it says is believed. */
export interface HeaderSource {
  readonly name: string;
  tip(signal?: AbortSignal): Promise<SourceTip>;
  /** Headers (80 bytes each) of `count` heights from `from` on; any order, stale ones allowed. */
  headers(from: number, count: number, signal?: AbortSignal): Promise<readonly Uint8Array[]>;
}

export interface RunnerOptions {
  /** From the end of a round to the start of the next. */
  readonly intervalMs?: number | undefined;
  /** Longest wait after repeated failures. */
  readonly maxBackoffMs?: number | undefined;
  /** Heights asked for at once. */
  readonly pageHeaders?: number | undefined;
}

export interface RunnerModules {
  readonly source: HeaderSource;
  readonly chain: HeaderChain;
  readonly clock: { nowMs(): number; after(ms: number, run: () => void): () => void };
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** What `status` shows of a source. Times in ms since 1970. */
export interface RunnerState {
  readonly source: string;
  readonly running: boolean;
  readonly lastSuccessMs: number | undefined;
  readonly lastErrorMs: number | undefined;
  readonly lastErrorCode: string | undefined;
  readonly failuresInARow: number;
  /** Height the source claims. */
  readonly remoteHeight: number | undefined;
  /** How far our tip is below it. */
  readonly behind: number | undefined;
  readonly headersAdded: number;
}

/** One way in which headers come in, as configuration, status and metrics see it. */
export interface HeaderFollower {
  start(): void;
  stop(): Promise<void>;
  state(): RunnerState;
}

const INTERVAL_MS = 30_000;
const MAX_BACKOFF_MS = 300_000;
const MIN_BACKOFF_MS = 1_000;
const PAGE_HEADERS = 2_000;

/** Polls one source and feeds the chain. Rounds never overlap; after failures it waits longer, at random (full jitter). */
export class HeaderSourceRunner implements HeaderFollower {
  private readonly options: Required<{ [K in keyof RunnerOptions]: number }>;
  private readonly modules: RunnerModules;
  private controller: AbortController | undefined;
  private cancelTimer: (() => void) | undefined;
  private round: Promise<void> | undefined;
  private lastSuccessMs: number | undefined;
  private lastErrorMs: number | undefined;
  private lastErrorCode: string | undefined;
  private failures = 0;
  private remoteHeight: number | undefined;
  private added = 0;

  constructor(options: RunnerOptions, modules: RunnerModules) {
    this.options = {
      intervalMs: options.intervalMs ?? INTERVAL_MS,
      maxBackoffMs: options.maxBackoffMs ?? MAX_BACKOFF_MS,
      pageHeaders: options.pageHeaders ?? PAGE_HEADERS,
    };
    this.modules = modules;
  }

  /** Begins with a round at once. Without effect if it runs already. */
  start(): void {
    if (this.controller !== undefined) return;
    this.controller = new AbortController();
    this.schedule(0);
  }

  /** Ends the round under way and lets no further one begin. */
  async stop(): Promise<void> {
    this.controller?.abort();
    this.controller = undefined;
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    await this.round;
  }

  /** Runs a round now, or joins the one under way. Its failure is in the state, not thrown. */
  poll(): Promise<void> {
    this.round ??= this.runRound().finally(() => {
      this.round = undefined;
    });
    return this.round;
  }

  state(): RunnerState {
    const tip = this.modules.chain.tip().height;
    return {
      source: this.modules.source.name,
      running: this.controller !== undefined,
      lastSuccessMs: this.lastSuccessMs,
      lastErrorMs: this.lastErrorMs,
      lastErrorCode: this.lastErrorCode,
      failuresInARow: this.failures,
      remoteHeight: this.remoteHeight,
      behind: this.remoteHeight === undefined ? undefined : Math.max(0, this.remoteHeight - tip),
      headersAdded: this.added,
    };
  }

  private schedule(ms: number): void {
    this.cancelTimer = this.modules.clock.after(ms, () => {
      this.cancelTimer = undefined;
      void this.poll().then(() => {
        if (this.controller !== undefined) this.schedule(this.nextWaitMs());
      });
    });
  }

  private nextWaitMs(): number {
    if (this.failures === 0) return this.options.intervalMs;
    const longest = Math.min(
      this.options.maxBackoffMs,
      this.options.intervalMs * 2 ** Math.min(this.failures, 16),
    );
    return Math.max(MIN_BACKOFF_MS, Math.floor(this.modules.random() * longest));
  }

  private async runRound(): Promise<void> {
    const signal = (this.controller ?? new AbortController()).signal;
    try {
      await this.follow(signal);
      this.failures = 0;
      this.lastErrorCode = undefined;
      this.lastSuccessMs = this.modules.clock.nowMs();
    } catch (thrown) {
      if (signal.aborted) return;
      if (!(thrown instanceof ChainError)) throw thrown;
      this.failures += 1;
      this.lastErrorCode = thrown.code;
      this.lastErrorMs = this.modules.clock.nowMs();
    }
  }

  /** Finds the fork by walking back in doubling steps, then goes forward page by page to the source's tip. */
  private async follow(signal: AbortSignal): Promise<void> {
    const { source, chain } = this.modules;
    const remote = await source.tip(signal);
    this.remoteHeight = remote.height;
    if (chain.knows(remote.hash)) return;
    // No branch may leave below a checkpoint, so there is nothing to look for below the header above it.
    const lowest = Math.max(1, chain.baseHeight(), chain.lastCheckpointHeight() + 1);
    let from = Math.max(lowest, Math.min(chain.tip().height, remote.height));
    if (remote.height < lowest) return;
    let page = await this.page(from, remote.height, signal);
    for (let back = 1; page.fresh === 0 && page.unlinked > 0; back *= 2) {
      if (from === lowest) throw disagrees(source.name, remote, lowest);
      from = Math.max(lowest, from - back);
      page = await this.page(from, remote.height, signal);
    }
    for (;;) {
      // Known headers are no progress above our own tip; without this a liar could keep a round busy for ever.
      const stuck = page.fresh === 0 && from > chain.tip().height;
      if (page.linked.length === 0 || stuck) throw noProgress(source.name, remote, from);
      this.added += (await chain.add(page.linked)).added;
      if (signal.aborted) return;
      from += this.options.pageHeaders;
      if (from > remote.height) break;
      page = await this.page(from, remote.height, signal);
    }
    if (!chain.knows(remote.hash)) throw noProgress(source.name, remote, from);
  }

  private async page(from: number, top: number, signal: AbortSignal): Promise<LinkedPage> {
    const { source, chain } = this.modules;
    const count = Math.min(this.options.pageHeaders, top - from + 1);
    return linkPage(await source.headers(from, count, signal), (hash) => chain.knows(hash));
  }
}

function disagrees(name: string, remote: SourceTip, lowest: number): ChainError {
  return new ChainError(
    'SOURCE_DISAGREES',
    `${name}: none of its headers from height ${lowest} on connects to ours; is it of another network or chain?`,
    { source: name, remoteHeight: remote.height, remoteHash: remote.hash, lowest },
  );
}

function noProgress(name: string, remote: SourceTip, from: number): ChainError {
  return new ChainError(
    'SOURCE_NO_PROGRESS',
    `${name}: claims block ${remote.hash} at height ${remote.height}, but gave no headers that lead there`,
    { source: name, remoteHeight: remote.height, remoteHash: remote.hash, from },
  );
}

export interface LinkedPage {
  /** Headers that lead from a known one, parents first, n x 80 bytes. */
  readonly linked: Uint8Array;
  /** How many of them are not known yet. */
  readonly fresh: number;
  /** Headers that connect to nothing known. */
  readonly unlinked: number;
}

/** Orders a page: a service gives the headers of a height range in any order, with stale and orphan ones among them. */
export function linkPage(headers: readonly Uint8Array[], knows: (hash: string) => boolean): LinkedPage {
  const children = new Map<string, Uint8Array[]>();
  const hashes = new Map<Uint8Array, string>();
  const seen = new Set<string>();
  for (const raw of headers) {
    const hash = displayHex(headerHash(raw));
    if (seen.has(hash)) continue;
    seen.add(hash);
    hashes.set(raw, hash);
    const prev = displayHex(prevBytesOf(raw));
    const siblings = children.get(prev);
    if (siblings === undefined) children.set(prev, [raw]);
    else siblings.push(raw);
  }
  // A header known by itself needs no known parent: it may be the lowest one held.
  const stack: Uint8Array[] = [];
  for (const [raw, hash] of hashes) {
    const prev = displayHex(prevBytesOf(raw));
    if (!seen.has(prev) && (knows(prev) || knows(hash))) stack.push(raw);
  }
  const order: Uint8Array[] = [];
  let fresh = 0;
  for (let raw = stack.pop(); raw !== undefined; raw = stack.pop()) {
    const hash = hashes.get(raw) ?? '';
    order.push(raw);
    if (!knows(hash)) fresh += 1;
    stack.push(...(children.get(hash) ?? []));
  }
  const linked = new Uint8Array(order.length * HEADER_BYTES);
  for (const [i, raw] of order.entries()) linked.set(raw, i * HEADER_BYTES);
  return { linked, fresh, unlinked: hashes.size - order.length };
}
