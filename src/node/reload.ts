import {
  type Config,
  type ConfigChange,
  ConfigError,
  diffConfig,
  type LoadedConfig,
  restartKeys,
} from '../../config/index.ts';
import { errorText, type ReloadFacts, type ReloadOutcome, type ReloadState } from '../api/reload-outcome.ts';
import type { Clock } from '../p2p/types.ts';
import type { ReloadComponent } from './reload-component.ts';
import { ReloadError, reasonOf } from './reload-error.ts';
import { ReloadSteps, stopping } from './reload-steps.ts';
import type { RunningConfig } from './running-config.ts';

/** Outcomes kept for `status`. */
const MAX_OUTCOMES = 10;
/** What one call of a component may take. */
const COMPONENT_TIMEOUT_MS = 10_000;
/** Quiet time between two reloads asked for by signals, in which more of them count as one. */
const SIGNAL_GAP_MS = 100;
/** What a stop waits for a change that is being applied. */
const STOP_WAIT_MS = 2_000;

export type ReloadTrigger = ReloadOutcome['trigger'];

export interface ReloaderOptions {
  readonly componentTimeoutMs?: number;
  readonly signalGapMs?: number;
}

export interface ReloaderModules {
  /** Reads and checks the file as it is now, and writes nothing. @throws ConfigError */
  readonly load: () => Promise<LoadedConfig>;
  readonly running: RunningConfig;
  readonly clock: Clock;
  readonly onState?: (state: ReloadState) => void;
  /** After the end of a reload, before its caller is told. */
  readonly onOutcome?: (outcome: ReloadOutcome) => void;
  /** A component could not clean up after a change that stands. */
  readonly onFinishFailed?: (component: string, error: unknown) => void;
}

/** Reloads asked for while another one runs: all of them are one. */
interface Queued {
  readonly promise: Promise<ReloadOutcome>;
  readonly resolve: (outcome: ReloadOutcome) => void;
  trigger: ReloadTrigger;
}

/**
 * Takes the edited conf.yaml into use without a restart: whole or not at all. The one path for SIGHUP and `node.reload`:
 * read and check, refuse keys that need a restart, ask every component, apply in order, undo all on any failure. Reloads
 * never overlap; whoever asks while one runs gets the next one, which reads the file again.
 */
export class Reloader {
  private readonly timeoutMs: number;
  private readonly gapMs: number;
  private readonly modules: ReloaderModules;
  private readonly components: ReloadComponent[] = [];
  private readonly outcomes: ReloadOutcome[] = [];
  private readonly abort = new AbortController();
  private state: ReloadState = 'idle';
  private count = 0;
  private queued: Queued | undefined;
  private current: Promise<void> | undefined;
  private cancelWait: () => void = () => undefined;
  private endedMs = Number.NEGATIVE_INFINITY;
  /** What a part may still run with, since undoing it failed. */
  private doubtful: Config | undefined;

  constructor(options: ReloaderOptions, modules: ReloaderModules) {
    this.timeoutMs = options.componentTimeoutMs ?? COMPONENT_TIMEOUT_MS;
    this.gapMs = options.signalGapMs ?? SIGNAL_GAP_MS;
    this.modules = modules;
  }

  /** The order of registration is the order in which components are asked and told: what others need comes first. */
  register(...components: readonly ReloadComponent[]): void {
    this.components.push(...components);
  }

  /** Resolves when a reload that begins after this call has ended; never rejects. */
  request(trigger: ReloadTrigger): Promise<ReloadOutcome> {
    if (this.abort.signal.aborted) return Promise.resolve(this.refusedByStop(trigger));
    if (this.queued === undefined) {
      const { promise, resolve } = Promise.withResolvers<ReloadOutcome>();
      this.queued = { promise, resolve, trigger };
    } else if (trigger === 'rpc') this.queued.trigger = trigger;
    const { promise } = this.queued;
    this.beginWhenDue();
    return promise;
  }

  facts(): ReloadFacts {
    return { state: this.state, outcomes: [...this.outcomes] };
  }

