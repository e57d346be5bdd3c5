import type { Log } from './log.ts';
import { type Severity, WARNINGS, type WarningCode, type WarningDef } from './warnings.ts';

export interface HealthWarning {
  readonly code: WarningCode;
  readonly title: string;
  readonly severity: Severity;
  /** What is the case right now, and what to do. */
  readonly text: string;
  /** Unix milliseconds of when it began. */
  readonly sinceMs: number;
}

/** active: raised and not cleared; ending: cleared, but was visible and is shown until it has been gone long enough. */
type State =
  | { readonly kind: 'active'; readonly sinceMs: number; readonly text: string }
  | { readonly kind: 'ending'; readonly sinceMs: number; readonly text: string; readonly clearedMs: number };

/** One registry of named warnings; status, log and the service manager's text all read it. */
export class Health {
  readonly #states = new Map<WarningCode, State>();
  readonly #announced = new Map<WarningCode, number>();
  readonly #nowMs: () => number;
  readonly #log: Log;

  constructor(modules: { readonly nowMs: () => number; readonly log: Log }) {
    this.#nowMs = modules.nowMs;
    this.#log = modules.log;
  }

  /** Says that a warning holds. Repeating it renews the text and keeps `since`; ending -> active. */
  raise(code: WarningCode, text: string): void {
    const before = this.#states.get(code);
    const sinceMs = before?.sinceMs ?? this.#nowMs();
    this.#states.set(code, { kind: 'active', sinceMs, text });
    this.tick();
  }

  /** Says that it no longer holds. active -> ending if it was visible, else it never showed. */
  clear(code: WarningCode): void {
    const state = this.#states.get(code);
    if (state?.kind !== 'active') return;
    if (this.#visible(code, state)) {
      this.#states.set(code, { ...state, kind: 'ending', clearedMs: this.#nowMs() });
    } else {
      this.#states.delete(code);
    }
    this.tick();
  }

  /** Visible warnings, errors first, then the oldest. */
  warnings(): readonly HealthWarning[] {
    this.tick();
    const shown = [...this.#states].filter(([code, state]) => this.#visible(code, state));
    return shown
      .map(([code, state]) => ({ code, ...pick(WARNINGS[code]), text: state.text, sinceMs: state.sinceMs }))
      .sort((a, b) => rank(a.severity) - rank(b.severity) || a.sinceMs - b.sinceMs);
  }

  /** Logs what became visible or ended since the last call; the status timer calls it too. */
  tick(): void {
    for (const [code, state] of this.#states) {
      const visible = this.#visible(code, state);
      if (visible && !this.#announced.has(code)) {
        this.#announced.set(code, state.sinceMs);
        this.#log.event('health.raised', { warning: code, text: state.text });
      }
      if (!visible && state.kind === 'ending') this.#states.delete(code);
    }
    for (const [code, sinceMs] of this.#announced) {
      if (this.#states.has(code)) continue;
      this.#announced.delete(code);
      const seconds = Math.round((this.#nowMs() - sinceMs) / 1000);
      this.#log.event('health.cleared', { warning: code, seconds });
    }
  }

  #visible(code: WarningCode, state: State): boolean {
    const def: WarningDef = WARNINGS[code];
    if (state.kind === 'active') return this.#nowMs() - state.sinceMs >= def.showAfterMs;
    return this.#nowMs() - state.clearedMs < def.clearAfterMs;
  }
}

function pick(def: WarningDef): { title: string; severity: Severity } {
  return { title: def.title, severity: def.severity };
}

function rank(severity: Severity): number {
  return severity === 'error' ? 0 : 1;
}
