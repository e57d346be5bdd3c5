import type { PeerIdText } from '../p2p/types.ts';
import type { HeadersModules, PeerReports } from './headers-modules.ts';
import type { HeaderPeers } from './headers-peers.ts';
import { greet } from './headers-rounds.ts';
import { HeadersTalk } from './headers-talk.ts';

/** Status exchanges of ours at once. */
const MAX_ASKS = 16;

type AsksModules = Pick<HeadersModules, 'network' | 'chain' | 'host' | 'clock'> & {
  readonly peers: HeaderPeers;
  readonly reports: PeerReports;
  /** A status came: there may be something to take. */
  readonly onHeard: (peerId: PeerIdText) => void;
};

/** Exchanges statuses with peers, some at a time: a greeting, an announcement and a question in one. */
export class HeaderAsks {
  private readonly modules: AsksModules;
  private readonly stopping = new AbortController();
  /** In order; a peer is in it once. */
  private readonly due = new Set<PeerIdText>();
  private readonly running = new Map<PeerIdText, Promise<void>>();

  constructor(modules: AsksModules) {
    this.modules = modules;
  }

  get count(): number {
    return this.due.size + this.running.size;
  }

  /** Asks soon. */
  add(peerId: PeerIdText): void {
    if (this.stopping.signal.aborted) return;
    this.due.add(peerId);
    this.pump();
  }

  /** Asks before all others; resolves when it is done, well or not. */
  async now(peerId: PeerIdText): Promise<void> {
    if (this.stopping.signal.aborted) return;
    this.due.delete(peerId);
    await (this.running.get(peerId) ?? this.begin(peerId));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.due.clear();
    await Promise.all(this.running.values());
  }

  private pump(): void {
    for (const peerId of this.due) {
      if (this.running.size >= MAX_ASKS) return;
      if (this.running.has(peerId)) continue;
      this.due.delete(peerId);
      void this.begin(peerId);
    }
  }

  private begin(peerId: PeerIdText): Promise<void> {
    const done = this.ask(peerId)
      .catch((thrown: unknown) => this.modules.reports.failed(peerId, thrown))
      .finally(() => {
        this.running.delete(peerId);
        this.pump();
      });
    this.running.set(peerId, done);
    return done;
  }

  private async ask(peerId: PeerIdText): Promise<void> {
    // It may have left while it waited for its turn.
    if (this.modules.peers.get(peerId) === undefined) return;
    const { signal } = this.stopping;
    await HeadersTalk.with(this.modules, peerId, signal, (talk) => greet(talk, peerId, this.modules));
    this.modules.onHeard(peerId);
  }
}
