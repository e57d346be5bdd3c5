import { Answerer, shuffled } from './answer.ts';
import { Asker } from './asker.ts';
import { Budgets } from './budget.ts';
import type { MessageBody, WireRecord } from './codec.ts';
import {
  EXCHANGE_FANOUT,
  EXCHANGE_JITTER,
  GREETING_DEADLINE_MS,
  MAX_BUDGETS,
  MAX_SERVED_STREAMS,
  MAX_TOKENS,
  MESSAGE_BURST,
  MESSAGE_INTERVAL_MS,
  SILENCE_TIMEOUT_MS,
  WRITE_TIMEOUT_MS,
} from './constants.ts';
import { codeOf, within } from './deadline.ts';
import { sameBytes } from './digest.ts';
import { ExchangeError, type ExchangeErrorCode, PENALTY_POINTS } from './errors.ts';
import { Frames } from './frames.ts';
import { Intake, type Taken } from './intake.ts';
import type { ExchangeModules, ExchangeOptions, ExchangePeer, ExchangeStream } from './interfaces.ts';
import { Link } from './link.ts';
import { OwnRecord } from './own-record.ts';
import { Relay } from './relay.ts';
import { Server } from './server.ts';
import { tokenHint } from './tokens.ts';

export interface ExchangeStats {
  readonly links: number;
  /** Links whose digest was ours when they told it last. */
  readonly equal: number;
  readonly asking: number;
  readonly serving: number;
}

type ServiceState = 'idle' | 'running' | 'stopped';

/** Peer exchange: introduces us to new connections, answers, asks around at each interval, passes on what is new. */
export class ExchangeService {
  readonly #modules: ExchangeModules;
  readonly #links = new Map<string, Link>();
  readonly #ended = new AbortController();
  readonly #tasks = new Set<Promise<void>>();
  readonly #messages: Budgets;
  readonly #frames: Frames;
  readonly #own: OwnRecord;
  readonly #intake: Intake;
  readonly #relay: Relay;
  readonly #asker: Asker;
  readonly #server: Server;
  #options: ExchangeOptions;
  #state: ServiceState = 'idle';
  #serving = 0;
  #cancelTick: () => void = () => {};

