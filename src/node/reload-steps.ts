import { errorText } from '../api/reload-outcome.ts';
import type { PreparedChange } from '../p2p/types.ts';
import type { ProposedChange, ReloadComponent } from './reload-component.ts';
import { ReloadError, reasonOf } from './reload-error.ts';

export interface StepOptions {
  /** What one call of a component may take. */
  readonly timeoutMs: number;
  /** Aborted when the daemon stops: no component is asked any more, and what was prepared is undone. */
  readonly signal: AbortSignal;
}

export interface StepModules {
  readonly after: (ms: number, run: () => void) => () => void;
  /** Told once the prepared changes are being applied, and once they are being undone. */
  readonly onState: (state: 'updating' | 'rolling_back') => void;
}

interface Prepared {
  readonly component: ReloadComponent;
  readonly change: PreparedChange;
}

/**
 * Takes one change through all components, one at a time: all prepare in order, then all apply in order. On any failure
 * what was prepared or applied is undone in reverse order.
 */
export class ReloadSteps {
  private readonly options: StepOptions;
  private readonly modules: StepModules;
  private readonly prepared: Prepared[] = [];

  constructor(options: StepOptions, modules: StepModules) {
    this.options = options;
    this.modules = modules;
  }

  /** @throws ReloadError; then everything is as before, unless its code is RELOAD_FAILED */
  async prepare(components: readonly ReloadComponent[], proposed: ProposedChange): Promise<void> {
    const { signal } = this.options;
    for (const component of components) {
      try {
        if (signal.aborted) throw stopping();
        const change = await this.within(
          async (given) => component.prepare(proposed, given),
          (late) => late?.rollback(),
          signal,
        );
        if (change !== undefined) this.prepared.push({ component, change });
      } catch (error) {
        throw await this.undo(signal.aborted ? stopping() : refused('RELOAD_VETOED', component, error));
      }
    }
    if (signal.aborted) throw await this.undo(stopping());
  }

  /** @throws ReloadError; then everything is as before, unless its code is RELOAD_FAILED */
  async apply(): Promise<void> {
    if (this.prepared.length > 0) this.modules.onState('updating');
    for (const { component, change } of this.prepared) {
      try {
        await this.within(
          async () => change.apply(),
          () => change.rollback(),
        );
      } catch (error) {
        throw await this.undo(refused('RELOAD_ROLLED_BACK', component, error));
      }
    }
  }

  /** What cannot be undone; the change stands whatever comes of it. Names of components whose end failed, with the error. */
  async finish(): Promise<readonly (readonly [component: string, error: unknown])[]> {
    const failed: [string, unknown][] = [];
    for (const { component, change } of this.prepared) {
      try {
        await this.within(
          async () => change.finish?.(),
          () => undefined,
        );
      } catch (error) {
        failed.push([component.name, error]);
      }
    }
    return failed;
  }

  /** Undoes all in reverse order; the error to throw. */
  private async undo(cause: ReloadError): Promise<ReloadError> {
    const failed: string[] = [];
    if (this.prepared.length > 0) this.modules.onState('rolling_back');
    for (let at = this.prepared.pop(); at !== undefined; at = this.prepared.pop()) {
      const { component, change } = at;
      try {
        await this.within(
          async () => change.rollback(),
          () => undefined,
        );
      } catch (error) {
        failed.push(`${component.name} could not be set back: ${errorText(error)}`);
      }
    }
    if (failed.length === 0) return cause;
    return new ReloadError('RELOAD_FAILED', [cause.message, ...failed], cause.data);
  }

  /** A call that ends in time, or is given up, also when `stop` is aborted; what it brings later goes to `late`. */
  private async within<T>(
    call: (signal: AbortSignal) => Promise<T>,
    late: (value: T) => unknown,
    stop?: AbortSignal,
  ): Promise<T> {
    const { timeoutMs } = this.options;
    const abort = new AbortController();
    const { promise: timeout, reject } = Promise.withResolvers<never>();
    const giveUp = (error: ReloadError): void => {
      abort.abort();
      reject(error);
    };
    const onStop = (): void => giveUp(stopping());
    stop?.addEventListener('abort', onStop, { once: true });
    const cancel = this.modules.after(timeoutMs, () =>
      giveUp(new ReloadError('COMPONENT_TIMEOUT', [`no answer within ${timeoutMs} ms`])),
    );
    const done = call(abort.signal);
    try {
      return await Promise.race([done, timeout]);
    } catch (error) {
      if (abort.signal.aborted) done.then(late).catch(() => undefined);
      throw error;
    } finally {
      cancel();
      stop?.removeEventListener('abort', onStop);
    }
  }
}

function refused(
  code: 'RELOAD_VETOED' | 'RELOAD_ROLLED_BACK',
  component: ReloadComponent,
  error: unknown,
): ReloadError {
  const data = { component: component.name, reason: reasonOf(error) };
  return new ReloadError(code, [`${component.name}: ${errorText(error)}`], data);
}

export function stopping(): ReloadError {
  return new ReloadError('SHUTTING_DOWN', ['the daemon is shutting down']);
}
