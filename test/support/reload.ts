import { createHash } from 'node:crypto';
import { type Config, generateKeyPair, type LoadedConfig, parseConfig } from '../../config/index.ts';
import type { ReloadState } from '../../src/api/reload-outcome.ts';
import { Reloader, type ReloaderOptions } from '../../src/node/reload.ts';
import type { ProposedChange, ReloadComponent } from '../../src/node/reload-component.ts';
import { RunningConfig } from '../../src/node/running-config.ts';
import type { Clock, PreparedChange } from '../../src/p2p/types.ts';

export const KEY = generateKeyPair((count) => Buffer.alloc(count, 7)).privateKey;

export interface ConfWords {
  readonly level?: string;
  readonly timeout?: string;
  readonly maxPeers?: number;
  readonly network?: string;
  readonly key?: string;
  readonly more?: string;
}

export function confOf({ level, timeout, maxPeers, network, key, more }: ConfWords = {}): string {
  return `node: { private_key: "${key ?? KEY}" }
network: { addresses: [/ip4/127.0.0.1/tcp/9000] }
peers: { connection_timeout: ${timeout ?? '10s'}, max_peers: ${maxPeers ?? 300} }
logging: { level: ${level ?? 'info'}, format: text }
chain: { network: ${network ?? 'regtest'}, header_sources: [] }
${more ?? ''}
`;
}

/** What the loader makes of a text, without a disk. @throws ConfigError */
export function loadedOf(text: string): LoadedConfig {
  const { config, sources, warnings } = parseConfig(text, { file: 'conf.yaml', home: '/home' });
  const digest = createHash('sha256').update(text).digest('hex');
  return { config, sources, warnings, publicKey: '', digest, written: 'nothing' };
}

/** A clock that stands still until it is told to go on. */
export class HandClock implements Clock {
  ms = 1_000_000;
  readonly #timers = new Set<{ readonly dueMs: number; readonly run: () => void }>();

  nowMs(): number {
    return this.ms;
  }

  monotonicMs(): number {
    return this.ms;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { dueMs: this.ms + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get timers(): number {
    return this.#timers.size;
  }

  forward(ms: number): void {
    this.ms += ms;
    for (const timer of [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)) {
      if (timer.dueMs > this.ms || !this.#timers.delete(timer)) continue;
      timer.run();
    }
  }
}

export class VetoError extends Error {
  override readonly name = 'VetoError';
  readonly code = 'ADDRESS_IN_USE';
  readonly data = {};
}

/** Where a component is to fail, and how. */
export type Fault = 'prepare' | 'apply' | 'rollback' | 'prepare hangs' | 'apply hangs';

/** Takes one key into use, as the host or the keeper would; says what it is asked to do. */
export class FakePart implements ReloadComponent {
  readonly name: string;
  faults = new Set<Fault>();
  /** What others of the process can see of it. */
  value: unknown;
  /** Resources that were prepared and neither taken into use nor given back. */
  held = 0;
  readonly #pick: (config: Config) => unknown;
  readonly #say: (what: string) => void;
  readonly #hung: (() => void)[] = [];

  constructor(name: string, running: Config, pick: (config: Config) => unknown, say: (what: string) => void) {
    this.name = name;
    this.#pick = pick;
    this.#say = say;
    this.value = pick(running);
  }

  /** Lets go on what hangs. */
  release(): void {
    for (const go of this.#hung.splice(0)) go();
  }

  async prepare({ next }: ProposedChange): Promise<PreparedChange | undefined> {
    this.#say(`${this.name}.prepare`);
    if (this.faults.has('prepare hangs')) await this.#hang();
    if (this.faults.has('prepare')) throw new VetoError(`${this.name} cannot do it`);
    const [before, after] = [this.value, this.#pick(next)];
    if (before === after) return undefined;
    this.held += 1;
    let isOpen = true;
    const letGo = () => {
      if (isOpen) this.held -= 1;
      isOpen = false;
    };
    return {
      apply: async () => {
        this.#say(`${this.name}.apply`);
        if (this.faults.has('apply hangs')) await this.#hang();
        this.value = after;
        if (this.faults.has('apply')) throw new VetoError(`${this.name} failed half way`);
      },
      rollback: async () => {
        this.#say(`${this.name}.rollback`);
        if (this.faults.has('rollback')) throw new VetoError(`${this.name} is stuck`);
        this.value = before;
        letGo();
      },
      finish: () => {
        this.#say(`${this.name}.finish`);
        letGo();
      },
    };
  }

  #hang(): Promise<void> {
    return new Promise((resolve) => this.#hung.push(resolve));
  }
}

/** An engine over fakes: three parts in order, a file that is a text, a clock that stands still. */
export class ReloadBench {
  text = confOf();
  readonly clock = new HandClock();
  readonly running = new RunningConfig(loadedOf(this.text));
  readonly said: string[] = [];
  readonly states: ReloadState[] = [];
  loads = 0;
  /** Awaited by each load of the file. */
  gate: Promise<void> = Promise.resolve();
  readonly parts: readonly FakePart[];
  readonly reloader: Reloader;

  constructor(options: ReloaderOptions = {}) {
    const say = (what: string) => void this.said.push(what);
    const { config } = this.running;
    this.parts = [
      new FakePart('log', config, (c) => c.logging.level, say),
      new FakePart('host', config, (c) => c.peers.maxPeers, say),
      new FakePart('keeper', config, (c) => c.peers.connectionTimeoutMs, say),
    ];
    this.reloader = new Reloader(options, {
      load: async () => {
        this.loads += 1;
        await this.gate;
        return loadedOf(this.text);
      },
      running: this.running,
      clock: this.clock,
      onState: (state) => void this.states.push(state),
    });
    this.reloader.register(...this.parts);
  }

  /** All that a reload may change, and nothing else. */
  values(): unknown[] {
    return [...this.parts.map(({ value, held }) => [value, held]), this.running.loaded.digest];
  }
}
