import { SAME_PRESS_MS } from '../cli/interrupt.ts';

/** Exit codes of the daemon. */
export const EXIT = {
  ok: 0,
  notStarted: 1,
  forced: 2,
  unclean: 3,
  /** An uncaught error: the service manager restarts the daemon then. */
  fault: 70,
} as const;

/**
 * SIGINT and SIGTERM stop the daemon, a second one ends it at once; SIGHUP reloads; an uncaught error ends it with a code
 * of its own.
 */
export class ExitSignals {
  /** Resolves to the name of the first signal. */
  readonly stopped: Promise<string>;
  onFault: (error: unknown) => void = (error) => {
    process.stderr.write(
      `btcfed: unexpected fault: ${error instanceof Error ? error.stack : String(error)}\n`,
    );
  };
  onForced: (signal: string) => void = () => undefined;
  /** SIGUSR1: what is looked at from time to time is looked at now. */
  onLook: () => void = () => undefined;
  private onHangUp: (() => void) | undefined;
  private hasHungUp = false;
  private firstMs: number | undefined;
  private readonly handlers: [NodeJS.Signals, () => void][];
  private readonly onError = (error: unknown): void => {
    this.onFault(error);
    process.exit(EXIT.fault);
  };

  constructor() {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.stopped = promise;
    const stop = (signal: string) => () => {
      this.firstMs ??= performance.now();
      resolve(signal);
      if (performance.now() - this.firstMs < SAME_PRESS_MS) return;
      this.onForced(signal);
      process.exit(EXIT.forced);
    };
    this.handlers = [
      ['SIGINT', stop('SIGINT')],
      ['SIGTERM', stop('SIGTERM')],
      // Without a handler SIGHUP would end the process.
      ['SIGHUP', () => this.hangUp()],
      // Without a handler SIGUSR1 would open Node's debugger to every user of this machine.
      ['SIGUSR1', () => this.onLook()],
    ];
    for (const [signal, handler] of this.handlers) process.on(signal, handler);
    process.on('uncaughtException', this.onError);
    process.on('unhandledRejection', this.onError);
  }

  /** Calls it at each SIGHUP from now on, and at once if one came before: none is lost. */
  reloadWith(reload: () => void): void {
    this.onHangUp = reload;
    if (this.hasHungUp) reload();
    this.hasHungUp = false;
  }

  private hangUp(): void {
    if (this.onHangUp === undefined) this.hasHungUp = true;
    else this.onHangUp();
  }

  close(): void {
    for (const [signal, handler] of this.handlers) process.off(signal, handler);
    process.off('uncaughtException', this.onError);
    process.off('unhandledRejection', this.onError);
  }
}