  constructor(options: ExchangeOptions, modules: ExchangeModules) {
    this.#options = options;
    this.#modules = modules;
    const policy = () => this.#options.privateAddresses;
    const fault = (link: Link, code: ExchangeErrorCode) => this.#fault(link.peerId, code);
    this.#messages = new Budgets(modules.clock, MESSAGE_INTERVAL_MS, MESSAGE_BURST, MAX_BUDGETS);
    this.#frames = new Frames(modules, this.#ended.signal);
    this.#own = new OwnRecord(modules);
    this.#intake = new Intake(modules);
    this.#relay = new Relay(modules, (link, records) => this.#announce(link, records));
    const parts = { frames: this.#frames, own: this.#own, intake: this.#intake, policy, fault };
    this.#asker = new Asker({ ...modules, ...parts });
    this.#server = new Server({ ...modules, ...parts, answerer: new Answerer(modules) });
  }

  /** Begins to ask around, at a random point of the first interval. */
  async start(): Promise<void> {
    if (this.#state !== 'idle') return;
    this.#state = 'running';
    await this.#own.refresh();
    this.#schedule(this.#modules.random());
  }

  /** Ends all streams and timers of the protocol; resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#cancelTick();
    this.#ended.abort(new ExchangeError('STOPPED', 'the exchange has ended'));
    this.#relay.stop();
    for (const peerId of [...this.#links.keys()]) this.left(peerId);
    await Promise.allSettled([...this.#tasks]);
  }

  /** A connected peer speaks the protocol: we introduce ourselves. Again for the same connection: nothing. */
  joined(peer: ExchangePeer): void {
    this.#linkOf(peer);
  }

  /** The last connection of a peer ended. */
  left(peerId: string): void {
    const link = this.#links.get(peerId);
    if (link === undefined) return;
    link.phase = 'left';
    link.cancelFirstAsk();
    this.#relay.drop(link);
    this.#links.delete(peerId);
  }

  /** Serves a stream that a peer opened; resolves when it is done with, whatever happened. */
  async serve(stream: ExchangeStream): Promise<void> {
    const peer = this.#modules.transport.peer(stream.peerId);
    if (this.#state !== 'running' || peer === undefined || this.#modules.judge.isBanned(stream.peerId)) {
      stream.abort('NOT_CONNECTED');
      return;
    }
    if (this.#serving >= MAX_SERVED_STREAMS) {
      stream.abort('BUSY');
      this.#modules.metrics.fault('BUSY');
      return;
    }
    const link = this.#linkOf(peer);
    this.#serving++;
    await this.#track(this.#serveStream(link, stream)).finally(() => this.#serving--);
  }

  /** What identify told: the peer's own signed record, or its bare addresses (binary). */
  heardOwn(peer: ExchangePeer, told: WireRecord): void {
    if (this.#state !== 'running') return;
    // A peer without the protocol is kept all the same, without a link.
    const link = this.#links.get(peer.peerId) ?? new Link(peer);
    const { admitted } = this.#intake.admit(link, 1);
    if (admitted === 0) return;
    const first = { ...told, addresses: told.envelope === undefined ? told.addresses : undefined, seenS: 0 };
    const taking = async () => {
      const taken = await this.#intake.take(link, [first], this.#options.privateAddresses);
      const isUseless = taken.length === 0 && told.envelope !== undefined && told.addresses !== undefined;
      const rest = { addresses: told.addresses, seenS: 0 };
      this.#passOn(link, isUseless ? await this.#takeAgain(link, rest) : taken);
    };
    void this.#track(taking().catch((thrown: unknown) => this.#fault(peer.peerId, codeOf(thrown))));
  }

  /** Our record or the tokens we follow have changed: all connected peers are told. */
  async selfChanged(): Promise<void> {
    if (this.#state !== 'running') return;
    await this.#own.refresh();
    this.#tellUpdate();
  }

  #tellUpdate(): void {
    for (const link of this.#links.values()) {
      // Others will be greeted with it.
      if (link.phase !== 'greeted') continue;
      const record = this.#own.wire();
      const body = {
        kind: 'update',
        digest: this.#own.digest().total,
        record,
        tokens: this.#tokens(),
      } as const;
      void this.#track(this.#tell(link, body, 'updates_sent'));
    }
  }

  /** Takes new options into use at once; a new interval starts at a random point. */
  setOptions(options: ExchangeOptions): void {
    const isOther = options.intervalMs !== this.#options.intervalMs;
    this.#options = options;
    if (isOther && this.#state === 'running') this.#schedule(this.#modules.random());
  }

  /** Asks around now, besides the timer. */
  exchangeNow(): void {
    if (this.#state === 'running') void this.#track(this.#askAround());
  }

  stats(): ExchangeStats {
    const ours = this.#own.digest().total;
    const links = [...this.#links.values()];
    return {
      links: links.length,
      equal: links.filter(({ theirs }) => sameBytes(theirs, ours)).length,
      asking: links.filter(({ isAsking }) => isAsking).length,
      serving: this.#serving,
    };
  }

  #linkOf(peer: ExchangePeer): Link {
    const known = this.#links.get(peer.peerId);
    if (known !== undefined || this.#state !== 'running') return known ?? new Link(peer);
    const link = new Link(peer);
    this.#links.set(peer.peerId, link);
    void this.#track(this.#greet(link));
    // Whoever dialled asks, when it has heard the other's digest; if it hears none, all the same.
    if (link.isDialler) {
      link.cancelFirstAsk = this.#modules.clock.after(GREETING_DEADLINE_MS, () => this.#askFirst(link));
    }
    return link;
  }

  async #greet(link: Link): Promise<void> {
    link.phase = 'greeting';
    const isTold = await this.#introduce(link).catch((thrown: unknown) => {
      this.#fault(link.peerId, codeOf(thrown));
      return false;
    });
    // It may have left meanwhile.
    if (this.#links.get(link.peerId) === link) link.phase = isTold ? 'greeted' : 'joined';
  }

  async #introduce(link: Link): Promise<boolean> {
    await this.#own.refresh();
    const own = this.#own.wire();
    const tokens = this.#tokens();
    const body = {
      kind: 'announcement',
      digest: this.#own.digest().total,
      records: own === undefined ? [] : [own],
      tokens: tokens.length === 0 ? undefined : tokens,
    } as const;
    return this.#tell(link, body, 'announcements_sent');
  }

  #announce(link: Link, records: readonly WireRecord[]): void {
    const body = { kind: 'announcement', digest: this.#own.digest().total, records } as const;
    void this.#track(this.#tell(link, body, 'announcements_sent'));
  }

  /** Sends what wants no answer; false if it could not be sent. */
  async #tell(
    link: Link,
    body: MessageBody,
    counter: 'announcements_sent' | 'updates_sent',
  ): Promise<boolean> {
    try {
      await this.#frames.tell(link, body);
      this.#modules.metrics.count(counter);
      return true;
    } catch (thrown) {
      this.#fault(link.peerId, codeOf(thrown));
      return false;
    }
  }

  #tokens(): readonly Uint8Array[] {
    return this.#modules.self.tokens().slice(0, MAX_TOKENS);
  }

  async #serveStream(link: Link, stream: ExchangeStream): Promise<void> {
    const { clock, metrics } = this.#modules;
    const ended = this.#ended.signal;
    try {
      const message = await this.#frames
        .receive(link, stream, SILENCE_TIMEOUT_MS)
        .catch((thrown: unknown) => {
          if (codeOf(thrown) !== 'TIMEOUT') throw thrown;
          throw new ExchangeError('SILENT', 'a stream without a message');
        });
      if (!this.#messages.take(link.peerId)) throw new ExchangeError('MESSAGE_FLOOD', 'too many messages');
      if (message?.body.kind === 'unknown') metrics.count('ignored_unknown');
      else if (message !== undefined)
        await this.#serveMessage(link, stream, message.body, message.correlation);
      await within(clock, WRITE_TIMEOUT_MS, ended, (signal) => stream.close(signal));
    } catch (thrown) {
      const code = codeOf(thrown);
      stream.abort(code);
      this.#fault(link.peerId, code);
    }
  }

  async #serveMessage(
    link: Link,
    stream: ExchangeStream,
    body: MessageBody,
    correlation: number | undefined,
  ): Promise<void> {
    switch (body.kind) {
      case 'request':
        return this.#server.answer(link, stream, body, correlation);
      case 'announcement':
        this.#modules.metrics.count('announcements_received');
        return this.#takeTold(link, body.records, body.digest, body.tokens);
      case 'update': {
        this.#modules.metrics.count('updates_received');
        const records = body.record === undefined ? [] : [body.record];
        return this.#takeTold(link, records, body.digest, body.tokens, true);
      }
      default:
        throw new ExchangeError('MESSAGE_UNEXPECTED', `a ${body.kind} that nobody asked for`);
    }
  }

