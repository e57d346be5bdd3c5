// Where a chain begins, and what connects to it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Anchors, plausibleTarget } from '../../../src/chain/anchors.ts';
import { CHECKPOINTS, type Checkpoint, isStart } from '../../../src/chain/checkpoints.ts';
import { ChainError } from '../../../src/chain/errors.ts';
import { HeaderChain } from '../../../src/chain/header-chain.ts';
import { type NetworkRules, RULES } from '../../../src/chain/networks.ts';
import { targetOfBits, workOfBits } from '../../../src/chain/target.ts';
import {
  FakeClock,
  hashOf,
  mineChain,
  nth,
  openRegtest,
  REGTEST_GENESIS,
  rootOf,
} from '../../support/chain.ts';
import { MemoryHeaderDisk } from '../../support/header-disk.ts';

const trunk = mineChain(300);
const at100: Checkpoint = { height: 100, hash: hashOf(nth(trunk, 99)), chainWork: 202n, bits: 0x207fffff };
const at200: Checkpoint = { height: 200, hash: hashOf(nth(trunk, 199)), chainWork: 402n };
const rules: NetworkRules = { ...RULES.regtest, checkpoints: [at100, at200] };
const above100 = trunk.subarray(100 * 80);

test('headers that begin at block 0, or right above it, start the chain there', async () => {
  for (const headers of [Buffer.concat([REGTEST_GENESIS, trunk]), trunk]) {
    const { chain } = await openRegtest({ rules });
    const update = await chain.add(headers);
    assert.deepEqual([chain.baseHeight(), update.tip.height, update.added], [0, 300, 300]);
  }
});

test('headers that link to a known checkpoint, or begin with it, start the chain above it', async () => {
  for (const headers of [above100, trunk.subarray(99 * 80)]) {
    const disk = new MemoryHeaderDisk();
    const { chain } = await openRegtest({ rules }, disk);
    const update = await chain.add(headers);
    assert.deepEqual([chain.baseHeight(), update.tip.height, update.added], [101, 300, 200]);
    assert.equal(chain.tip().chainWork, 602n, 'the work below counts');
    assert.equal(chain.rootAt(100), undefined);
    assert.equal(chain.heightOf(at100.hash), undefined);
    assert.equal(chain.knows(at100.hash), true);
    assert.equal(chain.locator().at(-1), at100.hash);
    const { chain: again } = await openRegtest({ rules }, disk);
    assert.deepEqual([again.baseHeight(), again.tip()], [101, chain.tip()]);
    assert.deepEqual(await again.verify(), { headers: 200, sideHeaders: 0 });
    const whole = again.headersAfter([at100.hash], 2000);
    assert.deepEqual([whole.fromHeight, Buffer.from(whole.headers)], [101, Buffer.from(above100)]);
  }
});

test('headers that begin anywhere else are refused, naming what is known; nothing is fixed', async () => {
  const { chain, disk } = await openRegtest({ rules });
  await assert.rejects(chain.add(trunk.subarray(50 * 80)), (thrown) => {
    assert.ok(thrown instanceof ChainError);
    assert.equal(thrown.code, 'UNKNOWN_START');
    assert.deepEqual(thrown.data['knownHeights'], ['0', '100', '200']);
    assert.match(thrown.message, /heights 0, 100, 200/);
    return true;
  });
  assert.equal(disk.batches.length, 0);
  await chain.add(above100);
  assert.equal(chain.baseHeight(), 101);
});

test('a bad first header does not fix the base', async () => {
  const { chain, disk } = await openRegtest({ rules });
  const bad = Buffer.from(above100.subarray(0, 80));
  bad.writeUInt32LE(0x21008000, 72);
  await assert.rejects(chain.add(bad), { code: 'BITS_INVALID' });
  assert.deepEqual([chain.isStarted(), chain.baseHeight(), disk.batches.length], [false, 0, 0]);
  assert.equal((await chain.add(trunk)).added, 300);
  assert.equal(chain.baseHeight(), 0);
});

test('a started chain takes what connects, overlaps included, and names what is below its base', async () => {
  const { chain } = await openRegtest({ rules });
  await chain.add(above100.subarray(0, 50 * 80));
  const update = await chain.add(above100.subarray(40 * 80));
  assert.deepEqual([update.known, update.added], [10, 150]);
  await assert.rejects(chain.add(trunk), (thrown) => {
    assert.ok(thrown instanceof ChainError);
    assert.equal(thrown.code, 'BELOW_BASE');
    assert.deepEqual([thrown.data['height'], thrown.data['base']], [0, 101]);
    return true;
  });
  await assert.rejects(chain.add(trunk.subarray(50 * 80)), { code: 'UNKNOWN_PARENT' });
  assert.equal(chain.tip().height, 300);
});

