import type { TokenFacts } from '../../protocols/token-sync/messages.ts';
import type { PeerIdText } from '../p2p/types.ts';
import { faultOf } from './client-faults.ts';
import {
  INCOMPATIBLE_MS,
  LANES_PER_PEER,
  MAX_REOPEN_MS,
  OPEN_TIMEOUT_MS,
  RENEW_MS,
  REOPEN_MS,
} from './client-limits.ts';
import type { SyncModules } from './client-modules.ts';
import { Conversation, type Told } from './conversation.ts';
import { within } from './deadline.ts';
import { codeOf } from './error-code.ts';
import { SyncError } from './errors.ts';
import type { PeerTip } from './questions.ts';

/** What a peer says of one token. */
export interface PeerFacts {
  readonly facts: TokenFacts;
  /** Tip that its TAC is of. */
  readonly tip: PeerTip;
  /** Monotonic ms at which it last said something else of the mined history. */
  readonly changedMs: number;
}

export type SessionState =
  /** Nothing said yet, or a stream that broke off: it is opened again at this time. */
  | { readonly kind: 'resting'; readonly untilMs: number; readonly code: string }
  | { readonly kind: 'opening'; readonly sinceMs: number }
  | { readonly kind: 'talking'; readonly sinceMs: number; readonly conversation: Conversation }
  /** Another network, other rules or another version: no fault, and nothing to compare. */
  | { readonly kind: 'incompatible'; readonly untilMs: number }
  | { readonly kind: 'over' };

export interface SessionHooks {
  /** The tokens that we follow. */
  readonly tokens: () => readonly string[];
  /** What the peer says of these has changed; undefined: of all, since its tip has. */
  onFacts(session: Session, tokens: ReadonlySet<string> | undefined): void;
  /** It shares these no longer; undefined: none of them. */
  onGone(session: Session, tokens: ReadonlySet<string> | undefined): void;
  onState(session: Session): void;
  /** To be penalised. */
  onFault(peerId: PeerIdText, fault: { readonly code: string; readonly points: number }): void;
}

/** What all conversations of a peer have sent and received. */
export interface SessionCounts {
  framesIn: number;
  framesOut: number;
  bytesIn: number;
  bytesOut: number;
}

/**
 * Our side of the talk with one peer: one stream that stays open and brings what the peer says of each shared token, and
 * further ones for transfers. Keeps what was said last. Ends when the peer is gone.
 */