  /** What a peer sent unasked. */
  async #takeTold(
    link: Link,
    records: readonly WireRecord[],
    digest: Uint8Array | undefined,
    tokens: readonly Uint8Array[] | undefined,
    isOwnOnly = false,
  ): Promise<void> {
    const { admitted, fault } = this.#intake.admit(link, records.length);
    const taken = await this.#intake.take(link, records.slice(0, admitted), this.#options.privateAddresses);
    if (isOwnOnly && taken.some(({ record }) => record.peerId !== link.peerId)) {
      throw new ExchangeError('RECORD_NOT_OWN', 'an update about somebody else');
    }
    this.#passOn(link, taken);
    if (tokens !== undefined) this.#noteTokens(link, tokens);
    link.tell(digest, this.#modules.clock.monotonicMs());
    if (fault !== undefined) throw new ExchangeError(fault, 'more records than a peer may send unasked');
    if (link.isDialler && !link.hasAsked) this.#askFirst(link);
  }

  /** Relays what was new, and looks at what the peer said of itself. */
  #passOn(link: Link, taken: readonly Taken[]): void {
    for (const { record, outcome } of taken) {
      const isNews = outcome === 'new' || outcome === 'changed';
      // What the book keeps to itself is not passed on either.
      if (isNews && this.#modules.book.shared(record.peerId) !== undefined) {
        this.#relay.offer(record, link, this.#links.values(), this.#options.privateAddresses);
      }
      if (outcome === 'stale' && record.peerId === link.peerId) this.#fault(link.peerId, 'RECORD_STALE');
    }
  }

  async #takeAgain(link: Link, rest: WireRecord): Promise<readonly Taken[]> {
    return this.#intake.take(link, [rest], this.#options.privateAddresses);
  }

  #noteTokens(link: Link, tokens: readonly Uint8Array[]): void {
    const hints = Buffer.concat(tokens.slice(0, 64).map((id) => tokenHint(id)));
    this.#modules.book.setTokenHints(link.peerId, hints);
    // Copies: these are views of a frame.
    this.#modules.hooks.followed?.(
      link.peerId,
      tokens.map((id) => id.slice()),
    );
  }

  #askFirst(link: Link): void {
    link.cancelFirstAsk();
    if (link.phase === 'left' || link.hasAsked) return;
    link.hasAsked = true;
    if (sameBytes(link.theirs, this.#own.digest().total) || this.#own.isAllButSelf(link.theirs)) {
      this.#modules.hooks.exchanged?.(link.peerId, 0);
      return;
    }
    void this.#track(this.#asker.ask(link));
  }

  #schedule(fraction: number): void {
    this.#cancelTick();
    const { clock, random } = this.#modules;
    this.#cancelTick = clock.after(this.#options.intervalMs * fraction, () => {
      this.#schedule(1 - EXCHANGE_JITTER + 2 * EXCHANGE_JITTER * random());
      void this.#track(this.#askAround());
    });
  }

  /** One round: up to 8 peers, the longest unasked first, none that told our own digest during this interval. */
  async #askAround(): Promise<void> {
    if (await this.#own.refresh()) this.#tellUpdate();
    const nowMs = this.#modules.clock.monotonicMs();
    const ours = this.#own.digest().total;
    const open: Link[] = [];
    for (const link of shuffled([...this.#links.values()], this.#modules.random)) {
      if (link.phase === 'joined') void this.#track(this.#greet(link));
      const isFresh = nowMs - link.theirsAtMs < this.#options.intervalMs;
      if (isFresh && sameBytes(link.theirs, ours)) this.#modules.metrics.count('skipped_unchanged');
      else if (!link.isAsking) open.push(link);
    }
    // A stable sort: among those never asked the random order stays.
    open.sort((a, b) => (a.askedAtMs === b.askedAtMs ? 0 : a.askedAtMs - b.askedAtMs));
    for (const link of open.slice(0, EXCHANGE_FANOUT)) {
      link.hasAsked = true;
      void this.#track(this.#asker.ask(link));
    }
  }

  #fault(peerId: string, code: ExchangeErrorCode): void {
    const { metrics, judge, transport, log } = this.#modules;
    if (code === 'STOPPED') return;
    metrics.fault(code);
    log('fault', { peer: peerId, code });
    const points = PENALTY_POINTS[code];
    if (points === undefined) return;
    if (judge.penalise(peerId, code, points) !== 'none') transport.hangUp(peerId, code);
  }

  /** Keeps what runs in the background until it has ended, for `stop`. */
  #track(work: Promise<unknown>): Promise<void> {
    const task: Promise<void> = work
      .then(() => {})
      .catch((thrown: unknown) => {
        this.#modules.metrics.fault(codeOf(thrown));
        this.#modules.log('failed', { code: codeOf(thrown), text: String(thrown) });
      })
      .finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
    return task;
  }
}
