import { HeadersError, PENALTY_POINTS } from '../../protocols/headers/errors.ts';
import type { HeaderFollower, RunnerState } from '../chain/source-runner.ts';
import type { ConnectedPeer, PeerIdText } from '../p2p/types.ts';
import { codeOf } from './error-code.ts';
import { HeaderAsks } from './headers-asks.ts';
import { kindOf } from './headers-faults.ts';
import { HEADERS_STREAMS, type HeadersModules, PROTOCOL_IDS } from './headers-modules.ts';
import { HeaderPeers } from './headers-peers.ts';
import { HeaderRounds } from './headers-rounds.ts';
import { HeadersServer } from './headers-serve.ts';

/** Changes of our tip within this are one announcement. */
const ANNOUNCE_MS = 50;
/** Announcements are at least so far apart. */
const ANNOUNCE_INTERVAL_MS = 1_000;
/** How often what went wrong is tried again; each wait is this times 0.75 to 1.25. */
const TICK_MS = 30_000;
/** A peer that was silent for so long is asked what it has: an announcement may have been lost. */
const POLL_MS = 600_000;
/** A poke asks the same peer at most so often. */
const POKE_INTERVAL_MS = 1_000;

/** What a status or a metric shows. */
export interface HeadersSyncFacts {
  /** Connected peers that speak the protocol. */
  readonly peers: number;
  /** Streams that peers opened. */
  readonly serving: number;
  /** Takings under way. */
  readonly rounds: number;
  readonly headersAdded: number;
  readonly headersGiven: number;
}

/**
 * Block headers between daemons (protocols/headers): serves ours, tells peers of a new tip, and takes theirs while
 * `source` is started.
 */
export class HeadersSync {
  /** The `peers` entry of `chain.header_sources`: taking can be switched while the rest goes on. */
  readonly source: HeaderFollower;
  private readonly modules: HeadersModules;
  private readonly peers: HeaderPeers;
  private readonly asks: HeaderAsks;
  private readonly rounds: HeaderRounds;
  private readonly server: HeadersServer;
  private readonly outcome = new Outcome();
  private readonly undo: (() => Promise<void> | void)[] = [];
  private isTaking = false;
  private isStopped = false;
  private announcedMs = Number.NEGATIVE_INFINITY;
  private cancelAnnounce: (() => void) | undefined;
  private cancelTick: () => void = () => undefined;

  constructor(modules: HeadersModules) {
    this.modules = modules;
    const reports = { failed: (peerId: PeerIdText, thrown: unknown) => this.failed(peerId, thrown) };
    const peers = new HeaderPeers(modules);
    const shared = { ...modules, peers, reports };
    this.peers = peers;
    this.rounds = new HeaderRounds({ ...shared, onTaken: (peerId) => this.succeeded(peerId) });
    this.asks = new HeaderAsks({ ...shared, onHeard: (peerId) => this.heard(peerId) });
    this.server = new HeadersServer({
      ...shared,
      onStatus: (peerId, status) => {
        if (modules.host.peer(peerId) !== undefined) peers.join(peerId);
        peers.heard(peerId, status);
        this.rounds.consider();
      },
      onTold: (peerId, status) => peers.told(peerId, status),
    });
    this.source = {
      start: () => this.take(),
      stop: () => this.takeNoMore(),
      state: () => this.state(),
    };
  }

  /** Serves and announces; before or after the host has started. */
  async start(): Promise<void> {
    const { host, chain } = this.modules;
    const unhandle = await host.handle(PROTOCOL_IDS, (stream) => this.server.handle(stream), HEADERS_STREAMS);
    this.undo.push(
      unhandle,
      host.on('identified', (peer) => this.identified(peer)),
      host.on('disconnected', (peerId) => this.peers.leave(peerId)),
      chain.onChange(() => this.announceSoon()),
    );
    for (const peer of host.connected()) this.identified(peer);
    this.tick();
  }

  /** Leaves no stream, no timer and no listener. */
  async stop(): Promise<void> {
    this.isStopped = true;
    for (const one of this.undo.splice(0)) await one();
    this.cancelTick();
    this.cancelAnnounce?.();
    await Promise.all([this.takeNoMore(), this.asks.stop(), this.server.stop()]);
  }

  /**
   * The peer's headers are ahead of ours, somebody says (all peers', without an argument): asks, and takes what there
   * is. Resolves when that is done, well or not; asks one peer at most once a second.
   */
  async poke(peerId?: PeerIdText): Promise<void> {
    const { clock } = this.modules;
    const views = [...this.peers.all()].filter((view) => peerId === undefined || view.peerId === peerId);
    const due = views.filter(
      (view) =>
        clock.monotonicMs() - view.heardAtMs >= POKE_INTERVAL_MS && this.peers.waitMs(view.peerId) === 0,
    );
    await Promise.all(due.map((view) => this.asks.now(view.peerId)));
    this.rounds.consider();
    await this.rounds.idle();
  }

