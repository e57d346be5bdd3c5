import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Block } from '../../support/corpus/blocks.ts';
import type { Key } from '../../support/corpus/keys.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { p2pkh, token } from '../../support/corpus/script.ts';
import type { TestTx } from '../../support/corpus/testtx.ts';
import { viewOfBeefs } from '../../support/corpus/view.ts';
import { type TestNode, withNode } from '../../support/node.ts';
import { assertState } from '../../support/node-state.ts';

interface Setting {
  readonly chain: TestChain;
  readonly deploy: TestTx;
  readonly alice: Key;
  readonly bob: Key;
}

function setting(seed: string): Setting {
  const chain = new TestChain(seed);
  const [alice, bob] = [chain.key('alice'), chain.key('bob')];
  const deploy = chain.deployMint(100n, { owner: alice });
  chain.mine([deploy]);
  return { chain, deploy, alice, bob };
}

/** A step of a story: a BEEF, or the headers of a branch. */
type Step = Buffer | Block;

/** Feeds the steps one by one and compares with the model after each. */
async function told(
  { chain, deploy }: Setting,
  steps: readonly Step[],
  options: { readonly restart?: boolean } = {},
  after: (node: TestNode) => Promise<void> | void = () => undefined,
): Promise<void> {
  await withNode({ tokens: [deploy.tokenId()], cacheEntries: 4 }, async (first, use) => {
    let node = first;
    const fed: Buffer[] = [];
    let tip = chain.blocks.genesis;
    for (const step of steps) {
      if (Buffer.isBuffer(step)) {
        fed.push(step);
        await node.offer(step);
      } else {
        await node.headers(chain.headerBytes({ tip: step, from: 1 }));
        if (step.height > tip.height) tip = step;
      }
      if (options.restart === true) node = use(await node.restart());
      await assertState(node, viewOfBeefs(fed, chain.headers(tip)));
    }
    await after(node);
  });
}

/** BEEF of a transaction with the proof of a branch, without parents. */
const proof = (chain: TestChain, tx: TestTx, tip: Block): Buffer => chain.beef(tx, { parents: 'none', tip });
/** Complete BEEF of a transaction that counts as unmined, its parents proven on a branch. */
const bare = (chain: TestChain, tx: TestTx, tip: Block): Buffer => chain.beef(tx, { proof: false, tip });

