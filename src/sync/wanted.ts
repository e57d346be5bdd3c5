import { hashBytes } from '../../protocols/token-sync/digests.ts';
import type { PeerIdText } from '../p2p/types.ts';
import { MAX_WANTED, WANTED_AT_ONCE, WANTED_TRIES } from './client-limits.ts';
import type { Session } from './session.ts';
import type { Transfers } from './transfer.ts';

/** taken: it came and was offered to the index; missing: none of the peers gives it; full: too many are wanted. */
export type WantedEnd = 'taken' | 'missing' | 'full' | 'stopped';

interface Wanted {
  readonly txid: string;
  /** Asked already. */
  readonly tried: Set<PeerIdText>;
  readonly first: PeerIdText;
  readonly resolve: (end: WantedEnd) => void;
  readonly promise: Promise<WantedEnd>;
}

export interface WantedModules {
  readonly transfers: Transfers;
  /** Those that follow the token now. */
  readonly peers: (tokenId: string) => readonly Session[];
}

/**
 * Single transactions that something else waits for, by txid: with what they need to be taken in. Asked of the peer that
 * spoke of them, then of others; each once however often it is wanted.
 */
export class WantedTxs {
  private readonly modules: WantedModules;
  private readonly byToken = new Map<string, Map<string, Wanted>>();
  private readonly working = new Set<string>();
  private readonly over = new AbortController();
  private count = 0;

  constructor(modules: WantedModules) {
    this.modules = modules;
  }

  get size(): number {
    return this.count;
  }

  /** Never rejects. */
  fetch(peerId: PeerIdText, tokenId: string, txid: string): Promise<WantedEnd> {
    if (this.over.signal.aborted) return Promise.resolve('stopped');
    const wanted = this.byToken.get(tokenId)?.get(txid);
    if (wanted !== undefined) return wanted.promise;
    if (this.count >= MAX_WANTED) return Promise.resolve('full');
    const { promise, resolve } = Promise.withResolvers<WantedEnd>();
    const ofToken = this.byToken.get(tokenId) ?? new Map<string, Wanted>();
    ofToken.set(txid, { txid, tried: new Set(), first: peerId, resolve, promise });
    this.byToken.set(tokenId, ofToken);
    this.count++;
    void this.work(tokenId);
    return promise;
  }

  /** Of a token that is no longer followed; undefined: all, for good. */
  stop(tokenId?: string): void {
    if (tokenId === undefined) this.over.abort();
    for (const [id, ofToken] of this.byToken) {
      if (tokenId !== undefined && tokenId !== id) continue;
      for (const wanted of ofToken.values()) this.end(id, wanted, 'stopped');
    }
  }

  /** One question at a time for each token. */
  private async work(tokenId: string): Promise<void> {
    if (this.working.has(tokenId)) return;
    this.working.add(tokenId);
    // What is wanted at the same moment goes into one question.
    await Promise.resolve();
    try {
      for (let next = this.next(tokenId); next !== undefined; next = this.next(tokenId))
        await this.ask(next.session, tokenId, next.wanted);
    } finally {
      this.working.delete(tokenId);
    }
  }

  /** Whom to ask for what; ends those that nobody is left for. */
  private next(
    tokenId: string,
  ): { readonly session: Session; readonly wanted: readonly Wanted[] } | undefined {
    const peers = this.modules.peers(tokenId);
    const bySession = new Map<Session, Wanted[]>();
    for (const wanted of this.byToken.get(tokenId)?.values() ?? []) {
      const session = wanted.tried.size >= WANTED_TRIES ? undefined : whom(peers, wanted);
      if (session === undefined) {
        this.end(tokenId, wanted, 'missing');
        continue;
      }
      const ofSession = bySession.get(session) ?? [];
      if (ofSession.length < WANTED_AT_ONCE) ofSession.push(wanted);
      bySession.set(session, ofSession);
    }
    const [first] = bySession;
    return first === undefined ? undefined : { session: first[0], wanted: first[1] };
  }

  private async ask(session: Session, tokenId: string, wanted: readonly Wanted[]): Promise<void> {
    for (const { tried } of wanted) tried.add(session.peerId);
    const txids = Buffer.concat(wanted.map(({ txid }) => hashBytes(txid)));
    try {
      const by = { by: 'txid', txids } as const;
      const given = await this.modules.transfers.fetch(session, tokenId, by, this.over.signal);
      const came = new Set(given.txids);
      for (const one of wanted) if (came.has(one.txid)) this.end(tokenId, one, 'taken');
    } catch (error) {
      // The next peer may do better; what this one did wrong is told by its session.
      session.blame(error);
    }
  }

  private end(tokenId: string, { txid, resolve }: Wanted, end: WantedEnd): void {
    const ofToken = this.byToken.get(tokenId);
    if (ofToken?.delete(txid) === true) this.count--;
    if (ofToken?.size === 0) this.byToken.delete(tokenId);
    resolve(end);
  }
}

/** The peer that spoke of it, then any other. */
function whom(peers: readonly Session[], { tried, first }: Wanted): Session | undefined {
  const open = peers.filter(({ peerId }) => !tried.has(peerId));
  return open.find(({ peerId }) => peerId === first) ?? open[0];
}