  /** Refuses what is asked from now on, undoes what is prepared, waits a while for what is being applied. */
  async stop(): Promise<void> {
    this.abort.abort();
    this.cancelWait();
    this.queued?.resolve(this.refusedByStop(this.queued.trigger));
    this.queued = undefined;
    if (this.current === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.modules.clock.after(STOP_WAIT_MS, resolve);
    await Promise.race([this.current, promise]);
    cancel();
  }

  private beginWhenDue(): void {
    if (this.current !== undefined || this.queued === undefined) return;
    this.cancelWait();
    const { clock } = this.modules;
    const waitMs = this.queued.trigger === 'rpc' ? 0 : this.endedMs + this.gapMs - clock.monotonicMs();
    if (waitMs > 0) this.cancelWait = clock.after(waitMs, () => this.begin());
    else this.begin();
  }

  private begin(): void {
    const { queued } = this;
    if (queued === undefined) return;
    this.queued = undefined;
    this.current = this.run(queued.trigger).then((outcome) => {
      this.current = undefined;
      this.endedMs = this.modules.clock.monotonicMs();
      queued.resolve(outcome);
      this.beginWhenDue();
    });
  }

  private async run(trigger: ReloadTrigger): Promise<ReloadOutcome> {
    const { clock } = this.modules;
    const begun = { number: ++this.count, trigger, atMs: clock.nowMs() };
    const startMs = clock.monotonicMs();
    const facts: Attempt = { digest: undefined, changes: [], warnings: [] };
    let end: Pick<ReloadOutcome, 'verdict' | 'refusal'>;
    this.enter('validating');
    try {
      await this.attempt(facts);
      end = { verdict: facts.changes.length === 0 ? 'unchanged' : 'applied', refusal: undefined };
    } catch (error) {
      end = endOf(error);
    }
    const outcome = { ...begun, ms: clock.monotonicMs() - startMs, ...facts, ...end };
    this.outcomes.unshift(outcome);
    this.outcomes.length = Math.min(this.outcomes.length, MAX_OUTCOMES);
    this.enter(this.doubtful === undefined ? 'idle' : 'failed');
    this.modules.onOutcome?.(outcome);
    return outcome;
  }

  /** @throws ConfigError, ReloadError */
  private async attempt(facts: Attempt): Promise<void> {
    const { running } = this.modules;
    const loaded = await this.modules.load();
    const { config: next } = loaded;
    facts.digest = loaded.digest;
    facts.warnings = loaded.warnings;
    facts.changes = diffConfig(running.config, next);
    const fixed = restartKeys(facts.changes);
    if (fixed.length > 0) throw restartNeeded(fixed);
    const changes = this.withDoubtful(facts.changes, next);
    const { clock } = this.modules;
    const steps = new ReloadSteps(
      { timeoutMs: this.timeoutMs, signal: this.abort.signal },
      { after: (ms, run) => clock.after(ms, run), onState: (state) => this.enter(state) },
    );
    try {
      await steps.prepare(this.components, { next, running: running.config, changes });
      await steps.apply();
    } catch (error) {
      if (error instanceof ReloadError && error.code === 'RELOAD_FAILED') this.doubtful = next;
      throw error;
    }
    running.replace(loaded);
    this.doubtful = undefined;
    for (const [component, error] of await steps.finish()) this.modules.onFinishFailed?.(component, error);
  }

  /** After a failed undoing also the keys that some part may still have from then. */
  private withDoubtful(changes: readonly ConfigChange[], next: Config): readonly ConfigChange[] {
    if (this.doubtful === undefined) return changes;
    const known = new Set(changes.map(({ key }) => key));
    return [...changes, ...diffConfig(this.doubtful, next).filter(({ key }) => !known.has(key))];
  }

  private enter(state: ReloadState): void {
    this.state = state;
    this.modules.onState?.(state);
  }

  private refusedByStop(trigger: ReloadTrigger): ReloadOutcome {
    const atMs = this.modules.clock.nowMs();
    const nothing = { digest: undefined, changes: [], warnings: [] };
    return { number: this.count, trigger, atMs, ms: 0, ...nothing, ...endOf(stopping()) };
  }
}

/** Filled as far as a reload comes. */
type Attempt = { -readonly [K in 'digest' | 'changes' | 'warnings']: ReloadOutcome[K] };

function restartNeeded(keys: readonly string[]): ReloadError {
  const lines = keys.map((key) => `${key} needs a restart: change it back, or restart the daemon`);
  return new ReloadError('RELOAD_RESTART_NEEDED', lines, { keys });
}

function endOf(error: unknown): Pick<ReloadOutcome, 'verdict' | 'refusal'> {
  const known = error instanceof ReloadError ? error : ofLoad(error);
  const { code } = known;
  const verdict =
    code === 'RELOAD_FAILED' ? 'failed' : code === 'RELOAD_ROLLED_BACK' ? 'rolled_back' : 'refused';
  return { verdict, refusal: known.refusal() };
}

function ofLoad(error: unknown): ReloadError {
  const lines = errorText(error).split('\n');
  const data = { reason: reasonOf(error) };
  if (error instanceof ConfigError) return new ReloadError('RELOAD_INVALID', lines, data, error.problems);
  // A fault of ours, and none of the file.
  return new ReloadError('RELOAD_VETOED', lines, { ...data, component: 'reload' });
}
