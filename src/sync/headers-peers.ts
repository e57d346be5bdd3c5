import type { StatusBody, Tip } from '../../protocols/headers/messages.ts';
import { displayHex } from '../chain/header.ts';
import type { Clock, PeerIdText, RandomFraction } from '../p2p/types.ts';
import type { FailureKind } from './headers-faults.ts';
import type { SyncedChain } from './headers-modules.ts';

/** Failures in a row are remembered for this many peers, whether connected or not. */
const MAX_SETBACKS = 1_024;
/** First and longest wait after failures in a row, each twice the one before. */
const WAITS_MS: Readonly<Record<FailureKind, readonly [first: number, longest: number]>> = {
  fault: [30_000, 3_600_000],
  lasting: [600_000, 600_000],
  passing: [1_000, 300_000],
  silence: [1_000, 300_000],
  own: [5_000, 300_000],
};

interface Setback {
  readonly failures: number;
  readonly untilMs: number;
}

/** What is known of a connected peer that speaks the protocol. */
export interface PeerView {
  readonly peerId: PeerIdText;
  /** What it told last; undefined: nothing yet. */
  status: StatusBody | undefined;
  /** Monotonic ms of that. */
  heardAtMs: number;
  /** Hash (display order) of the tip of ours that it was told last. */
  told: string | undefined;
}

type PeersModules = {
  readonly network: string;
  readonly chain: SyncedChain;
  readonly clock: Clock;
  readonly random: RandomFraction;
};

/** The connected peers and what they claim to have; and whom not to ask for a while, which outlives a connection. */
export class HeaderPeers {
  private readonly modules: PeersModules;
  private readonly views = new Map<PeerIdText, PeerView>();
  private readonly setbacks = new Map<PeerIdText, Setback>();

  constructor(modules: PeersModules) {
    this.modules = modules;
  }

  get size(): number {
    return this.views.size;
  }

  all(): Iterable<PeerView> {
    return this.views.values();
  }

  get(peerId: PeerIdText): PeerView | undefined {
    return this.views.get(peerId);
  }

  /** The view of a connected peer, a new one if need be. */
  join(peerId: PeerIdText): PeerView {
    const known = this.views.get(peerId);
    if (known !== undefined) return known;
    const view: PeerView = {
      peerId,
      status: undefined,
      heardAtMs: Number.NEGATIVE_INFINITY,
      told: undefined,
    };
    this.views.set(peerId, view);
    return view;
  }

  leave(peerId: PeerIdText): void {
    this.views.delete(peerId);
  }

  /** Takes what a peer says it has. */
  heard(peerId: PeerIdText, status: StatusBody): void {
    // The answer of a peer that has left meanwhile makes no view.
    const view = this.views.get(peerId);
    if (view === undefined) return;
    // A view of a frame would keep the whole frame.
    view.status = { ...status, tip: { ...status.tip, hash: Uint8Array.from(status.tip.hash) } };
    view.heardAtMs = this.modules.clock.monotonicMs();
  }

  /** Takes the tip that a peer named with its headers. */
  heardTip(peerId: PeerIdText, tip: Tip): void {
    const status = this.views.get(peerId)?.status;
    if (status !== undefined) this.heard(peerId, { ...status, tip });
  }

  told(peerId: PeerIdText, { tip }: StatusBody): void {
    const view = this.views.get(peerId);
    if (view !== undefined) view.told = displayHex(tip.hash);
  }

  /** Its tip is not known to us and is said to have more work than ours. */
  isAhead(view: PeerView): boolean {
    const { network, chain } = this.modules;
    const { status } = view;
    if (status === undefined || status.network !== network) return false;
    return status.tip.work > chain.tip().chainWork && !chain.knows(displayHex(status.tip.hash));
  }

  /** It has less work than we have, as far as we know, and was not told what we have. */
  isToBeTold(view: PeerView): boolean {
    const { network, chain } = this.modules;
    const { hash, chainWork } = chain.tip();
    const { status } = view;
    if (view.told === hash) return false;
    return status === undefined || (status.network === network && status.tip.work < chainWork);
  }

  /** Milliseconds until it may be asked again; 0: now. */
  waitMs(peerId: PeerIdText): number {
    const untilMs = this.setbacks.get(peerId)?.untilMs ?? 0;
    return Math.max(0, untilMs - this.modules.clock.monotonicMs());
  }

  failures(peerId: PeerIdText): number {
    return this.setbacks.get(peerId)?.failures ?? 0;
  }

  failed(peerId: PeerIdText, kind: FailureKind): void {
    const [first, longest] = WAITS_MS[kind];
    const failures = this.failures(peerId) + 1;
    const ms = Math.min(longest, first * 2 ** Math.min(failures - 1, 20));
    const untilMs = this.modules.clock.monotonicMs() + ms * (0.75 + this.modules.random() / 2);
    // The newest at the end: the one that is pushed out failed longest ago.
    this.setbacks.delete(peerId);
    this.setbacks.set(peerId, { failures, untilMs });
    const oldest = this.setbacks.size > MAX_SETBACKS ? this.setbacks.keys().next().value : undefined;
    if (oldest !== undefined) this.setbacks.delete(oldest);
  }

  succeeded(peerId: PeerIdText): void {
    this.setbacks.delete(peerId);
  }

  /** Height of the highest tip that is told by peers nothing speaks against; undefined: nobody told any. */
  bestHeight(): number | undefined {
    const { network, chain } = this.modules;
    let best: number | undefined;
    for (const view of this.views.values()) {
      const { status, peerId } = view;
      if (status === undefined || status.network !== network || this.waitMs(peerId) > 0) continue;
      const known = chain.heightOf(displayHex(status.tip.hash));
      const height = this.isAhead(view) ? status.tip.height : known;
      if (height !== undefined) best = Math.max(best ?? 0, height);
    }
    return best;
  }
}
