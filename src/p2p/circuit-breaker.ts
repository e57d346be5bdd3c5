/** Failures in a row that open it. */
export const OPENS_AFTER = 5;

/** closed: dialled freely; open: known to be away, not dialled; half_open: one trial is under way. */
export type CircuitState = 'closed' | 'open' | 'half_open';

/**
 * closed -> open after OPENS_AFTER failures in a row; open -> half_open with a trial; half_open -> closed or open by
 * its outcome. How long it stays open is the backoff's matter.
 */
export class CircuitBreaker {
  #failures = 0;
  #isTrial = false;

  get state(): CircuitState {
    if (this.#failures < OPENS_AFTER) return 'closed';
    return this.#isTrial ? 'half_open' : 'open';
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** A try begins. False if one is under way already, where only one may be. */
  tryBegins(): boolean {
    if (this.state === 'half_open') return false;
    this.#isTrial = this.state === 'open';
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#isTrial = false;
  }

  failed(): void {
    this.#failures += 1;
    this.#isTrial = false;
  }

  /** The try ended without telling anything about the peer. */
  cancelled(): void {
    this.#isTrial = false;
  }
}
