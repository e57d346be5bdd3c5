import type { SyncApi, SyncCommitment, SyncView } from '../api/modules.ts';
import type { Clock } from '../p2p/types.ts';
import type { Commitments } from '../sync/commitments.ts';
import { SyncError } from '../sync/errors.ts';
import type { TokenStatus } from '../sync/status.ts';
import type { TokenSync } from '../sync/sync.ts';

export interface SyncApiParts {
  readonly sync: Pick<TokenSync, 'status'>;
  readonly commitments: Pick<Commitments, 'tip'>;
  readonly clock: Clock;
}

/** A difference of the clocks that grows beyond this is a step of the clock; below it, stamps stay what they were told as. */
const CLOCK_STEP_MS = 1_000;

/** What the RPC shows of token sync, gathered when it is asked. */
export function syncApi({ sync, commitments, clock }: SyncApiParts): SyncApi {
  const unixMs = unixStamps(clock);
  const status = (tokenId: string): SyncView | undefined => {
    const found = sync.status(tokenId);
    return found === undefined ? undefined : view(found, unixMs);
  };
  return {
    status,
    proof: async (tokenId) => {
      const found = status(tokenId);
      return found === undefined
        ? undefined
        : { ...found, commitment: await commitmentOf(commitments, tokenId) };
    },
  };
}

/** Monotonic ms as Unix ms: the same stamp gives the same answer each time, unless the clock was set. */
function unixStamps(clock: Clock): (monotonicMs: number) => number {
  const difference = (): number => clock.nowMs() - clock.monotonicMs();
  let offset = difference();
  return (monotonicMs) => {
    const now = difference();
    if (Math.abs(now - offset) > CLOCK_STEP_MS) offset = now;
    return Math.round(monotonicMs + offset);
  };
}

function view(status: TokenStatus, unixMs: (monotonicMs: number) => number): SyncView {
  const { state, sinceMs, agree, disagree, unknown, progress } = status;
  return {
    state,
    sinceMs: unixMs(sinceMs),
    agree,
    disagree: disagree.map((of) => ({ ...of, sinceMs: unixMs(of.sinceMs) })),
    unknown,
    progress,
  };
}

/** Undefined where it cannot be told now: headers are missing, or the index follows the header chain just then. */
async function commitmentOf(
  commitments: Pick<Commitments, 'tip'>,
  tokenId: string,
): Promise<SyncCommitment | undefined> {
  try {
    const { tip, tac, entries, unmined } = await commitments.tip(tokenId);
    if (tac === undefined) return undefined;
    return { height: tip.height, tac: Buffer.from(tac).reverse().toString('hex'), entries, unmined };
  } catch (error) {
    if (error instanceof SyncError) return undefined;
    throw error;
  }
}
