import type { PeerIdText } from '../p2p/types.ts';
import type { EventRecord } from '../store/event-row.ts';
import { MAX_LANES, MAX_SESSIONS } from './client-limits.ts';
import type { SyncEventName, SyncModules } from './client-modules.ts';
import { Lanes } from './lanes.ts';
import { Session, type SessionCounts } from './session.ts';
import type { SyncState, TokenStatus } from './status.ts';
import { TokenTask } from './token-task.ts';
import { Transfers } from './transfer.ts';
import { type WantedEnd, WantedTxs } from './wanted.ts';

/** Figures for metrics and status. */
export interface SyncFacts {
  readonly tokens: Readonly<Record<SyncState, number>>;
  /** Peers by the state of the conversation with them. */
  readonly sessions: Readonly<Record<Session['state']['kind'], number>>;
  /** Transfers under way on streams of their own. */
  readonly lanes: number;
  readonly hunts: number;
  /** Transactions that wait to be fetched for others. */
  readonly wanted: number;
  /** History transactions taken in since the start. */
  readonly taken: number;
  readonly faultsByCode: Readonly<Record<string, number>>;
  readonly traffic: Readonly<SessionCounts>;
}

const EVENTS: Readonly<Record<SyncState, SyncEventName>> = {
  synced: 'sync.synced',
  behind: 'sync.behind',
  alone: 'sync.alone',
  disputed: 'sync.disputed',
};

