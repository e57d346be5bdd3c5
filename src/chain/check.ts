import type { Anchors } from './anchors.ts';
import { type ChainView, medianTimePast, nextBits } from './difficulty.ts';
import { ChainError } from './errors.ts';
import { bitsOf, displayHex, timeOf } from './header.ts';
import type { NetworkRules } from './networks.ts';
import { bitsOfTarget, meetsTarget, targetOfBits } from './target.ts';

/** How far ahead of our clock a header may be (consensus rule). */
export const MAX_AHEAD_S = 2 * 3600;

export interface CheckContext {
  readonly rules: NetworkRules;
  readonly anchors: Anchors;
  /** Easiest target where the rule cannot be computed. */
  readonly plausible: bigint;
  readonly nowS: number;
}

function hex8(bits: number): string {
  return bits.toString(16).padStart(8, '0');
}

/**
 * Judges a header that links to the last one of `view`: difficulty, proof of work, times, checkpoint. `hash` is its
 * hash in internal order. Difficulty and work come first, so that only spent work gets further.
 * @throws ChainError BITS_INVALID, BITS_WRONG, BITS_IMPLAUSIBLE, POW_FAILED, TIME_TOO_OLD, TIME_TOO_NEW, CHECKPOINT_MISMATCH
 */
export function checkHeader(context: CheckContext, view: ChainView, raw: Uint8Array, hash: Uint8Array): void {
  const height = view.height + 1;
  checkBits(context, view, raw, hash);
  if (!meetsTarget(hash, bitsOf(raw))) {
    refuse('POW_FAILED', height, hash, `its hash is above the target of bits ${hex8(bitsOf(raw))}`, {
      bits: hex8(bitsOf(raw)),
    });
  }
  const time = timeOf(raw);
  const median = medianTimePast(view, view.height);
  if (median !== undefined && time <= median) {
    refuse(
      'TIME_TOO_OLD',
      height,
      hash,
      `its time ${time} is not above ${median}, the median of the 11 before`,
      {
        time,
        median,
      },
    );
  }
  if (time > context.nowS + MAX_AHEAD_S) {
    const what = `its time ${time} is more than 2 hours after our clock (${context.nowS}); it may be offered again later`;
    refuse('TIME_TOO_NEW', height, hash, what, { time, now: context.nowS });
  }
  context.anchors.check(height, hash);
}

function checkBits(context: CheckContext, view: ChainView, raw: Uint8Array, hash: Uint8Array): void {
  const height = view.height + 1;
  const bits = bitsOf(raw);
  const expected = nextBits(context.rules, view, timeOf(raw));
  if (expected === bits) return;
  const target = targetOfBits(bits);
  const easiest = targetOfBits(context.rules.easiestBits) ?? 0n;
  if (target === undefined || target > easiest) {
    refuse(
      'BITS_INVALID',
      height,
      hash,
      `bits ${hex8(bits)} are no difficulty of the ${context.rules.network} network`,
      {
        bits: hex8(bits),
        easiest: hex8(context.rules.easiestBits),
      },
    );
  } else if (expected !== undefined) {
    refuse('BITS_WRONG', height, hash, `bits ${hex8(bits)}, but the rule demands ${hex8(expected)}`, {
      bits: hex8(bits),
      expected: hex8(expected),
    });
  } else if (target > context.plausible) {
    const limit = hex8(bitsOfTarget(context.plausible));
    const what = `bits ${hex8(bits)} are easier than ${limit}, the bound just above a checkpoint`;
    refuse('BITS_IMPLAUSIBLE', height, hash, what, { bits: hex8(bits), easiest: limit });
  }
}

function refuse(
  code: 'BITS_INVALID' | 'BITS_WRONG' | 'BITS_IMPLAUSIBLE' | 'POW_FAILED' | 'TIME_TOO_OLD' | 'TIME_TOO_NEW',
  height: number,
  hash: Uint8Array,
  what: string,
  data: Readonly<Record<string, string | number>>,
): never {
  const shown = displayHex(hash);
  throw new ChainError(code, `header ${shown} at height ${height}: ${what}`, {
    height,
    hash: shown,
    ...data,
  });
}