describe('G1: a block is undone', () => {
  for (const restart of [false, true]) {
    it(`turns its transactions into unmined, and back when it returns${restart ? ', over restarts' : ''}`, async () => {
      const at = setting('undone and back');
      const { chain, deploy, alice, bob } = at;
      const base = chain.tip;
      const [pay, back] = chain.transferChain(deploy.coin(0), [bob, alice]) as [TestTx, TestTx];
      const block = chain.mine([pay, back]);
      const longer = chain.mineEmpty(2, base);
      const again = chain.mineEmpty(2, block);
      await told(
        at,
        [
          block,
          proof(chain, deploy, block),
          bare(chain, pay, base),
          bare(chain, back, base),
          proof(chain, pay, block),
          proof(chain, back, block),
          longer,
          again,
        ],
        { restart },
      );
    });
  }

  it('those of which nothing is known but the stale proof count no more, until their parents come', async () => {
    const at = setting('nothing known');
    const { chain, deploy, alice, bob } = at;
    const base = chain.tip;
    const [pay, back] = chain.transferChain(deploy.coin(0), [bob, alice]) as [TestTx, TestTx];
    const block = chain.mine([pay, back]);
    const longer = chain.mineEmpty(2, base);
    const purse = pay.parents.filter((tx) => chain.purse.includes(tx)).map((tx) => proof(chain, tx, base));
    const steps = [
      [block, proof(chain, deploy, block), proof(chain, pay, block), proof(chain, back, block), longer],
      [block, longer, proof(chain, deploy, block), proof(chain, pay, block), proof(chain, back, block)],
      [block, proof(chain, pay, block), longer, proof(chain, back, block), proof(chain, deploy, block)],
    ];
    for (const story of steps) {
      for (const restart of [false, true]) {
        await told(at, [...story, ...purse], { restart }, (node) => {
          assert.equal(node.reader.tx(pay.txid)?.status, 'active');
          assert.equal(node.reader.tx(pay.txid)?.position, undefined);
        });
      }
    }
    const again = chain.mineEmpty(2, block);
    await told(at, [...steps[1]!, again], {}, (node) => {
      assert.deepEqual(node.reader.tx(back.txid)?.position, { height: block.height, index: 2 });
    });
  });

  it('runs the scripts of what only its block spoke for, and does not count what they refuse', async () => {
    const at = setting('bad scripts');
    const { chain, deploy, alice, bob } = at;
    const base = chain.tip;
    const good = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 100n]] });
    const spoiled = Buffer.from(good.raw);
    // One bit of the first signature.
    spoiled.writeUInt8(spoiled.readUInt8(60) ^ 1, 60);
    const forged = chain.adopt(spoiled);
    const other = chain.mine([forged]);
    const longer = chain.mineEmpty(2, base);
    await withNode({ tokens: [deploy.tokenId()] }, async (node) => {
      await node.headers(chain.headerBytes({ tip: other, from: 1 }));
      for (const beef of [deploy, ...good.parents].map((tx) => proof(chain, tx, other)))
        await node.offer(beef);
      await node.offer(proof(chain, forged, other));
      assert.equal(node.reader.tx(forged.txid)?.status, 'active');
      await node.headers(chain.headerBytes({ tip: longer, from: 1 }));
      assert.equal(node.reader.tx(forged.txid)?.status, 'waiting');
      const balance = await node.reader.balance(deploy.tokenId(), alice.hash160);
      assert.deepEqual([balance.confirmed, balance.unconfirmed], [100n, 0n]);
      await node.audit();
      await node.offer(bare(chain, good, longer));
      assert.equal(node.reader.tx(good.txid)?.status, 'active');
      await node.audit();
    });
  });

  it('then the conflict is mined, with a chain of three under the evicted one', async () => {
    const at = setting('then the conflict');
    const { chain, deploy, alice, bob } = at;
    const base = chain.tip;
    const pay = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 100n]] });
    const heirs = chain.transferChain(pay.coin(0), [alice, bob, alice]);
    const rival = chain.doubleSpend(pay, { to: alice });
    const left = chain.mine([pay, heirs[0]!]);
    const right = chain.mine([], { on: chain.mine([rival], { on: base }) });
    const unmined = [pay, ...heirs, rival].map((tx) => bare(chain, tx, base));
    const mined = [pay, heirs[0]!].map((tx) => proof(chain, tx, left));
    const before = [proof(chain, deploy, base), left, ...unmined, ...mined];
    await told(at, [...before, right, proof(chain, rival, right)]);
    await told(at, [...before, right, proof(chain, rival, right)], { restart: true });
    await told(at, [
      left,
      right,
      proof(chain, deploy, base),
      ...unmined,
      ...mined,
      proof(chain, rival, right),
    ]);
    const back = chain.mineEmpty(3, left);
    await told(at, [...before, right, proof(chain, rival, right), back], {}, (node) => {
      assert.equal(node.reader.tx(rival.txid)?.status, 'conflicted');
    });
  });

  it('several blocks at once, with rivals in both branches that depend on each other', async () => {
    const at = setting('several blocks');
    const { chain, deploy, alice, bob } = at;
    const base = chain.tip;
    const split = chain.transfer({
      from: [deploy.coin(0)],
      to: [
        [alice, 30n],
        [bob, 70n],
      ],
    });
    const [a1, a2] = chain.transferChain(split.coin(0), [bob, alice]) as [TestTx, TestTx];
    const [b1, b2] = chain.transferChain(split.coin(1), [alice, bob]) as [TestTx, TestTx];
    const joined = chain.transfer({ from: [a2.coin(0), b2.coin(0)], to: [[alice, 100n]] });
    const a1x = chain.doubleSpend(a1, { to: alice });
    const b2x = chain.doubleSpend(b2, { to: alice });
    const cross = chain.transfer({ from: [a1x.coin(0), b2x.coin(0)], to: [[bob, 100n]] });
    const left = [
      [split, a1],
      [a2, b1],
      [b2, joined],
    ].reduce((tip, txs) => chain.mine(txs, { on: tip }), base);
    const right = [[split, b1], [a1x], [b2x], [cross]].reduce(
      (tip, txs) => chain.mine(txs, { on: tip }),
      base,
    );
    const back = chain.mineEmpty(3, left);
    const all = [split, a1, a2, b1, b2, joined, a1x, b2x, cross];
    const proofs = (tip: Block) =>
      all.filter((tx) => chain.blocks.blockOf(tx.txid, tip)).map((tx) => proof(chain, tx, tip));
    const first = [proof(chain, deploy, base), left];
    const unmined = all.map((tx) => bare(chain, tx, base));
    await told(at, [...first, ...unmined, ...proofs(left), right, ...proofs(right), back]);
    await told(at, [
      ...first,
      ...unmined.toReversed(),
      right,
      ...proofs(left),
      ...proofs(right).toReversed(),
      back,
    ]);
    await told(at, [...first, ...proofs(left).toReversed(), right, ...proofs(right), back, ...unmined]);
  });
});

describe('G2: proofs', () => {
  it('a new one replaces that of a stale block; the same height and index in another block is another place', async () => {
    const at = setting('another block');
    const { chain, deploy, bob } = at;
    const base = chain.tip;
    const pay = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 100n]] });
    const left = chain.mine([pay]);
    const right = chain.mine([pay], { on: base });
    const longer = chain.mineEmpty(1, right);
    const story = [left, proof(chain, deploy, base), bare(chain, pay, base), proof(chain, pay, left)];
    await told(at, [...story, longer, proof(chain, pay, right)], {}, (node) => {
      assert.equal(node.reader.tx(pay.txid)?.blockHash, right.hash);
    });
    // Both proofs before the fork is decided: the one that waits counts as soon as its block does.
    await told(
      at,
      [left, right, proof(chain, deploy, base), proof(chain, pay, left), proof(chain, pay, right), longer],
      {},
      (node) => {
        assert.equal(node.reader.tx(pay.txid)?.blockHash, right.hash);
      },
    );
  });
});

