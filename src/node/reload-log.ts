import { outcomeKeys, type ReloadOutcome, refusalLines, successLines } from '../api/reload-outcome.ts';
import type { Health } from '../observe/health.ts';
import type { Log } from '../observe/log.ts';

const EVENTS = {
  applied: 'config.reloaded',
  unchanged: 'config.reloaded',
  refused: 'config.reload_refused',
  rolled_back: 'config.rolled_back',
  failed: 'config.rollback_failed',
} as const satisfies Record<ReloadOutcome['verdict'], string>;

/** Says in the log what `btcfed reload` prints, in one line, and raises or ends the warning of a failed undoing. */
export function tellReload(outcome: ReloadOutcome, { log, health }: { log: Log; health: Health }): void {
  const { verdict, trigger, digest, refusal } = outcome;
  const lines = refusal === undefined ? successLines(outcome) : refusalLines(outcome);
  log.event(EVENTS[verdict], {
    op: `reload-${outcome.number}`,
    trigger,
    verdict,
    code: refusal?.code,
    component: refusal?.component,
    reason: refusal?.reason,
    keys: outcomeKeys(outcome),
    hash: digest?.slice(0, 16),
    ms: Math.round(outcome.ms),
    text: lines.join('; '),
  });
  if (verdict === 'failed') {
    health.raise('CONFIG_ROLLBACK_FAILED', 'restart the daemon, or correct conf.yaml and reload');
  } else if (refusal === undefined) health.clear('CONFIG_ROLLBACK_FAILED');
}