test('a configured checkpoint is where an empty chain begins, and is enforced', async () => {
  const checkpoint: Checkpoint = { height: 150, hash: hashOf(nth(trunk, 149)), chainWork: 302n };
  const { chain, disk } = await openRegtest({ checkpoint });
  assert.deepEqual(chain.tip(), { height: 150, hash: checkpoint.hash, chainWork: 302n });
  assert.deepEqual([chain.baseHeight(), chain.isStarted()], [151, false]);
  assert.deepEqual(chain.locator(), [checkpoint.hash]);
  await chain.add(trunk.subarray(150 * 80));
  assert.deepEqual([chain.baseHeight(), chain.tip().chainWork], [151, 602n]);
  // Without it in the configuration the store still says where it began.
  const { chain: again } = await openRegtest({}, disk);
  assert.deepEqual([again.baseHeight(), again.tip()], [151, chain.tip()]);
  // An empty chain may begin at block 0 all the same, through the checkpoint.
  const { chain: whole } = await openRegtest({ checkpoint });
  await whole.add(trunk);
  assert.deepEqual([whole.baseHeight(), whole.tip().height], [0, 300]);
  const { chain: wrong } = await openRegtest({ checkpoint });
  await assert.rejects(wrong.add(mineChain(200)), { code: 'CHECKPOINT_MISMATCH' });
});

test('a configured checkpoint that cannot be one is refused at open', async () => {
  const good = { height: 150, hash: hashOf(nth(trunk, 149)), chainWork: 302n };
  const wrong: readonly (readonly [RegExp, Checkpoint])[] = [
    [/no block height/, { ...good, height: -1 }],
    [/no block height/, { ...good, height: 1.5 }],
    [/64 hex digits/, { ...good, hash: 'abc' }],
    [/chain work/, { height: 150, hash: good.hash }],
    [/chain work/, { ...good, chainWork: 0n }],
    [/chain work/, { ...good, chainWork: 1n << 256n }],
    [/no valid difficulty/, { ...good, bits: 0 }],
    [/does not meet/, { ...good, bits: 0x1d00ffff }],
    [/built-in hash/, { ...good, height: 100 }],
    [/block 0/, { ...good, height: 0 }],
  ];
  for (const [message, checkpoint] of wrong) {
    await assert.rejects(openRegtest({ rules, checkpoint }), (thrown) => {
      assert.ok(thrown instanceof ChainError);
      assert.equal(thrown.code, 'CHECKPOINT_INVALID');
      assert.match(thrown.message, message);
      return true;
    });
  }
  const genesis = { height: 0, hash: hashOf(REGTEST_GENESIS), chainWork: 2n };
  assert.equal((await openRegtest({ checkpoint: genesis })).chain.baseHeight(), 0);
});

test('a store of another network, or of another format, is refused', async () => {
  const { chain, disk } = await openRegtest();
  await chain.add(trunk);
  await assert.rejects(HeaderChain.open({ network: 'main' }, { disk, clock: new FakeClock() }), (thrown) => {
    assert.ok(thrown instanceof ChainError);
    assert.equal(thrown.code, 'CHAIN_WRONG_NETWORK');
    assert.deepEqual(thrown.data, { found: 'regtest', configured: 'main' });
    return true;
  });
});

test('the bound above a checkpoint: eight times its target, or 64 times the average one', () => {
  const anchors = new Anchors(RULES.main, undefined);
  const recent = CHECKPOINTS.main.at(-1);
  assert.ok(recent !== undefined && isStart(recent));
  const base = anchors.baseAbove(recent);
  assert.equal(plausibleTarget(RULES.main, base), 8n * (targetOfBits(0x18257ed6) ?? 0n));
  const blind = plausibleTarget(RULES.main, { ...base, anchorBits: 0 });
  const average = recent.chainWork / 916_818n;
  const work = (1n << 256n) / (blind + 1n);
  assert.ok(work >= average / 64n && work <= average / 63n);
  // No bound is easier than the network's own, and test and regtest know no other.
  const early = { ...base, anchorBits: 0x1c7fffff };
  assert.equal(plausibleTarget(RULES.main, early), targetOfBits(0x1d00ffff) ?? 0n);
  assert.equal(plausibleTarget(RULES.test, base), targetOfBits(0x1d00ffff) ?? 0n);
  assert.equal(plausibleTarget(RULES.regtest, base), targetOfBits(0x207fffff) ?? 0n);
});

test('built-in checkpoints are consistent: ascending heights and works, hashes under their targets', () => {
  let height = -1;
  let work = 0n;
  for (const checkpoint of CHECKPOINTS.main) {
    assert.ok(checkpoint.height > height);
    height = checkpoint.height;
    if (!isStart(checkpoint)) continue;
    assert.ok(checkpoint.chainWork > work + workOfBits(checkpoint.bits ?? 0));
    work = checkpoint.chainWork;
    assert.ok(BigInt(`0x${checkpoint.hash}`) <= (targetOfBits(checkpoint.bits ?? 0) ?? 0n));
    // Each can be configured as it is.
    new Anchors(RULES.main, checkpoint);
  }
  assert.equal(new Anchors(RULES.main, undefined).heightOf(Buffer.from(rootOf('x'), 'hex')), undefined);
});