export class Session {
  readonly peerId: PeerIdText;
  readonly counts: SessionCounts = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 };
  private readonly modules: SyncModules;
  private readonly hooks: SessionHooks;
  private readonly over = new AbortController();
  private current: SessionState;
  private readonly facts = new Map<string, PeerFacts>();
  private peerTip: PeerTip | undefined;
  private failures = 0;
  private lanes = 0;
  private cancelTimer: (() => void) | undefined;
  private cancelRenewal: (() => void) | undefined;
  private renewal: Promise<void> | undefined;
  private readonly blamed = new WeakSet<object>();
  /** It wants to be left alone until then. */
  private busyUntilMs = 0;

  constructor(peerId: PeerIdText, modules: SyncModules, hooks: SessionHooks) {
    this.peerId = peerId;
    this.modules = modules;
    this.hooks = hooks;
    this.current = { kind: 'resting', untilMs: modules.clock.monotonicMs(), code: '' };
  }

  get state(): SessionState {
    return this.current;
  }

  /** Block up to which its index follows the headers; undefined: nothing was said yet. */
  get tip(): PeerTip | undefined {
    return this.peerTip;
  }

  /** What it says of a token that both follow. */
  of(tokenId: string): PeerFacts | undefined {
    return this.current.kind === 'talking' ? this.facts.get(tokenId) : undefined;
  }

  /** Ids of the shared tokens. */
  shared(): readonly string[] {
    return this.current.kind === 'talking' ? [...this.facts.keys()] : [];
  }

  /** Milliseconds until it may be asked again. */
  restMs(): number {
    return Math.max(0, this.busyUntilMs - this.modules.clock.monotonicMs());
  }

  /** It asked for it (BUSY, NOT_READY), or is of no use for a while. */
  rest(ms: number): void {
    this.busyUntilMs = Math.max(this.busyUntilMs, this.modules.clock.monotonicMs() + ms);
  }

  /** For questions of one frame. @throws SyncError STOPPED: there is none now */
  conversation(): Conversation {
    if (this.current.kind === 'talking') return this.current.conversation;
    throw new SyncError('STOPPED', 'no conversation with the peer', { peerId: this.peerId });
  }

  // resting, incompatible -> opening: the time has come, or the first call.
  open(): void {
    if (this.current.kind !== 'resting' && this.current.kind !== 'incompatible') return;
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    this.become({ kind: 'opening', sinceMs: this.modules.clock.monotonicMs() });
    void this.openNow();
  }

  /** The followed tokens changed: a new hello, while questions under way are answered on the old stream. */
  retell(): void {
    if (this.current.kind === 'talking') this.renew();
  }

  // any -> over: the peer is gone, or we stop. Nothing is left behind.
  end(): void {
    if (this.current.kind === 'over') return;
    const before = this.current;
    this.become({ kind: 'over' });
    this.over.abort();
    this.cancelTimer?.();
    this.cancelRenewal?.();
    if (before.kind === 'talking') before.conversation.abort();
    this.facts.clear();
    this.hooks.onGone(this, undefined);
  }

  /** True if another transfer may be opened. */
  get hasLane(): boolean {
    return this.current.kind === 'talking' && this.lanes < LANES_PER_PEER;
  }

  /** Runs a transfer on a stream of its own, for one token. @throws as Conversation.begin; what `run` throws */
  async withLane<T>(
    tokenId: string,
    signal: AbortSignal,
    run: (conversation: Conversation) => Promise<T>,
  ): Promise<T> {
    this.lanes++;
    try {
      const { conversation } = await this.begin([tokenId], AbortSignal.any([signal, this.over.signal]));
      conversation.start();
      try {
        return await run(conversation);
      } finally {
        this.count(conversation);
        // In order if it is idle; what is still under way is of no use to anybody.
        if (conversation.load > 0 || signal.aborted) conversation.abort();
        else void conversation.close();
      }
    } catch (error) {
      this.blame(error);
      throw error;
    } finally {
      this.lanes--;
    }
  }

  /** Bytes so far, those of the open stream included. */
  traffic(): SessionCounts {
    if (this.current.kind !== 'talking') return this.counts;
    const { received, sent } = this.current.conversation;
    return {
      framesIn: this.counts.framesIn + received.frames,
      framesOut: this.counts.framesOut + sent.frames,
      bytesIn: this.counts.bytesIn + received.bytes,
      bytesOut: this.counts.bytesOut + sent.bytes,
    };
  }

  /** Tells the judge of a fault of this peer, once for each error that says so. */
  blame(error: unknown): void {
    const fault = faultOf(error);
    if (fault === undefined || this.blamed.has(error as object)) return;
    this.blamed.add(error as object);
    this.hooks.onFault(this.peerId, fault);
  }

  private async openNow(): Promise<void> {
    const tokens = this.hooks.tokens();
    try {
      const { conversation, welcome } = await this.begin(tokens, this.over.signal);
      this.talk(conversation, welcome);
      // Others are followed than when the hello was made.
      if (this.hooks.tokens() !== tokens) this.renew();
    } catch (error) {
      this.failed(error);
    }
  }

  private async begin(
    tokens: readonly string[],
    signal: AbortSignal,
  ): Promise<{ readonly conversation: Conversation; readonly welcome: Told }> {
    const { transport, clock } = this.modules;
    const stream = await within(clock, OPEN_TIMEOUT_MS, signal, (own) => transport.open(this.peerId, own));
    let mine: Conversation | undefined;
    const begun = await Conversation.begin(
      stream,
      tokens,
      this.modules,
      {
        onTold: (told) => {
          if (this.isCurrent(mine)) this.take(told);
        },
        onOver: (error) => {
          if (this.isCurrent(mine)) this.failed(error);
        },
      },
      signal,
    );
    mine = begun.conversation;
    return begun;
  }

  // opening -> talking: the welcome came.
  private talk(conversation: Conversation, welcome: Told): void {
    if (this.current.kind === 'over') {
      conversation.abort();
      return;
    }
    const before = this.current;
    this.become({ kind: 'talking', sinceMs: this.modules.clock.monotonicMs(), conversation });
    if (before.kind === 'talking') {
      this.count(before.conversation);
      void before.conversation.close();
    }
    conversation.start();
    const gone = new Set([...this.facts.keys()].filter((tokenId) => !welcome.tokens.has(tokenId)));
    for (const tokenId of gone) this.facts.delete(tokenId);
    if (gone.size > 0) this.hooks.onGone(this, gone);
    this.take(welcome);
    this.cancelRenewal?.();
    const { clock, random } = this.modules;
    this.cancelRenewal = clock.after(RENEW_MS * (0.75 + random() / 2), () => this.renew());
  }

  // talking -> talking: the same on a new stream; without one the old stays.
  private renew(): void {
    if (this.renewal !== undefined || this.current.kind !== 'talking') return;
    const tokens = this.hooks.tokens();
    this.renewal = this.begin(tokens, this.over.signal)
      .then(
        ({ conversation, welcome }) => this.talk(conversation, welcome),
        (error: unknown) => {
          this.blame(error);
          if (this.current.kind !== 'talking') return;
          this.cancelRenewal?.();
          this.cancelRenewal = this.modules.clock.after(REOPEN_MS * 4, () => this.renew());
        },
      )
      .finally(() => {
        this.renewal = undefined;
        if (this.hooks.tokens() !== tokens) this.renew();
      });
  }

  private take({ tip, tokens, gone }: Told): void {
    const nowMs = this.modules.clock.monotonicMs();
    this.failures = 0;
    const isNewTip = this.peerTip?.hash !== tip.hash;
    this.peerTip = tip;
    for (const [tokenId, facts] of tokens) {
      const before = this.facts.get(tokenId);
      const isSame = before !== undefined && sayTheSame(before.facts, facts);
      this.facts.set(tokenId, { facts, tip, changedMs: isSame ? before.changedMs : nowMs });
    }
    for (const tokenId of gone) this.facts.delete(tokenId);
    if (gone.length > 0) this.hooks.onGone(this, new Set(gone));
    this.hooks.onFacts(this, isNewTip ? undefined : new Set(tokens.keys()));
  }

  // opening, talking -> resting, incompatible: no stream, or it ended.
  private failed(error: unknown): void {
    if (this.current.kind === 'over') return;
    const before = this.current;
    if (before.kind === 'talking') this.count(before.conversation);
    this.cancelRenewal?.();
    const nowMs = this.modules.clock.monotonicMs();
    const code = codeOf(error) || 'INTERNAL';
    const isIncompatible = code === 'INCOMPATIBLE' || code === 'VERSION_UNSUPPORTED';
    const waitMs = isIncompatible ? INCOMPATIBLE_MS : this.waitAfter(error);
    this.become(
      isIncompatible
        ? { kind: 'incompatible', untilMs: nowMs + waitMs }
        : { kind: 'resting', untilMs: nowMs + waitMs, code },
    );
    this.facts.clear();
    this.hooks.onGone(this, undefined);
    // It may lead to a ban, and that to the end of the session.
    this.blame(error);
    if (this.state.kind === 'over') return;
    this.cancelTimer = this.modules.clock.after(waitMs, () => this.open());
  }

  private waitAfter(error: unknown): number {
    const { retryAfterMs } = ((error as { data?: unknown } | null)?.data ?? {}) as { retryAfterMs?: unknown };
    const backoffMs = Math.min(MAX_REOPEN_MS, REOPEN_MS * 2 ** Math.min(this.failures, 10));
    this.failures++;
    const wantedMs = typeof retryAfterMs === 'number' ? Math.min(retryAfterMs, MAX_REOPEN_MS) : 0;
    return Math.max(wantedMs, backoffMs * (0.5 + this.modules.random() / 2));
  }

  private isCurrent(conversation: Conversation | undefined): boolean {
    return this.current.kind === 'talking' && this.current.conversation === conversation;
  }

  private count({ received, sent }: Conversation): void {
    this.counts.framesIn += received.frames;
    this.counts.framesOut += sent.frames;
    this.counts.bytesIn += received.bytes;
    this.counts.bytesOut += sent.bytes;
  }

  private become(state: SessionState): void {
    this.current = state;
    this.hooks.onState(this);
  }
}

/** Of the mined history. */
function sayTheSame(a: TokenFacts, b: TokenFacts): boolean {
  const isSameTac =
    a.tac === undefined || b.tac === undefined ? a.tac === b.tac : Buffer.compare(a.tac, b.tac) === 0;
  return a.entries === b.entries && a.firstHeight === b.firstHeight && isSameTac;
}
