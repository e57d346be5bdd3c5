import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ChainView, medianTimePast, nextBits } from '../../../src/chain/difficulty.ts';
import { type NetworkRules, RULES } from '../../../src/chain/networks.ts';
import { bitsOfTarget, targetOfBits } from '../../../src/chain/target.ts';
import { ListView } from '../../support/list-view.ts';

const MAIN = RULES.main;
const TEST = RULES.test;
const START = 1_269_211_443;
const EASIEST = 0x1d00ffff;

function target(bits: number): bigint {
  return targetOfBits(bits) ?? 0n;
}

/** Asks for the block after the last one, 600 s later. */
function next(rules: NetworkRules, view: ChainView): number | undefined {
  return nextBits(rules, view, view.time(view.height) + 600);
}

/** A period of 2016 blocks whose first and last times are given. */
function period(last: number, firstTime: number, lastTime: number, bits: number): ListView {
  const view = new ListView(last - 2015).push(firstTime, bits);
  for (let i = 0; i < 2014; i++) view.push(firstTime + 1, bits);
  return view.push(lastTime, bits);
}

test('the 2016-block rule gives the difficulties of known retargets', () => {
  // Height of the period's last block, times of first and last, bits before and after: block chain facts (the last one
  // with an invented first time, to reach the limit), as the reference node's tests have them.
  const cases = [
    [32_255, 1_261_130_161, 1_262_152_739, 0x1d00ffff, 0x1d00d86a],
    [2_015, 1_231_006_505, 1_233_061_996, 0x1d00ffff, 0x1d00ffff],
    [68_543, 1_279_008_237, 1_279_297_671, 0x1c05a3f4, 0x1c0168fd],
    [46_367, 1_263_163_443, 1_269_211_443, 0x1c387f6f, 0x1d00e1fd],
  ] as const;
  for (const [last, firstTime, lastTime, before, after] of cases) {
    assert.equal(next(MAIN, period(last, firstTime, lastTime, before)), after, `height ${last + 1}`);
  }
});

test('between retargets the difficulty stays, on every block but a multiple of 2016', () => {
  const view = period(32_255, 1_261_130_161, 1_262_152_739, 0x1d00ffff);
  assert.equal(next(MAIN, view), 0x1d00d86a);
  view.step(600, 0x1d00d86a);
  assert.equal(next(MAIN, view), 0x1d00d86a);
  const early = new ListView(30_240);
  for (let i = 0; i < 2015; i++) early.push(1_261_130_161 + i, 0x1c05a3f4);
  assert.equal(early.height, 32_254);
  assert.equal(next(MAIN, early), 0x1c05a3f4);
});

test('a retarget whose period begins below the base is unknown; the blocks between are not', () => {
  const view = new ListView(30_241);
  while (view.height < 32_254) view.push(START, 0x1c05a3f4);
  assert.equal(next(MAIN, view), 0x1c05a3f4);
  view.push(START, 0x1c05a3f4);
  assert.equal(next(MAIN, view), undefined);
});

/** The emergency rule, from `base` on: 100 blocks at 10 minutes, then blocks at two hours. */
function slowing(base: number, initial: number): ListView {
  const view = new ListView(base).push(START, initial);
  for (let i = 1; i < 100; i++) view.step(600, initial);
  return view;
}

test('the 2017 emergency rule: after six blocks in 12 hours by median time the target rises by a quarter', () => {
  const initial = bitsOfTarget(((1n << 224n) - 1n) >> 1n);
  const view = slowing(478_560, initial);
  for (let i = 100; i < 110; i++) {
    view.step(7200, initial);
    assert.equal(next(MAIN, view), initial, `block ${i}`);
  }
  let bits = initial;
  for (let i = 0; i < 3; i++) {
    view.step(7200, bits);
    const expected = bitsOfTarget((target(bits) * 5n) / 4n);
    assert.equal(next(MAIN, view), expected);
    assert.notEqual(expected, bits);
    bits = expected;
  }
  view.step(7200, bits);
  assert.equal(next(MAIN, view), EASIEST);
  view.step(7200, EASIEST);
  assert.equal(next(MAIN, view), EASIEST);
});

test('the emergency rule acts at exactly 12 hours, not a second before', () => {
  const bits = 0x18014735;
  for (const [shift, expected] of [
    [0, bitsOfTarget((target(bits) * 5n) / 4n)],
    [-1, bits],
  ] as const) {
    const view = new ListView(478_600);
    for (let i = 0; i < 17; i++) view.push(START + i * 7200 + (i >= 11 ? shift : 0), bits);
    // Median of the last 11 is block 11 of 17, that of six blocks before it block 5.
    assert.equal(medianTimePast(view, view.height), START + 11 * 7200 + shift);
    assert.equal(next(MAIN, view), expected);
  }
});

test('the emergency rule holds from height 478,559 to 504,031 and never on the test network', () => {
  const bits = 0x18014735;
  const slow = (height: number): ListView => {
    const view = new ListView(height - 40);
    while (view.height < height - 1) view.push(START + (view.height + 1) * 7200, bits);
    return view;
  };
  const eased = bitsOfTarget((target(bits) * 5n) / 4n);
  assert.equal(next(MAIN, slow(478_558)), bits);
  assert.equal(next(MAIN, slow(478_559)), eased);
  assert.equal(next(MAIN, slow(504_031)), eased);
  // 504,032 is the first block under cw-144, which 40 blocks do not decide.
  assert.equal(next(MAIN, slow(504_032)), undefined);
  assert.equal(next(TEST, slow(1_155_900)), bits);
});