  /** The peer has more work than we have, as it says, and headers are being taken, from it or from another. */
  isTakingFor(peerId: PeerIdText): boolean {
    const view = this.peers.get(peerId);
    const isAhead = view !== undefined && this.peers.isAhead(view) && this.peers.waitMs(peerId) === 0;
    return isAhead && this.rounds.count > 0;
  }

  facts(): HeadersSyncFacts {
    const { peers, server, rounds } = this;
    return {
      peers: peers.size,
      serving: server.count,
      rounds: rounds.count,
      headersAdded: rounds.headersAdded,
      headersGiven: server.headersGiven,
    };
  }

  private take(): void {
    if (this.isStopped) return;
    this.isTaking = true;
    this.rounds.start();
  }

  private async takeNoMore(): Promise<void> {
    this.isTaking = false;
    await this.rounds.stop();
  }

  private state(): RunnerState {
    const remoteHeight = this.peers.bestHeight();
    const { height } = this.modules.chain.tip();
    return {
      source: 'peers',
      running: this.isTaking,
      ...this.outcome.shown(),
      remoteHeight,
      behind: remoteHeight === undefined ? undefined : Math.max(0, remoteHeight - height),
      headersAdded: this.rounds.headersAdded,
    };
  }

  /** Both sides greet: which of them dialled is not always told the same at both ends. */
  private identified({ peerId, identified }: ConnectedPeer): void {
    if (identified === undefined || !PROTOCOL_IDS.some((id) => identified.protocols.includes(id))) return;
    if (this.peers.get(peerId) !== undefined) return;
    this.peers.join(peerId);
    this.asks.add(peerId);
  }

  private announceSoon(): void {
    if (this.cancelAnnounce !== undefined) return;
    const { clock } = this.modules;
    const waitMs = Math.max(ANNOUNCE_MS, this.announcedMs + ANNOUNCE_INTERVAL_MS - clock.monotonicMs());
    this.cancelAnnounce = clock.after(waitMs, () => {
      this.cancelAnnounce = undefined;
      this.announcedMs = clock.monotonicMs();
      this.tell();
    });
  }

  private tell(): void {
    for (const view of this.peers.all()) {
      if (this.peers.isToBeTold(view) && this.peers.waitMs(view.peerId) === 0) this.asks.add(view.peerId);
    }
  }

  /** Asks whom nothing was heard of, tells who was not told. */
  private tick(): void {
    const { clock, random } = this.modules;
    this.cancelTick = clock.after(TICK_MS * (0.75 + random() / 2), () => {
      this.tick();
      this.tell();
      for (const { peerId, heardAtMs } of this.peers.all()) {
        const isDue = clock.monotonicMs() - heardAtMs >= POLL_MS;
        if (isDue && this.peers.waitMs(peerId) === 0) this.asks.add(peerId);
      }
      this.rounds.consider();
    });
  }

  /** A status alone makes nothing good; that it claims no more than we have does. */
  private heard(peerId: PeerIdText): void {
    const view = this.peers.get(peerId);
    if (view !== undefined && !this.peers.isAhead(view)) this.succeeded(peerId);
    this.rounds.consider();
  }

  private succeeded(peerId: PeerIdText): void {
    this.peers.succeeded(peerId);
    this.outcome.good(this.modules.clock.nowMs());
    this.rounds.consider();
  }

  private failed(peerId: PeerIdText, thrown: unknown): void {
    const { judge, log, clock, onError } = this.modules;
    const code = codeOf(thrown) ?? 'INTERNAL';
    if (code === 'STOPPED') return;
    const kind = kindOf(thrown);
    this.peers.failed(peerId, kind);
    if (kind === 'own') onError(thrown);
    if (kind !== 'passing') this.outcome.bad(code, clock.nowMs());
    log.debug('headers failed', { peer: peerId, code, kind });
    const points = thrown instanceof HeadersError ? PENALTY_POINTS[thrown.code] : undefined;
    if (points === undefined) return;
    log.event('chain.refused', { code, peer: peerId, height: this.modules.chain.tip().height });
    judge.penalise(peerId, code, points);
  }
}

/** How it went lately, as a header source shows it. */
class Outcome {
  private lastSuccessMs: number | undefined;
  private lastErrorMs: number | undefined;
  private lastErrorCode: string | undefined;
  private failures = 0;

  good(nowMs: number): void {
    this.lastSuccessMs = nowMs;
    this.lastErrorCode = undefined;
    this.failures = 0;
  }

  bad(code: string, nowMs: number): void {
    this.lastErrorMs = nowMs;
    this.lastErrorCode = code;
    this.failures += 1;
  }

  shown(): Pick<RunnerState, 'lastSuccessMs' | 'lastErrorMs' | 'lastErrorCode' | 'failuresInARow'> {
    const { lastSuccessMs, lastErrorMs, lastErrorCode, failures } = this;
    return { lastSuccessMs, lastErrorMs, lastErrorCode, failuresInARow: failures };
  }
}
