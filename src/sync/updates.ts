import * as c from '../../protocols/token-sync/constants.ts';
import type { TokenFacts, UpdateBody, WelcomeBody } from '../../protocols/token-sync/messages.ts';
import type { EventRecord } from '../store/event-row.ts';
import { pause } from './deadline.ts';
import { SyncError } from './errors.ts';
import type { ServeShared } from './serve-modules.ts';
import { type FactsAtTip, factsOf } from './token-facts.ts';

/** Time to another look where the index follows the header chain. */
const NOT_READY_MS = 100;

interface UpdatePort {
  readonly ids: { shared(followed: readonly string[]): Map<number, string> };
  readonly peerId: string;
  readonly signal: AbortSignal;
  send(body: WelcomeBody | UpdateBody): Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** What a peer was told of our tokens, and what changed since: one message at most in an interval, none for nothing. */
export class Updates {
  private readonly shared: ServeShared;
  private readonly port: UpdatePort;
  /** By place in the hello. */
  private tokens: ReadonlyMap<number, string>;
  private readonly byNo = new Map<number, number>();
  private readonly told = new Map<number, TokenFacts>();
  private toldHeight = 0;
  private toldHash = '';
  /** Tokens whose mined history changed, with the highest block of it: above the tip it does not count yet. */
  private readonly mined = new Map<number, number>();
  /** Tokens of which anything else may have changed. */
  private readonly touched = new Set<number>();
  private gone: number[] = [];
  private undoneFrom = Number.POSITIVE_INFINITY;
  private isDue = false;
  private sending: Promise<void> | undefined;
  private isStopped = false;

  constructor(shared: ServeShared, port: UpdatePort) {
    this.shared = shared;
    this.port = port;
    this.tokens = port.ids.shared(shared.tokens.followed());
    this.number();
  }

  tokenId(token: number): string | undefined {
    return this.tokens.get(token);
  }

  /** Tells everything, as soon as it can be told. @throws SyncError, StoreError, or what the stream throws */
  async welcome(signal: AbortSignal): Promise<void> {
    const { budgets } = this.shared;
    budgets.charge(this.port.peerId, this.tokens.size * c.COST.token);
    const { tip, tokens } = await this.facts(this.tokens, signal);
    this.remember({ tip, tokens });
    await this.port.send({ kind: 'welcome', version: c.MESSAGE_VERSION, tip, tokens });
    // What changed while it was made.
    if (this.isDue) this.schedule();
  }

  stop(): void {
    this.isStopped = true;
  }

  onEvents(events: readonly EventRecord[]): void {
    for (const { tokenNo, position } of events) {
      const token = this.byNo.get(tokenNo);
      if (token === undefined) continue;
      if (position === undefined) this.touched.add(token);
      else this.mined.set(token, Math.max(position.height, this.mined.get(token) ?? 0));
    }
    if (this.touched.size > 0 || this.mined.size > 0) this.schedule();
  }

  onChain(undone: { readonly from: number } | undefined): void {
    if (undone !== undefined) this.undoneFrom = Math.min(this.undoneFrom, undone.from);
    this.schedule();
  }

  /** The followed tokens changed, or one of them is complete now. */
  onFollowed(): void {
    const before = this.tokens;
    this.tokens = this.port.ids.shared(this.shared.tokens.followed());
    this.number();
    for (const token of this.tokens.keys()) {
      const told = this.told.get(token);
      if (!before.has(token) || told?.unminedDigest === undefined) this.mined.set(token, 0);
    }
    for (const token of before.keys()) {
      if (this.tokens.has(token)) continue;
      this.gone.push(token);
      this.told.delete(token);
      this.mined.delete(token);
      this.touched.delete(token);
    }
    this.gone = this.gone.filter((token) => !this.tokens.has(token));
    this.schedule();
  }

  private number(): void {
    this.byNo.clear();
    for (const [token, tokenId] of this.tokens) {
      const tokenNo = this.shared.store.tokenNos.get(tokenId);
      if (tokenNo !== undefined) this.byNo.set(tokenNo, token);
    }
  }

  private schedule(): void {
    this.isDue = true;
    if (this.isStopped || this.sending !== undefined || this.toldHash === '') return;
    // The interval is counted from the first change, so that a steady stream of them holds nothing back.
    this.sending = pause(this.shared.clock, c.UPDATE_INTERVAL_MS, this.port.signal)
      .then(() => this.send())
      .catch((error: unknown) => {
        if (!this.isStopped) this.port.onError(error);
      })
      .finally(() => {
        this.sending = undefined;
        if (this.isDue) this.schedule();
      });
  }

  private async send(): Promise<void> {
    if (this.isStopped || this.port.signal.aborted) return;
    this.isDue = false;
    const isUndone = this.undoneFrom <= this.toldHeight;
    this.undoneFrom = Number.POSITIVE_INFINITY;
    const mined = new Map(this.mined);
    const touched = new Set(this.touched);
    this.mined.clear();
    this.touched.clear();
    const wanted = [...this.tokens].filter(([token]) => isUndone || mined.has(token) || touched.has(token));
    this.shared.budgets.charge(this.port.peerId, wanted.length * c.COST.token);
    const { tip, tokens } = await this.facts(new Map(wanted), this.port.signal);
    for (const [token, height] of mined) if (height > tip.height) this.mined.set(token, height);
    const changed = tokens.filter(
      (f) => isUndone || mined.has(f.token) || differs(f, this.told.get(f.token)),
    );
    const { gone } = this;
    this.gone = [];
    const isNew = tip.hash.toString('hex') !== this.toldHash;
    if (!isNew && changed.length === 0 && gone.length === 0) return;
    this.remember({ tip, tokens: changed });
    await this.port.send({ kind: 'update', tip, tokens: changed, gone });
  }

  private remember({ tip, tokens }: FactsAtTip): void {
    this.toldHeight = tip.height;
    this.toldHash = tip.hash.toString('hex');
    for (const facts of tokens) this.told.set(facts.token, facts);
  }

  /** Waits where the index is on its way to another tip. */
  private async facts(tokens: ReadonlyMap<number, string>, signal: AbortSignal): Promise<FactsAtTip> {
    for (;;) {
      try {
        return await factsOf(this.shared.commitments, this.shared.tokens, tokens);
      } catch (error) {
        if (!(error instanceof SyncError) || error.code !== 'NOT_READY' || signal.aborted) throw error;
        await pause(this.shared.clock, NOT_READY_MS, signal);
      }
    }
  }
}

/** But for the TAC, which goes on with every block. */
function differs(a: TokenFacts, b: TokenFacts | undefined): boolean {
  if (b === undefined || a.entries !== b.entries || a.unmined !== b.unmined) return true;
  if (a.firstHeight !== b.firstHeight || (a.tac === undefined) !== (b.tac === undefined)) return true;
  return !sameBytes(a.unminedDigest, b.unminedDigest);
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;
}
