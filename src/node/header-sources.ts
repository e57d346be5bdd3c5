import type { Config, HeaderSource } from '../../config/index.ts';
import type { HeaderChain } from '../chain/header-chain.ts';
import type { HeadersService } from '../chain/headers-service.ts';
import { type HeaderFollower, HeaderSourceRunner } from '../chain/source-runner.ts';
import type { PreparedChange } from '../p2p/types.ts';
import { type CoreModules, headerService, type ServiceSource } from './core.ts';
import { type ProposedChange, type ReloadComponent, touches } from './reload-component.ts';

/** `service`: a block-headers-service; none: the peers. */
interface Entry {
  readonly source: HeaderSource;
  readonly service: HeadersService | undefined;
  readonly runner: HeaderFollower;
}

export interface HeaderSourcesModules extends Pick<CoreModules, 'fetch' | 'clock' | 'random'> {
  readonly chain: HeaderChain;
}

/**
 * The header sources of the configuration: block-headers-services, each polled, and the peers once they are attached. A
 * reload stops those that are gone and starts new ones.
 */
export class HeaderSources implements ReloadComponent {
  readonly name = 'header sources';
  /** One for each source; the array stays, its entries are replaced. */
  readonly runners: HeaderFollower[] = [];
  readonly #services: HeadersService[];
  readonly #modules: HeaderSourcesModules;
  #entries: readonly Entry[];
  #peers: HeaderFollower | undefined;
  #isRunning = false;
  /** Whether the configuration in use names the peers. */
  #wantsPeers: boolean;

  /** `services` belong to the sources of `config`, in order; it is replaced in place as well. */
  constructor(config: Config, services: HeadersService[], modules: HeaderSourcesModules) {
    this.#services = services;
    this.#modules = modules;
    const sources = config.chain.headerSources.filter(isService);
    this.#wantsPeers = config.chain.headerSources.some(isPeers);
    this.#entries = services.map((service, i) => this.#entry(sources[i]!, service));
    this.#take(this.#entries);
  }

  start(): void {
    this.#isRunning = true;
    for (const runner of this.runners) runner.start();
  }

  /** The exchange of headers with other daemons is there: it takes from them while `peers` is among the sources. */
  attachPeers(peers: HeaderFollower): void {
    this.#peers = peers;
    if (!this.#wantsPeers) return;
    this.#take([...this.#entries, peersEntry(peers)]);
    if (this.#isRunning) peers.start();
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.runners.map((runner) => runner.stop()));
  }

  prepare({ next, changes }: ProposedChange): PreparedChange | undefined {
    if (!touches(changes, 'chain.header_sources')) return undefined;
    const before = this.#entries;
    // One that stays goes on where it is: its backoff and its figures are kept.
    const after = next.chain.headerSources.flatMap(
      (source) => before.find((entry) => isSame(entry.source, source)) ?? this.#newEntry(source) ?? [],
    );
    const added = after.filter((entry) => !before.includes(entry));
    const wantedPeers = this.#wantsPeers;
    return {
      apply: () => {
        this.#wantsPeers = next.chain.headerSources.some(isPeers);
        this.#take(after);
        for (const { runner } of added) runner.start();
      },
      rollback: async () => {
        this.#wantsPeers = wantedPeers;
        this.#take(before);
        await stopAll(added);
      },
      finish: () => stopAll(before.filter((entry) => !after.includes(entry))),
    };
  }

  #take(entries: readonly Entry[]): void {
    this.#entries = entries;
    const services = entries.flatMap(({ service }) => service ?? []);
    this.#services.splice(0, Number.POSITIVE_INFINITY, ...services);
    this.runners.splice(0, Number.POSITIVE_INFINITY, ...entries.map(({ runner }) => runner));
  }

  /** Undefined: the peers, before they are attached. */
  #newEntry(source: HeaderSource): Entry | undefined {
    if (isService(source)) return this.#entry(source);
    return this.#peers === undefined ? undefined : peersEntry(this.#peers);
  }

  #entry(source: ServiceSource, service = headerService(source, this.#modules)): Entry {
    const { chain, clock, random } = this.#modules;
    const runner = new HeaderSourceRunner({}, { source: service, chain, clock, random: random.fraction });
    return { source, service, runner };
  }
}

function isService(source: HeaderSource): source is ServiceSource {
  return source.kind === 'service';
}

function isPeers(source: HeaderSource): boolean {
  return source.kind === 'peers';
}

function peersEntry(runner: HeaderFollower): Entry {
  return { source: { kind: 'peers' }, service: undefined, runner };
}

function isSame(a: HeaderSource, b: HeaderSource): boolean {
  if (!isService(a) || !isService(b)) return a.kind === b.kind;
  return a.url === b.url && a.token?.reveal() === b.token?.reveal();
}

async function stopAll(entries: readonly Entry[]): Promise<void> {
  await Promise.all(entries.map(({ runner }) => runner.stop()));
}
