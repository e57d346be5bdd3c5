// The difficulty rules at work inside a chain: mined under easy rules of the tests' own making.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextBits } from '../../../src/chain/difficulty.ts';
import { bitsOf, timeOf } from '../../../src/chain/header.ts';
import { HeaderChain } from '../../../src/chain/header-chain.ts';
import { type NetworkRules, RULES } from '../../../src/chain/networks.ts';
import { workOfBits } from '../../../src/chain/target.ts';
import {
  FakeClock,
  GENESIS_TIME,
  hashOf,
  mineChain,
  mineHeader,
  nth,
  openRegtest,
  rootOf,
} from '../../support/chain.ts';
import { MemoryHeaderDisk } from '../../support/header-disk.ts';
import { ListView } from '../../support/list-view.ts';

/** 256 tries a header. */
const GENESIS_BITS = 0x2000ffff;
const GENESIS = mineHeader({
  prevHash: '0'.repeat(64),
  merkleRoot: rootOf('genesis'),
  time: GENESIS_TIME,
  bits: GENESIS_BITS,
});

/** All rules in 2,500 blocks, with a minimum that is mined at once. */
const QUICK: NetworkRules = {
  network: 'main',
  easiestBits: 0x207fffff,
  genesis: GENESIS.toString('hex'),
  noRetarget: false,
  minimumAfter20Minutes: false,
  emergencyHeight: 2050,
  cw144Height: 2200,
  checkpoints: [],
};

/** Mines by the rules, `seconds` apart, remembering what they demanded. */
class Miner {
  readonly view = new ListView(0);
  readonly headers: Buffer[] = [];
  readonly demanded = new Map<number, number>();
  private readonly rules: NetworkRules;
  private prevHash: string;

  constructor(rules: NetworkRules, genesis: Uint8Array) {
    this.rules = rules;
    this.prevHash = hashOf(genesis);
    this.view.push(timeOf(genesis), bitsOf(genesis));
  }

  mine(count: number, seconds: number): void {
    for (let i = 0; i < count; i++) {
      const time = this.view.time(this.view.height) + seconds;
      const bits = nextBits(this.rules, this.view, time) ?? 0;
      const height = this.view.height + 1;
      const raw = mineHeader({ prevHash: this.prevHash, merkleRoot: rootOf(height), time, bits });
      this.headers.push(raw);
      this.demanded.set(height, bits);
      this.prevHash = hashOf(raw);
      this.view.push(time, bits);
    }
  }
}

test('a chain through retarget, emergency rule and cw-144 is accepted, and refused at each with other bits', async () => {
  const miner = new Miner(QUICK, GENESIS);
  miner.mine(2049, 560);
  miner.mine(16, 7300);
  miner.mine(184, 600);
  miner.mine(100, 200);
  const bitsAt = (height: number): number => miner.demanded.get(height) ?? 0;
  assert.equal(bitsAt(2015), GENESIS_BITS);
  assert.notEqual(bitsAt(2016), GENESIS_BITS, 'the retarget changed it');
  const eased = [...miner.demanded].filter(
    ([height, bits]) => height > 2050 && height < 2200 && bits !== bitsAt(height - 1),
  );
  assert.ok(eased.length >= 3, 'the emergency rule acted');
  const cw = [...miner.demanded].filter(([height, bits]) => height >= 2200 && bits !== bitsAt(height - 1));
  assert.ok(cw.length > 20, 'cw-144 moved');
  const disk = new MemoryHeaderDisk();
  const chain = await HeaderChain.open({ network: 'main', rules: QUICK }, { disk, clock: new FakeClock() });
  const probes = [1, 2015, 2016, 2017, eased[0]?.[0] ?? 0, eased[2]?.[0] ?? 0, 2199, 2200, 2201, 2300];
  let fed = 0;
  for (const height of [...new Set(probes)].sort((a, b) => a - b)) {
    await chain.add(Buffer.concat(miner.headers.slice(fed, height - 1)));
    fed = height - 1;
    const raw = miner.headers[fed] ?? Buffer.alloc(80);
    for (const bits of [bitsAt(height) - 1, bitsAt(height) + 1, bitsAt(height - 1)]) {
      if (bits === bitsAt(height) || bits === 0 || bits > QUICK.easiestBits) continue;
      const wrong = Buffer.from(raw);
      wrong.writeUInt32LE(bits, 72);
      await assert.rejects(chain.add(wrong), { code: 'BITS_WRONG' }, `height ${height}`);
    }
  }
  await chain.add(Buffer.concat(miner.headers.slice(fed)));
  assert.equal(chain.tip().height, miner.view.height);
  assert.equal(chain.tip().chainWork, miner.view.work(miner.view.height));
  const again = await HeaderChain.open({ network: 'main', rules: QUICK }, { disk, clock: new FakeClock() });
  assert.equal((await again.verify()).headers, miner.view.height + 1);
  // Its last header was judged by works summed up from rows, not from memory.
  const more = mineHeader({
    prevHash: again.tip().hash,
    merkleRoot: rootOf('more'),
    time: miner.view.time(miner.view.height) + 500,
    bits: nextBits(QUICK, miner.view, miner.view.time(miner.view.height) + 500) ?? 0,
  });
  assert.equal((await again.add(more)).added, 1);
});