describe('G3: what can no longer be mined', () => {
  it('a coinbase of a stale block is dead with its descendants, and back with its block', async () => {
    const at = setting('coinbase');
    const { chain, deploy, alice, bob } = at;
    const base = chain.tip;
    const block = chain.mine([]);
    const coinbase = block.coinbase!;
    const minted = chain.build({
      inputs: [coinbase.coin(0), deploy.coin(0)],
      outputs: [
        { lock: p2pkh(bob), token: token.transfer(deploy.tokenId(), 60n) },
        { lock: p2pkh(alice), token: token.transfer(deploy.tokenId(), 40n) },
      ],
    });
    const heir = chain.transfer({ from: [minted.coin(0)], to: [[alice, 60n]] });
    const rival = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 100n]] });
    const left = chain.mine([minted], { on: block });
    const right = chain.mineEmpty(3, base);
    const back = chain.mineEmpty(2, left);
    const story: Step[] = [
      left,
      proof(chain, deploy, base),
      proof(chain, minted, left),
      proof(chain, coinbase, left),
    ];
    const rest: Step[] = [bare(chain, heir, left), bare(chain, rival, base)];
    await told(at, [...story, ...rest, right, back]);
    await told(at, [...story, ...rest, right], { restart: true }, (node) => {
      assert.equal(node.reader.tx(coinbase.txid)?.status, 'dead');
      assert.equal(node.reader.tx(heir.txid)?.status, 'dead');
      assert.equal(node.reader.tx(rival.txid)?.status, 'active');
    });
    await told(at, [left, right, ...story.slice(1), ...rest, back]);
  });

  it('two coinbases are no rivals, although both spend the same nothing', async () => {
    const at = setting('two coinbases');
    const { chain, deploy, bob } = at;
    const blocks = [chain.tip, chain.mine([])];
    const spends = blocks.map((block) =>
      chain.build({
        inputs: [block.coinbase!.coin(0)],
        outputs: [{ lock: p2pkh(bob), token: token.transfer(deploy.tokenId(), 0n) }],
      }),
    );
    const tip = chain.tip;
    await told(
      at,
      [tip, proof(chain, deploy, tip), ...spends.map((tx) => bare(chain, tx, tip))],
      {},
      (node) => {
        assert.equal(node.reader.facts().conflicts, 0);
      },
    );
  });
});

describe('G4: events', () => {
  it('of a block that is undone take nothing back that stands without it', async () => {
    const at = setting('undone events');
    const { chain, deploy, bob } = at;
    const base = chain.tip;
    const pay = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 100n]] });
    const left = chain.mine([pay]);
    const right = chain.mineEmpty(2, base);
    // Its scripts never ran while its block spoke for it; all that they need is here.
    const whole = chain.beef(pay, { parents: 'all', tip: left });
    await told(at, [left, proof(chain, deploy, base), whole, right], {}, async (node) => {
      const events = await node.reader.events(0n, 100);
      const types = events.filter((e) => e.outpoint === pay.outpoint(0)).map((e) => e.type);
      assert.deepEqual(types, ['created', 'createdUnmined']);
    });
  });

  it('tell each change of an output with a new number', async () => {
    const at = setting('events');
    const { chain, deploy, alice, bob } = at;
    const base = chain.tip;
    const pay = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 100n]] });
    const rival = chain.doubleSpend(pay, { to: alice });
    const left = chain.mine([pay]);
    const right = chain.mineEmpty(1, chain.mine([rival], { on: base }));
    const steps = [
      left,
      proof(chain, deploy, base),
      bare(chain, pay, base),
      bare(chain, rival, base),
      proof(chain, pay, left),
    ];
    await told(at, [...steps, right, proof(chain, rival, right)], {}, async (node) => {
      const events = await node.reader.events(0n, 100);
      const lines = events.map(
        (e) => `${e.type} ${e.outpoint.slice(0, 4)} ${e.txid.slice(0, 4)} ${e.position?.height ?? '-'}`,
      );
      const [d, p, r] = [deploy, pay, rival].map((tx) => tx.txid.slice(0, 4));
      assert.deepEqual(lines, [
        `created ${d} ${d} 2`,
        `spent ${d} ${p} -`,
        `created ${p} ${p} -`,
        `spentMined ${d} ${p} 3`,
        `createdMined ${p} ${p} 3`,
        `spentUnmined ${d} ${p} 3`,
        `createdUnmined ${p} ${p} 3`,
        `created ${r} ${r} 3`,
        `unspent ${d} ${p} -`,
        `spent ${d} ${r} 3`,
        `removed ${p} ${p} -`,
      ]);
    });
  });
});
