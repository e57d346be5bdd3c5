/** Exit code where a second Ctrl-C ended the command. */
const EXIT_FORCED = 2;

/** One Ctrl-C may come twice: from the terminal, and passed on by npm. */
export const SAME_PRESS_MS = 200;

/**
 * The first Ctrl-C or SIGTERM lets the command end in order, the second ends it at once. Listens from its making on and
 * imports nothing, so that a signal finds it while the rest of the program is still being loaded (operator-features §3).
 */
export class Interrupt {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  readonly #onSignal: () => void;

  constructor() {
    const abort = new AbortController();
    this.signal = abort.signal;
    let firstMs: number | undefined;
    this.#onSignal = () => {
      firstMs ??= performance.now();
      if (performance.now() - firstMs >= SAME_PRESS_MS) process.exit(EXIT_FORCED);
      abort.abort();
    };
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onSignal);
    // A daemon that is being loaded reads its configuration later anyway; other commands end with their terminal.
    if (process.argv.includes('run')) process.on('SIGHUP', ignore);
  }

  /** Leaves the signals to others: the daemon has handlers of its own. */
  release(): void {
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
    process.off('SIGHUP', ignore);
  }
}

function ignore(): void {}