/** Brings the followed tokens to the history of our peers, keeps them there, and says how far they are. */
export class TokenSync {
  private readonly modules: SyncModules;
  private readonly transfers: Transfers;
  private readonly wanted: WantedTxs;
  private readonly lanes = new Lanes(MAX_LANES);
  private readonly sessions = new Map<PeerIdText, Session>();
  private readonly tasks = new Map<string, TokenTask>();
  /** Tokens that were followed, until nothing of them is under way. */
  private readonly ending = new Set<Promise<void>>();
  private readonly faults = new Map<string, number>();
  /** Judged, and not gone yet. */
  private readonly shunned = new Set<PeerIdText>();
  private readonly past: SessionCounts = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 };
  private tokens: readonly string[] = [];
  private takenTotal = 0;
  private unlisten: (() => void) | undefined;

  constructor(modules: SyncModules) {
    this.modules = modules;
    const { index, headers } = modules;
    this.transfers = new Transfers({
      index,
      headers,
      lanes: this.lanes,
      onTaken: (tokenId, entries) => {
        this.takenTotal += entries;
        this.tasks.get(tokenId)?.taken(entries);
      },
    });
    this.wanted = new WantedTxs({
      transfers: this.transfers,
      peers: (tokenId) => this.sharing(tokenId),
    });
  }

  /** Begins with the tokens that are followed now and the peers that are connected. */
  start(): void {
    if (this.unlisten !== undefined) return;
    const { transport, index } = this.modules;
    this.unlisten = transport.onPeer((peerId, is) => {
      if (is === 'gone') this.shunned.delete(peerId);
      if (is === 'there') this.meet();
      else this.part(peerId);
    });
    this.setTokens(index.tokens.followed());
    this.meet();
  }

  /** Resolves when no stream, timer or transfer is left. */
  async stop(): Promise<void> {
    this.unlisten?.();
    this.unlisten = undefined;
    this.wanted.stop();
    for (const tokenId of [...this.tasks.keys()]) this.drop(tokenId);
    for (const peerId of [...this.sessions.keys()]) this.part(peerId);
    await Promise.all(this.ending);
  }

  /** The followed tokens, live: a new one starts at once, one that is gone stops; the others notice nothing. */
  setTokens(tokenIds: readonly string[]): void {
    if (this.unlisten === undefined) return;
    const wanted = new Set(tokenIds);
    const added = [...wanted].filter((tokenId) => !this.tasks.has(tokenId));
    const gone = [...this.tasks.keys()].filter((tokenId) => !wanted.has(tokenId));
    if (added.length === 0 && gone.length === 0) return;
    this.tokens = [...wanted];
    for (const tokenId of gone) this.drop(tokenId);
    for (const tokenId of added) this.tasks.set(tokenId, this.task(tokenId));
    for (const session of this.sessions.values()) session.retell();
  }

  /** After every commit, behind `Commitments.onEvents`. */
  onEvents(events: readonly EventRecord[]): void {
    const { store } = this.modules.index;
    const mined = new Map<number, boolean>();
    for (const { tokenNo, position, type } of events) {
      const isMined = position !== undefined || type === 'createdUnmined' || type === 'spentUnmined';
      mined.set(tokenNo, isMined || mined.get(tokenNo) === true);
    }
    for (const [tokenNo, isMined] of mined) {
      const tokenId = store.tokens.get(tokenNo)?.tokenId;
      if (tokenId !== undefined) this.tasks.get(tokenId)?.changed(isMined);
    }
  }

  /** After every change of the header chain, behind `Commitments.onChain`. */
  onChain(undone: { readonly from: number } | undefined): void {
    for (const task of this.tasks.values()) task.chainChanged(undone !== undefined);
  }

  /** A transaction that something waits for, asked of this peer first: for gossip. Never rejects. */
  fetchMissing(peerId: PeerIdText, tokenId: string, txid: string): Promise<WantedEnd> {
    if (!this.tasks.has(tokenId)) return Promise.resolve('stopped');
    return this.wanted.fetch(peerId, tokenId, txid);
  }

  /** Gossip of the token was dropped for want of room: its unmined set is to be compared soon. */
  compareSoon(tokenId: string): void {
    this.tasks.get(tokenId)?.compareSoon();
  }

  /** Of one followed token; undefined: it is not followed. */
  status(tokenId: string): TokenStatus | undefined {
    return this.tasks.get(tokenId)?.status();
  }

  /** Of all followed tokens. */
  statuses(): ReadonlyMap<string, TokenStatus> {
    return new Map([...this.tasks].map(([tokenId, task]) => [tokenId, task.status()]));
  }

  facts(): SyncFacts {
    const tokens = { synced: 0, behind: 0, alone: 0, disputed: 0 };
    let hunts = 0;
    for (const task of this.tasks.values()) {
      tokens[task.status().state]++;
      if (task.isHunting) hunts++;
    }
    const sessions = { resting: 0, opening: 0, talking: 0, incompatible: 0, over: 0 };
    const traffic = { ...this.past };
    for (const session of this.sessions.values()) {
      sessions[session.state.kind]++;
      addCounts(traffic, session.traffic());
    }
    return {
      tokens,
      sessions,
      lanes: this.lanes.inUse,
      hunts,
      wanted: this.wanted.size,
      taken: this.takenTotal,
      faultsByCode: Object.fromEntries(this.faults),
      traffic,
    };
  }

  private task(tokenId: string): TokenTask {
    const { transfers } = this;
    return new TokenTask(
      {
        ...this.modules,
        transfers,
        sessions: (id) => this.sharing(id),
        onState: (id, status) => this.tell(id, status),
      },
      tokenId,
    );
  }

  private drop(tokenId: string): void {
    const task = this.tasks.get(tokenId);
    if (task === undefined) return;
    this.tasks.delete(tokenId);
    this.wanted.stop(tokenId);
    const ended = task.stop().finally(() => this.ending.delete(ended));
    this.ending.add(ended);
  }

  private sharing(tokenId: string): Session[] {
    return [...this.sessions.values()].filter((session) => session.of(tokenId) !== undefined);
  }

  /** Opens conversations with those that are there; where not all fit, with those that follow our tokens. */
  private meet(): void {
    if (this.unlisten === undefined) return;
    const { transport, judge } = this.modules;
    const strangers = transport
      .peers()
      .filter((id) => !this.sessions.has(id) && !this.shunned.has(id) && !judge.isBanned(id));
    if (strangers.length > MAX_SESSIONS - this.sessions.size) this.makeRoom(strangers);
    for (const peerId of strangers.slice(0, Math.max(0, MAX_SESSIONS - this.sessions.size))) {
      const session = this.session(peerId);
      this.sessions.set(peerId, session);
      session.open();
    }
  }

  /** Likely ones come first, and replace those that turned out to share nothing. */
  private makeRoom(strangers: PeerIdText[]): void {
    const { peers } = this.modules;
    const likely = new Set(
      strangers.filter((peerId) => this.tokens.some((tokenId) => peers?.follows(peerId, tokenId) === true)),
    );
    strangers.sort((a, b) => Number(likely.has(b)) - Number(likely.has(a)));
    let wanted = likely.size - (MAX_SESSIONS - this.sessions.size);
    for (const [peerId, session] of this.sessions) {
      if (wanted <= 0) return;
      if (session.state.kind !== 'talking' || session.shared().length > 0) continue;
      this.release(peerId, session);
      wanted--;
    }
  }

  private session(peerId: PeerIdText): Session {
    const told = (tokens: ReadonlySet<string> | undefined): Iterable<TokenTask> =>
      tokens === undefined
        ? this.tasks.values()
        : [...tokens].flatMap((tokenId) => this.tasks.get(tokenId) ?? []);
    return new Session(peerId, this.modules, {
      tokens: () => this.tokens,
      onFacts: (_, tokens) => {
        for (const task of told(tokens)) task.told();
      },
      onGone: (session, tokens) => {
        for (const task of told(tokens)) task.gone(session);
      },
      onState: ({ state }) => {
        if (state.kind === 'incompatible') this.modules.report?.('sync.peer_incompatible', { peer: peerId });
      },
      onFault: (peer, fault) => this.penalise(peer, fault),
    });
  }

  private penalise(
    peerId: PeerIdText,
    { code, points }: { readonly code: string; readonly points: number },
  ): void {
    this.faults.set(code, (this.faults.get(code) ?? 0) + 1);
    this.modules.report?.('sync.peer_fault', { peer: peerId, code, points });
    const { judge, transport } = this.modules;
    if (judge.penalise(peerId, code, points) === 'none') return;
    // Whoever judges hangs up, perhaps at once; until then nothing more is asked of it.
    if (transport.peers().includes(peerId)) this.shunned.add(peerId);
    this.part(peerId);
  }

  private part(peerId: PeerIdText): void {
    const session = this.sessions.get(peerId);
    if (session === undefined) return;
    this.release(peerId, session);
    this.meet();
  }

  private release(peerId: PeerIdText, session: Session): void {
    addCounts(this.past, session.traffic());
    this.sessions.delete(peerId);
    session.end();
  }

  private tell(tokenId: string, { state, agree, disagree, progress }: TokenStatus): void {
    const [first] = disagree;
    this.modules.report?.(EVENTS[state], {
      token: tokenId,
      agree: agree.length,
      disagree: disagree.length,
      ...(first === undefined ? {} : { with: first.peerId, why: first.why, height: first.firstHeight }),
      ...(progress === undefined ? {} : { missing: progress.total - progress.done }),
    });
  }
}

function addCounts(sum: SessionCounts, { framesIn, framesOut, bytesIn, bytesOut }: SessionCounts): void {
  sum.framesIn += framesIn;
  sum.framesOut += framesOut;
  sum.bytesIn += bytesIn;
  sum.bytesOut += bytesOut;
}
