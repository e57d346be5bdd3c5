import { HeadersError } from '../../protocols/headers/errors.ts';
import type { Tip } from '../../protocols/headers/messages.ts';
import type { PeerIdText } from '../p2p/types.ts';
import type { HeadersModules, PeerReports } from './headers-modules.ts';
import type { HeaderPeers, PeerView } from './headers-peers.ts';
import { ownStatus } from './headers-status.ts';
import { takeHeaders } from './headers-take.ts';
import { HeadersTalk } from './headers-talk.ts';

/** A round without a page for so long gets company: at 2,000 headers a page that is less than 80 kB/s. */
const STALL_MS = 2_000;
/** Rounds at once: one that is under way, the others stalled. */
const MAX_ROUNDS = 4;
/** How long a node that holds nothing waits for somebody whose headers begin at block 0. */
const START_GRACE_MS = 5_000;

interface Round {
  readonly done: Promise<void>;
  isStalled: boolean;
}

type RoundsModules = Pick<HeadersModules, 'network' | 'chain' | 'host' | 'clock' | 'random'> & {
  readonly peers: HeaderPeers;
  readonly reports: PeerReports;
  /** A round ended well: we know all the peer has. */
  readonly onTaken: (peerId: PeerIdText) => void;
};

/**
 * Takes headers from the peers that claim more work than we have, the most first. A round is with one peer at a time; who
 * stalls gets company, and loses his place when he comes back.
 * idle -> (setTaking, a peer ahead) round -> (its tip reached | failure) idle or next round
 */
export class HeaderRounds {
  private readonly modules: RoundsModules;
  private readonly rounds = new Map<PeerIdText, Round>();
  private stopping = new AbortController();
  private isTaking = false;
  private graceUntilMs: number | undefined;
  private cancelLook: () => void = () => undefined;
  private added = 0;

  constructor(modules: RoundsModules) {
    this.modules = modules;
  }

  /** Rounds under way, the stalled ones too. */
  get count(): number {
    return this.rounds.size;
  }

  get headersAdded(): number {
    return this.added;
  }

  start(): void {
    if (this.isTaking) return;
    this.isTaking = true;
    this.stopping = new AbortController();
    this.consider();
  }

  async stop(): Promise<void> {
    this.isTaking = false;
    this.cancelLook();
    this.stopping.abort();
    // Not those that a new start may begin meanwhile.
    await Promise.all([...this.rounds.values()].map(({ done }) => done));
  }

  /** Resolves when no round is under way. */
  async idle(): Promise<void> {
    while (this.rounds.size > 0) await Promise.all([...this.rounds.values()].map(({ done }) => done));
  }

  /** Begins a round if there is reason to; to be called whenever something has changed. */
  consider(): void {
    this.cancelLook();
    while (this.isTaking && this.rounds.size < MAX_ROUNDS && this.isStalled()) {
      const next = this.best();
      if (next === undefined) {
        this.lookLater();
        return;
      }
      this.begin(next.view.peerId, next.anywhere);
    }
  }

  private isStalled(): boolean {
    return [...this.rounds.values()].every((round) => round.isStalled);
  }

  /** Of those that may be asked now: who begins where we begin, then who has the most work. */
  private best(): { readonly view: PeerView; readonly anywhere: boolean } | undefined {
    const { peers, random } = this.modules;
    let best: { view: PeerView; anywhere: boolean; lot: number } | undefined;
    for (const view of peers.all()) {
      if (this.rounds.has(view.peerId) || !peers.isAhead(view) || peers.waitMs(view.peerId) > 0) continue;
      const start = this.startWith(view);
      if (start === undefined) continue;
      const one = { view, anywhere: start === 'anywhere', lot: random() };
      if (best === undefined || isBetter(one, best)) best = one;
    }
    return best;
  }

