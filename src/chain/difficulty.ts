import type { NetworkRules } from './networks.ts';
import { bitsOfTarget, targetOfBits, targetOfWork } from './target.ts';

/** A chain up to some header, as the rules see it: read only, no hashes. Heights below `baseHeight` are not held. */
export interface ChainView {
  /** Height of the last header, the parent of the one being judged. */
  readonly height: number;
  readonly baseHeight: number;
  time(height: number): number;
  bits(height: number): number;
  /** Work of the header at `height` and all before it. */
  work(height: number): bigint;
}

const SPACING_S = 600;
const RETARGET_BLOCKS = 2016;
const RETARGET_S = RETARGET_BLOCKS * SPACING_S;
const MEDIAN_BLOCKS = 11;
const EMERGENCY_BLOCKS = 6;
const EMERGENCY_S = 12 * 3600;
const CW144_BLOCKS = 144;
const MINIMUM_AFTER_S = 2 * SPACING_S;

/** Headers that must be held below a height before every rule can be computed for it, the 2016-block one aside. */
export const RULE_WINDOW = CW144_BLOCKS + 3;

/**
 * Median time of the header at `height` and the 10 before it; undefined if some of them are not held. On a chain held
 * from block 0 on, the first ones have fewer, as the rule says.
 */
export function medianTimePast(view: ChainView, height: number): number | undefined {
  let from = height - MEDIAN_BLOCKS + 1;
  if (from < view.baseHeight) {
    if (view.baseHeight > 0) return undefined;
    from = 0;
  }
  const times: number[] = [];
  for (let h = from; h <= height; h++) {
    // Insertion sort, since times are nearly ascending: 0.03 us instead of 0.16 for sort().
    const time = view.time(h);
    let at = times.length;
    while (at > 0 && times[at - 1]! > time) {
      times[at] = times[at - 1]!;
      at -= 1;
    }
    times[at] = time;
  }
  return times[times.length >>> 1];
}

/**
 * Difficulty (compact) that a header above `view` with time `time` must carry, or undefined where the headers the rule
 * looks at lie below the base of the chain. Pure; proof of work is not its business.
 * Source: the consensus rules as the reference node applies them (pow.cpp), and tested against real headers.
 */
export function nextBits(rules: NetworkRules, view: ChainView, time: number): number | undefined {
  if (view.height < view.baseHeight) return undefined;
  if (rules.noRetarget) return view.bits(view.height);
  return view.height + 1 >= rules.cw144Height ? cw144Bits(rules, view, time) : legacyBits(rules, view, time);
}

function isLate(view: ChainView, time: number): boolean {
  return time > view.time(view.height) + MINIMUM_AFTER_S;
}

/** Before November 2017: new difficulty every 2016 blocks, else that of the parent but for two exceptions. */
function legacyBits(rules: NetworkRules, view: ChainView, time: number): number | undefined {
  const height = view.height + 1;
  if (height % RETARGET_BLOCKS === 0) return retargetBits(rules, view);
  if (rules.minimumAfter20Minutes) {
    return isLate(view, time) ? rules.easiestBits : lastRealBits(rules, view);
  }
  const bits = view.bits(view.height);
  if (height < rules.emergencyHeight || bits === rules.easiestBits) return bits;
  return emergencyBits(rules, view, bits);
}

/** Target times the span of the period's first to last block (2015 intervals, not 2016), the span cut to 3.5 .. 56 days. */
function retargetBits(rules: NetworkRules, view: ChainView): number | undefined {
  const first = view.height + 1 - RETARGET_BLOCKS;
  if (first < view.baseHeight) return undefined;
  const span = view.time(view.height) - view.time(first);
  const spanS = Math.min(Math.max(span, RETARGET_S / 4), RETARGET_S * 4);
  const target = ((targetOfBits(view.bits(view.height)) ?? 0n) * BigInt(spanS)) / BigInt(RETARGET_S);
  return boundedBits(rules, target);
}

/** Test network: a minimum-difficulty block does not count, the last real one of the period does. */
function lastRealBits(rules: NetworkRules, view: ChainView): number | undefined {
  let height = view.height;
  while (height % RETARGET_BLOCKS !== 0 && view.bits(height) === rules.easiestBits) {
    height -= 1;
    if (height < view.baseHeight) return undefined;
  }
  return view.bits(height);
}

/** August to November 2017: 12 hours or more between the median times six blocks apart make the target 25 % easier. */
function emergencyBits(rules: NetworkRules, view: ChainView, bits: number): number | undefined {
  const now = medianTimePast(view, view.height);
  const before = medianTimePast(view, view.height - EMERGENCY_BLOCKS);
  if (now === undefined || before === undefined) return undefined;
  if (now - before < EMERGENCY_S) return bits;
  const target = targetOfBits(bits) ?? 0n;
  return boundedBits(rules, target + (target >> 2n));
}

/** Since November 2017 (cw-144): the work of 144 blocks per time they took, the time cut to half a day .. two days. */
function cw144Bits(rules: NetworkRules, view: ChainView, time: number): number | undefined {
  if (rules.minimumAfter20Minutes && isLate(view, time)) return rules.easiestBits;
  if (view.height - RULE_WINDOW + 1 < view.baseHeight) return undefined;
  const last = suitableBlock(view, view.height);
  const first = suitableBlock(view, view.height - CW144_BLOCKS);
  const span = view.time(last) - view.time(first);
  const spanS = Math.min(Math.max(span, (CW144_BLOCKS / 2) * SPACING_S), CW144_BLOCKS * 2 * SPACING_S);
  const work = ((view.work(last) - view.work(first)) * BigInt(SPACING_S)) / BigInt(spanS);
  return boundedBits(rules, targetOfWork(work > 0n ? work : 1n));
}

/** Of three blocks ending at `height` the one with the median time; equal times settle as this exchange order does. */
function suitableBlock(view: ChainView, height: number): number {
  let low = height - 2;
  let middle = height - 1;
  let high = height;
  if (view.time(low) > view.time(high)) [low, high] = [high, low];
  if (view.time(low) > view.time(middle)) [low, middle] = [middle, low];
  if (view.time(middle) > view.time(high)) [middle, high] = [high, middle];
  return middle;
}

function boundedBits(rules: NetworkRules, target: bigint): number {
  const easiest = targetOfBits(rules.easiestBits) ?? 0n;
  return target > easiest ? rules.easiestBits : bitsOfTarget(target);
}
