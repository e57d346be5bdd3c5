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

/** What the RPC shows of token sync, gathered when it is asked. */
export function syncApi({ sync, commitments, clock }: SyncApiParts): SyncApi {
  const status = (tokenId: string): SyncView | undefined => {
    const found = sync.status(tokenId);
    return found === undefined ? undefined : view(found, clock);
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

/** Stamps of the monotonic clock as Unix ms. */
function view({ state, sinceMs, agree, disagree, unknown, progress }: TokenStatus, clock: Clock): SyncView {
  const nowMs = clock.nowMs();
  const elapsedMs = clock.monotonicMs() - sinceMs;
  return {
    state,
    sinceMs: nowMs - elapsedMs,
    agree,
    disagree: disagree.map(({ peerId, firstHeight, why, forMs }) => {
      return { peerId, firstHeight, why, sinceMs: nowMs - forMs };
    }),
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
