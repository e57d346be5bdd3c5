import type { Result } from '../api/methods/index.ts';
import { clean } from './format.ts';

type Outcome = Result<'tx.submit'>;

/** Missing outpoints that are spelled out for a person. */
const NAMED = 4;
/** A token id or an outpoint stays whole. */
const MAX_VALUE_CHARS = 80;

function list(items: readonly string[], total: number): string {
  const named = items.slice(0, NAMED).join(', ');
  return total > NAMED ? `${named} and ${total - NAMED} more` : named;
}

/** Why an outcome is what it is, in one line without its status; empty where nothing is to be said. */
export function outcomeReason(outcome: Outcome): string {
  switch (outcome.status) {
    case 'pending': {
      if (outcome.waitingFor === 'header')
        return `waits for the block header at height ${outcome.height ?? '?'}`;
      const what = outcome.waitingFor === 'parents' ? 'missing parents' : 'missing token history';
      const missing = outcome.missing ?? [];
      return `${what}: ${list(missing, outcome.missingCount ?? missing.length)}`;
    }
    case 'conflict':
      return `conflicts with ${list(outcome.conflictsWith ?? [], outcome.conflictsWith?.length ?? 0)}`;
    case 'rejected': {
      const { message, ...rest } = outcome.data ?? {};
      const data = Object.entries(rest).map(
        ([key, value]) => `${key}=${clean(String(value), MAX_VALUE_CHARS)}`,
      );
      const text = message === undefined ? [] : [clean(String(message), 200)];
      return [outcome.code ?? 'REJECTED', ...text, ...data].join('  ');
    }
    case 'admitted':
      return outcome.tokens === undefined || outcome.tokens.length === 0
        ? ''
        : `tokens ${list(outcome.tokens, outcome.tokens.length)}`;
    case 'known':
      return '';
  }
}