test('the emergency rule is unknown until 17 blocks are held', () => {
  const view = new ListView(478_600);
  for (let i = 0; i < 16; i++) {
    view.push(START + i * 7200, 0x18014735);
    assert.equal(next(MAIN, view), undefined);
  }
  view.push(START + 16 * 7200, 0x18014735);
  assert.notEqual(next(MAIN, view), undefined);
});

test('cw-144 gives the difficulties of the reference scenario', () => {
  let bits = bitsOfTarget(((1n << 224n) - 1n) >> 4n);
  const view = new ListView(504_100).push(START, bits);
  for (let i = 1; i < 2050; i++) view.step(600, bits);
  const initial = next(MAIN, view) ?? 0;
  bits = initial;
  const blocks = (count: number, seconds: number): void => {
    for (let i = 0; i < count; i++) {
      view.step(seconds, bits);
      bits = next(MAIN, view) ?? 0;
    }
  };
  blocks(10, 600);
  assert.equal(bits, initial);
  // One time far ahead, then the due one: the median of three skips it.
  blocks(1, 6000);
  blocks(1, 2 * 600 - 6000);
  blocks(20, 600);
  assert.equal(bits, initial);
  blocks(1, 550);
  assert.equal(bits, initial, 'the newest block alone has no influence');
  blocks(10, 550);
  assert.equal(bits, 0x1c0fe7b1);
  blocks(20, 10);
  assert.equal(bits, 0x1c0db19f);
  blocks(1, 6000);
  assert.equal(bits, 0x1c0d9222);
  blocks(93, 6000);
  assert.equal(bits, 0x1c2f13b9);
  blocks(1, 6000);
  assert.equal(bits, 0x1c2ee9bf, 'the bound of two days makes it harder again');
  blocks(192, 6000);
  assert.equal(bits, EASIEST);
  blocks(5, 6000);
  assert.equal(bits, EASIEST);
});

test('cw-144 needs 147 headers, no fewer', () => {
  const view = new ListView(600_000);
  for (let i = 0; i < 146; i++) {
    view.push(START + i * 600, 0x1808d0b6);
    assert.equal(next(MAIN, view), undefined);
  }
  view.push(START + 146 * 600, 0x1808d0b6);
  assert.notEqual(next(MAIN, view), undefined);
});

test('of three blocks with equal times cw-144 takes the middle one', () => {
  // Different work in the three makes the choice visible: with the first suitable block moved by one, the sum differs.
  const view = new ListView(600_000);
  for (let i = 0; i < 147; i++)
    view.push(
      START + Math.floor(i / 3) * 1800,
      i < 3 ? [0x1808d0b6, 0x18070000, 0x18060000][i]! : 0x1808d0b6,
    );
  const work = view.work(600_145) - view.work(600_001);
  const span = view.time(600_145) - view.time(600_001);
  const perBlock = (work * 600n) / BigInt(span);
  assert.equal(next(MAIN, view), bitsOfTarget(((1n << 256n) - perBlock) / perBlock));
});

test('test network: after 20 minutes the minimum is demanded, and such blocks do not count after', () => {
  const view = new ListView(100_800).push(START, 0x1c05a3f4);
  view.step(600, 0x1c05a3f4);
  const last = view.time(view.height);
  assert.equal(nextBits(TEST, view, last + 1200), 0x1c05a3f4, 'exactly 20 minutes is not late');
  assert.equal(nextBits(TEST, view, last + 1201), EASIEST);
  view.step(1201, EASIEST).step(1300, EASIEST);
  assert.equal(nextBits(TEST, view, view.time(view.height) + 10), 0x1c05a3f4);
  // On the main network the same times change nothing.
  assert.equal(nextBits(MAIN, view, view.time(view.height) + 1201), EASIEST);
});

test('test network: the search for the last real block stops at the start of the period or at the base', () => {
  const whole = new ListView(100_800).push(START, EASIEST).step(1201, EASIEST);
  assert.equal(next(TEST, whole), EASIEST);
  const cut = new ListView(100_801).push(START, EASIEST).step(1201, EASIEST);
  assert.equal(next(TEST, cut), undefined);
});

test('test network: cw-144 too has the 20-minute rule', () => {
  const view = new ListView(1_200_000);
  for (let i = 0; i < 147; i++) view.push(START + i * 600, 0x1c05a3f4);
  const last = view.time(view.height);
  assert.equal(nextBits(TEST, view, last + 1201), EASIEST);
  assert.notEqual(nextBits(TEST, view, last + 1200), EASIEST);
  assert.equal(nextBits(MAIN, view, last + 1201), nextBits(TEST, view, last + 600));
});

test('regtest keeps the difficulty of the parent', () => {
  const view = new ListView(0).push(START, 0x207fffff);
  for (let i = 0; i < 5000; i++) view.step(1, 0x207fffff);
  assert.equal(nextBits(RULES.regtest, view, START + 99_999), 0x207fffff);
});

test('median time past: of 11, of fewer at the start of the chain, unknown above another base', () => {
  const view = new ListView(0);
  for (const time of [10, 30, 20]) view.push(time, 0x207fffff);
  assert.equal(medianTimePast(view, 0), 10);
  assert.equal(medianTimePast(view, 1), 30);
  assert.equal(medianTimePast(view, 2), 20);
  for (const time of [90, 80, 70, 60, 50, 40, 35, 34, 1]) view.push(time, 0x207fffff);
  assert.equal(medianTimePast(view, 11), 40);
  const above = new ListView(1000);
  for (let i = 0; i < 10; i++) above.push(i, 0x207fffff);
  assert.equal(medianTimePast(above, 1009), undefined);
  above.push(3, 0x207fffff);
  assert.equal(medianTimePast(above, 1010), 4);
});
