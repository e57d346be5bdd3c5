import type { Refusal } from '../ingest/outcome.ts';
import { REORG_HORIZON } from '../ingest/proofs.ts';

/** Not because of the transaction: our queue, our limits, our threads. */
const OURS: ReadonlySet<string> = new Set([
  'QUEUE_FULL',
  'PENDING_FULL',
  'UNAVAILABLE',
  'VERIFIER_FAILED',
  // Which coinbase is old enough depends on the tip, and tips differ for moments.
  'COINBASE_IMMATURE',
]);

/** What the transaction itself is refused for; everything else is bytes that do not parse. */
const INVALID: ReadonlySet<string> = new Set([
  'SCRIPT_FAILED',
  'VALUES_NOT_CONSERVED',
  'OUTPUT_ABSENT',
  'COINBASE_UNPROVEN',
  'TX_AMBIGUOUS',
  'PREVOUT_COUNT',
]);

/** Who passes on a transaction has verified it: what that is worth as a fault. `undefined`: none. */
export function gossipFaultOf({ code, data }: Refusal, tipHeight: number): string | undefined {
  if (OURS.has(code)) return undefined;
  if (INVALID.has(code)) return 'TX_INVALID';
  switch (code) {
    // Nobody says what is wrong with the parent: a proof on a branch that we do not know is no lie.
    case 'PARENT_INVALID':
      return 'PARENT_INVALID';
    case 'TOKEN_INVALID':
      return 'INVALID_TOKEN_DATA';
    case 'TOKEN_NOT_FOLLOWED':
      return 'TX_FOREIGN';
    case 'PROOF_ROOT_MISMATCH': {
      const height = Number(data['height']);
      return height > tipHeight - REORG_HORIZON ? 'PROOF_UNKNOWN' : 'PROOF_INVALID';
    }
    default:
      return 'BEEF_MALFORMED';
  }
}