test('work decides, not the number of headers: a shorter, harder branch wins and rows above it go', async () => {
  const rules: NetworkRules = {
    ...QUICK,
    minimumAfter20Minutes: true,
    emergencyHeight: 1e9,
    cw144Height: 1e9,
  };
  const disk = new MemoryHeaderDisk();
  const open = (): Promise<HeaderChain> =>
    HeaderChain.open({ network: 'main', rules }, { disk, clock: new FakeClock() });
  const chain = await open();
  const easy = new Miner(rules, GENESIS);
  easy.mine(200, 1300);
  const hard = new Miner(rules, GENESIS);
  hard.mine(40, 600);
  await chain.add(Buffer.concat(easy.headers));
  assert.equal(chain.tip().chainWork, workOfBits(GENESIS_BITS) + 200n * 2n);
  const update = await chain.add(Buffer.concat(hard.headers));
  assert.deepEqual(update.undone, { from: 1, to: 200 });
  assert.equal(chain.tip().height, 40);
  assert.equal(chain.rootAt(41), undefined);
  assert.equal(chain.sideRoots(200).length, 1);
  const again = await open();
  assert.deepEqual(again.tip(), chain.tip());
  assert.deepEqual(await again.verify(), { headers: 41, sideHeaders: 200 });
  const chunks = await disk.keys(Buffer.from('6863', 'hex'), Buffer.from('6864', 'hex'));
  assert.equal(chunks.length, 1, 'no chunk rows are left above the tip');
});

test('checkpoints are enforced: another block there is refused, and so is a branch from below', async () => {
  const trunk = mineChain(30);
  const checkpoint = { height: 20, hash: hashOf(nth(trunk, 19)) };
  const rules: NetworkRules = { ...RULES.regtest, checkpoints: [checkpoint] };
  const { chain } = await openRegtest({ rules });
  const other = mineChain(10, { on: nth(trunk, 14) });
  await chain.add(trunk.subarray(0, 15 * 80));
  await assert.rejects(chain.add(other), { code: 'CHECKPOINT_MISMATCH' });
  assert.equal(chain.tip().height, 19, 'what came before it was no offence');
  // The right chain is taken up from the fork, though it has less work at first.
  const update = await chain.add(trunk);
  assert.deepEqual(update.undone, { from: 16, to: 19 });
  assert.equal(chain.tip().height, 30);
  assert.equal(chain.lastCheckpointHeight(), 20);
  await assert.rejects(chain.add(mineChain(100, { on: nth(trunk, 18) })), { code: 'FORK_BELOW_CHECKPOINT' });
  const fork = await chain.add(mineChain(11, { on: nth(trunk, 19) }));
  assert.deepEqual(fork.undone, { from: 21, to: 30 });
});

test('a store on another chain than a checkpoint learnt later is refused at open', async () => {
  const { disk, chain } = await openRegtest();
  await chain.add(mineChain(30));
  const rules: NetworkRules = { ...RULES.regtest, checkpoints: [{ height: 20, hash: rootOf('other') }] };
  await assert.rejects(openRegtest({ rules }, disk), { code: 'CHECKPOINT_MISMATCH' });
  const beyond: NetworkRules = { ...RULES.regtest, checkpoints: [{ height: 31, hash: rootOf('other') }] };
  const { chain: again } = await openRegtest({ rules: beyond }, disk);
  assert.equal(again.tip().height, 30);
});