  /** Where a taking would begin; undefined: nowhere, or not yet. */
  private startWith({ status }: PeerView): 'common' | 'anywhere' | undefined {
    const { chain, clock } = this.modules;
    const base = status?.base ?? 0;
    if (base <= chain.tip().height + 1) return 'common';
    if (chain.isStarted() || chain.baseHeight() > 0) return undefined;
    // Headers from block 0 on prove more than those above a checkpoint, so who has them is waited for.
    this.graceUntilMs ??= clock.monotonicMs() + START_GRACE_MS;
    return clock.monotonicMs() >= this.graceUntilMs ? 'anywhere' : undefined;
  }

  /** Nobody can be asked now, but somebody may be later. */
  private lookLater(): void {
    const { peers, clock } = this.modules;
    let ms = Number.POSITIVE_INFINITY;
    for (const view of peers.all()) {
      if (this.rounds.has(view.peerId) || !peers.isAhead(view)) continue;
      const grace = this.startWith(view) === undefined ? (this.graceUntilMs ?? 0) - clock.monotonicMs() : 0;
      const waitMs = Math.max(peers.waitMs(view.peerId), grace);
      if (waitMs > 0) ms = Math.min(ms, waitMs);
    }
    if (Number.isFinite(ms)) this.cancelLook = clock.after(Math.ceil(ms), () => this.consider());
  }

  private begin(peerId: PeerIdText, anywhere: boolean): void {
    const round = { isStalled: false, done: Promise.resolve() };
    this.rounds.set(peerId, round);
    round.done = this.run(peerId, anywhere, round)
      .catch((thrown: unknown) => this.modules.reports.failed(peerId, thrown))
      .finally(() => {
        this.rounds.delete(peerId);
        this.consider();
      });
  }

  private async run(peerId: PeerIdText, anywhere: boolean, round: Round): Promise<void> {
    const { chain, clock, peers } = this.modules;
    let cancel: () => void = () => undefined;
    const watch = (): void => {
      cancel();
      round.isStalled = false;
      cancel = clock.after(STALL_MS, () => {
        round.isStalled = true;
        this.consider();
      });
    };
    const onPage = (added: number): void => {
      this.added += added;
      if (round.isStalled && !this.isStalled())
        throw new HeadersError('SLOW', 'another peer has taken its place');
      watch();
    };
    watch();
    try {
      await HeadersTalk.with(this.modules, peerId, this.stopping.signal, async (talk) => {
        await greet(talk, peerId, this.modules);
        const view = peers.get(peerId);
        const claimed = view?.status?.tip;
        if (view === undefined || claimed === undefined || !peers.isAhead(view)) return;
        const tip = await takeHeaders(talk, chain, { anywhere, onPage });
        if (tip.work < claimed.work) throw retracted(claimed, tip);
        peers.heardTip(peerId, tip);
      });
      this.modules.onTaken(peerId);
    } finally {
      cancel();
    }
  }
}

/** The work of a best chain never falls. */
function retracted(claimed: Tip, tip: Tip): HeadersError {
  return new HeadersError('CLAIM_FALSE', 'its tip has less work than it said at first', {
    height: claimed.height,
    given: tip.height,
  });
}

/** Exchanges statuses and notes both. @throws HeadersError */
export async function greet(
  talk: HeadersTalk,
  peerId: PeerIdText,
  modules: Pick<HeadersModules, 'network' | 'chain'> & { readonly peers: HeaderPeers },
): Promise<void> {
  const own = ownStatus(modules);
  const theirs = await talk.greet(own);
  modules.peers.told(peerId, own);
  modules.peers.heard(peerId, theirs);
}

interface Candidate {
  readonly view: PeerView;
  readonly anywhere: boolean;
  /** Decides between equals, so that not everybody asks the same peer. */
  readonly lot: number;
}

function isBetter(a: Candidate, b: Candidate): boolean {
  if (a.anywhere !== b.anywhere) return b.anywhere;
  const [x, y] = [a.view.status, b.view.status];
  if (x === undefined || y === undefined) return x !== undefined;
  if (a.anywhere && x.base !== y.base) return x.base < y.base;
  return x.tip.work === y.tip.work ? a.lot < b.lot : x.tip.work > y.tip.work;
}
