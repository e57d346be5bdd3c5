import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeBeef, readBeef } from '../../support/corpus/beef.ts';
import type { Block } from '../../support/corpus/blocks.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { p2pkh, token } from '../../support/corpus/script.ts';
import type { TestTx } from '../../support/corpus/testtx.ts';
import { viewOfBeefs } from '../../support/corpus/view.ts';
import { DirectVerifier, type TestNode, withNode } from '../../support/node.ts';
import { assertState, waitingTxids } from '../../support/node-state.ts';

interface Setting {
  readonly chain: TestChain;
  readonly deploy: TestTx;
  readonly pay: TestTx;
  /** The block before that of `pay`, and that of `pay`. */
  readonly base: Block;
  readonly block: Block;
  readonly tokens: readonly string[];
}

function setting(seed: string): Setting {
  const chain = new TestChain(seed);
  const deploy = chain.deployMint(100n, { owner: chain.key('alice') });
  const base = chain.mine([deploy]);
  const pay = chain.transfer({ from: [deploy.coin(0)], to: [[chain.key('bob'), 100n]] });
  const block = chain.mine([pay]);
  return { chain, deploy, pay, base, block, tokens: [deploy.tokenId()] };
}

/** Place of a byte of the first hash in a BUMP of few leaves: that of the coinbase, next to the transaction. */
const SIBLING_BYTE = 5;

/** A proof that looks right and leads to another root. */
function forged(
  chain: TestChain,
  tx: TestTx,
  options: { readonly seed?: number; readonly all?: boolean } = {},
): Buffer {
  const block = chain.blocks.blockOf(tx.txid)!;
  const bump = Buffer.from(block.bump([tx.txid]));
  bump.writeUInt8(bump.readUInt8(SIBLING_BYTE) ^ (options.seed ?? 1), SIBLING_BYTE);
  const parents = options.all === true ? readBeef(chain.beef(tx, { proof: false })) : undefined;
  const rest = (parents?.txs ?? []).filter((each) => each.txid !== tx.txid);
  const bumps = rest.map((each) => chain.blocks.blockOf(each.txid)!.bump([each.txid]));
  return encodeBeef({
    version: 1,
    bumps: [bump, ...bumps],
    entries: [...rest.map((each, i) => ({ raw: each.raw, bump: i + 1 })), { raw: tx.raw, bump: 0 }],
  });
}

async function headersTo(node: TestNode, chain: TestChain, tip: Block): Promise<void> {
  await node.headers(chain.headerBytes({ tip, from: 1 }));
}

function positionOf(node: TestNode, tx: TestTx): unknown {
  return node.reader.tx(tx.txid)?.position;
}

describe('a proof after the transaction', () => {
  it('confirms it', async () => {
    const { chain, deploy, pay, block, tokens } = setting('later proof');
    await withNode({ tokens }, async (node) => {
      await headersTo(node, chain, block);
      const fed = [chain.beef(deploy), chain.beef(pay, { proof: false }), chain.beef(pay)];
      for (const beef of fed.slice(0, 2)) await node.offer(beef);
      assert.equal(positionOf(node, pay), undefined);
      assert.equal((await node.offer(fed[2]!)).status, 'admitted');
      assert.deepEqual(positionOf(node, pay), { height: block.height, index: 1 });
      assert.equal((await node.offer(fed[2]!)).status, 'known');
      await assertState(node, viewOfBeefs(fed, chain.headers()));
    });
  });
});

describe('a proof whose header is unknown', () => {
  it('waits with its transaction, and confirms it when the header comes', async () => {
    for (const restart of [false, true]) {
      const { chain, deploy, pay, base, block, tokens } = setting('unknown header');
      const fed = [chain.beef(deploy), chain.beef(pay, { parents: 'none' })];
      await withNode({ tokens }, async (first, use) => {
        let node = first;
        await headersTo(node, chain, base);
        await node.offer(fed[0]!);
        assert.deepEqual(await node.offer(fed[1]!), {
          status: 'pending',
          txid: pay.txid,
          waitingFor: 'header',
          missing: [],
          height: block.height,
        });
        assert.equal(node.reader.tx(pay.txid)?.missingHeight, block.height);
        await assertState(node, viewOfBeefs(fed, chain.headers(base)));
        if (restart) node = use(await node.restart());
        await headersTo(node, chain, block);
        assert.deepEqual(positionOf(node, pay), { height: block.height, index: 1 });
        assert.deepEqual(waitingTxids(node), []);
        await assertState(node, viewOfBeefs(fed, chain.headers()));
        assert.equal(node.store.tip().waiting, 0);
      });
    }
  });

  it('counts as unmined meanwhile if its scripts can run, whichever of both copies comes first', async () => {
    const { chain, deploy, pay, base, block, tokens } = setting('unmined meanwhile');
    const [bare, full] = [chain.beef(pay, { proof: false }), chain.beef(pay, { parents: 'all' })] as const;
    const alone = chain.beef(pay, { parents: 'none' });
    for (const order of [[bare, alone], [alone, bare], [full], [bare, full], [full, bare], [alone, full]]) {
      for (const atOnce of [false, true]) {
        await withNode({ tokens }, async (node) => {
          await headersTo(node, chain, base);
          const fed = [chain.beef(deploy), ...order];
          if (atOnce) await node.offerAll(fed);
          else for (const beef of fed) await node.offer(beef);
          assert.equal(node.reader.tx(pay.txid)?.status, 'active');
          assert.equal(positionOf(node, pay), undefined);
          await assertState(node, viewOfBeefs(fed, chain.headers(base)));
          await headersTo(node, chain, block);
          assert.deepEqual(positionOf(node, pay), { height: block.height, index: 1 });
          await assertState(node, viewOfBeefs(fed, chain.headers()));
          assert.equal(node.reader.facts().pending, 0);
        });
      }
    }
  });

  it('speaks for scripts that we refuse once its header is known', async () => {
    const chain = new TestChain('odd scripts');
    const alice = chain.key('alice');
    const deploy = chain.build({
      outputs: [
        {
          lock: { kind: 'script', script: Buffer.of(0x6a), unlock: Buffer.alloc(0) },
          token: token.deployMint(7n),
        },
      ],
    });
    const base = chain.mine([deploy]);
    const odd = chain.build({
      inputs: [deploy.coin(0)],
      outputs: [{ lock: p2pkh(alice), token: token.transfer(deploy.tokenId(), 7n) }],
    });
    const block = chain.mine([odd]);
    await withNode({ tokens: [deploy.tokenId()] }, async (node) => {
      await headersTo(node, chain, base);
      await node.offer(chain.beef(deploy));
      const refused = await node.offer(chain.beef(odd, { proof: false }));
      assert.equal(refused.status === 'rejected' && refused.code, 'SCRIPT_FAILED');
      assert.equal((await node.offer(chain.beef(odd, { parents: 'all' }))).status, 'pending');
      assert.deepEqual(waitingTxids(node), [odd.txid]);
      await headersTo(node, chain, block);
      assert.deepEqual(positionOf(node, odd), { height: block.height, index: 1 });
      await node.audit();
    });
  });

  it('a coinbase waits for its header', async () => {
    const { chain, block, base, deploy } = setting('coinbase waits');
    const coinbase = block.coinbase!;
    const minted = chain.build({
      inputs: [coinbase.coin(0)],
      outputs: [{ lock: p2pkh(chain.key('bob')), token: token.transfer(deploy.tokenId(), 0n) }],
    });
    await withNode({ tokens: [deploy.tokenId()] }, async (node) => {
      await headersTo(node, chain, base);
      const outcome = await node.offer(chain.beef(minted));
      assert.equal(outcome.status, 'pending');
      assert.deepEqual(waitingTxids(node), [coinbase.txid, minted.txid].sort());
      assert.deepEqual(node.reader.tx(minted.txid)?.waitingParents, [
        { txid: coinbase.txid, height: block.height },
      ]);
      await headersTo(node, chain, block);
      assert.deepEqual(waitingTxids(node), []);
      assert.equal(node.reader.tx(minted.txid)?.status, 'active');
      const unproven = await node.offer(chain.beef(chain.mine([]).coinbase!, { proof: false }));
      assert.equal(unproven.status === 'rejected' && unproven.code, 'COINBASE_UNPROVEN');
    });
  });
});

describe('a forged proof', () => {
  it('below the horizon is refused with its transaction, and does not stand in the way of a good one', async () => {
    for (const atOnce of [false, true]) {
      const { chain, deploy, pay, block, tokens } = setting('forged');
      const good = chain.beef(pay, { parents: 'none' });
      const bad = [forged(chain, pay), forged(chain, pay, { all: true }), forged(chain, pay, { seed: 2 })];
      const deep = chain.mineEmpty(100, block);
      await withNode({ tokens }, async (node) => {
        await headersTo(node, chain, deep);
        await node.offer(chain.beef(deploy));
        const offers = [bad[0]!, good, bad[1]!, bad[2]!];
        const outcomes = atOnce ? await node.offerAll(offers) : [];
        if (!atOnce) for (const offer of offers) outcomes.push(await node.offer(offer));
        const answers = outcomes.map((o) => (o.status === 'rejected' ? o.code : o.status));
        // Once the transaction is known in a block, proofs for that block are not looked at any more.
        const late = atOnce ? 'PROOF_ROOT_MISMATCH' : 'known';
        assert.deepEqual(answers, ['PROOF_ROOT_MISMATCH', 'admitted', late, late]);
        await assertState(node, viewOfBeefs([chain.beef(deploy), ...offers], chain.headers()));
        assert.equal(node.reader.facts().pending, 0);
      });
    }
  });

  it('near the tip counts for nothing, waits in case another branch has its block, and is let go below the horizon', async () => {
    for (const atOnce of [false, true]) {
      const { chain, deploy, pay, block, tokens } = setting('forged near');
      const good = chain.beef(pay, { parents: 'none' });
      const bad = [forged(chain, pay), forged(chain, pay, { all: true }), forged(chain, pay, { seed: 2 })];
      await withNode({ tokens }, async (node) => {
        await headersTo(node, chain, block);
        await node.offer(chain.beef(deploy));
        await node.offer(bad[0]!);
        assert.equal(positionOf(node, pay), undefined);
        const offers = [good, bad[1]!, bad[2]!];
        if (atOnce) await node.offerAll(offers);
        else for (const offer of offers) await node.offer(offer);
        assert.deepEqual(positionOf(node, pay), { height: block.height, index: 1 });
        assert.equal(node.reader.facts().pending, 1, 'its false proofs');
        await assertState(node, viewOfBeefs([chain.beef(deploy), bad[0]!, ...offers], chain.headers()));
        await headersTo(node, chain, chain.mineEmpty(100, block));
        assert.equal(node.reader.facts().pending, 0);
        assert.deepEqual(positionOf(node, pay), { height: block.height, index: 1 });
        await node.audit();
      });
    }
  });

  it('of a parent that is held delays no child', async () => {
    const { chain, deploy, pay, block, tokens } = setting('forged parent');
    const deep = chain.mineEmpty(100, block);
    const child = chain.transfer({ from: [pay.coin(0)], to: [[chain.key('alice'), 100n]] });
    const bump = Buffer.from(block.bump([pay.txid]));
    bump.writeUInt8(bump.readUInt8(SIBLING_BYTE) ^ 1, SIBLING_BYTE);
    const funding = child.parents.filter((tx) => tx !== pay);
    const proofs = funding.map((tx) => chain.blocks.blockOf(tx.txid)!.bump([tx.txid]));
    const beef = encodeBeef({
      version: 1,
      bumps: [bump, ...proofs],
      entries: [
        { raw: pay.raw, bump: 0 },
        ...funding.map((tx, i) => ({ raw: tx.raw, bump: i + 1 })),
        { raw: child.raw },
      ],
    });
    await withNode({ tokens }, async (node) => {
      await headersTo(node, chain, deep);
      await node.offer(chain.beef(deploy));
      const alone = await node.offer(beef);
      assert.equal(alone.status === 'rejected' && alone.code, 'PARENT_INVALID');
      await node.offer(chain.beef(pay, { proof: false }));
      assert.equal((await node.offer(beef)).status, 'admitted');
      const fed = [chain.beef(deploy), chain.beef(pay, { proof: false }), beef];
      await assertState(node, viewOfBeefs(fed, chain.headers()));
    });
  });

  it('sent first while no header is known hides no good one, of the same or another height', async () => {
    for (const atOnce of [false, true]) {
      const { chain, deploy, pay, base, block, tokens } = setting('forged early');
      const good = chain.beef(pay, { parents: 'none' });
      const false1 = forged(chain, pay);
      const false2 = forged(chain, pay, { seed: 3 });
      for (const order of [
        [false1, good],
        [good, false1],
        [false1, false2, good],
        [good, false2, false1],
      ]) {
        await withNode({ tokens }, async (node) => {
          await headersTo(node, chain, base);
          await node.offer(chain.beef(deploy));
          if (atOnce) await node.offerAll(order);
          else for (const beef of order) await node.offer(beef);
          await headersTo(node, chain, block);
          assert.deepEqual(positionOf(node, pay), { height: block.height, index: 1 });
          await assertState(node, viewOfBeefs([chain.beef(deploy), good], chain.headers()));
        });
      }
    }
  });

  it('that waited is let go when it is too deep for a reorganisation', async () => {
    const { chain, deploy, pay, base, block, tokens } = setting('forged and deep');
    await withNode({ tokens }, async (node) => {
      await headersTo(node, chain, base);
      await node.offer(chain.beef(deploy));
      await node.offer(forged(chain, pay));
      await headersTo(node, chain, block);
      assert.equal(node.reader.tx(pay.txid)?.missingHeight, block.height);
      await headersTo(node, chain, chain.mineEmpty(100));
      assert.deepEqual(waitingTxids(node), [pay.txid]);
      assert.equal(node.reader.tx(pay.txid)?.missingHeight, undefined);
      await node.offer(chain.beef(pay, { parents: 'none' }));
      assert.deepEqual(positionOf(node, pay), { height: block.height, index: 1 });
    });
  });

  it('two honest proofs of two branches, both before any header: the one whose branch wins counts', async () => {
    const { chain, deploy, pay, base, block, tokens } = setting('two branches');
    const other = chain.mineEmpty(1, chain.mine([], { on: base }));
    const later = chain.mine([pay], { on: other });
    const [left, right] = [block, later].map((tip) => chain.beef(pay, { parents: 'none', tip })) as [
      Buffer,
      Buffer,
    ];
    for (const order of [
      [left, right],
      [right, left],
    ]) {
      for (const first of [block, later]) {
        await withNode({ tokens }, async (node) => {
          await headersTo(node, chain, base);
          await node.offer(chain.beef(deploy));
          for (const beef of order) await node.offer(beef);
          await headersTo(node, chain, first);
          assert.deepEqual(positionOf(node, pay), { height: first.height, index: 1 });
          await headersTo(node, chain, later);
          assert.deepEqual(positionOf(node, pay), { height: later.height, index: 1 });
          await assertState(node, viewOfBeefs([chain.beef(deploy), ...order], chain.headers(later)));
        });
      }
    }
  });
});

describe('a good proof before the header of its block', () => {
  for (const height of ['another block of that height is known', 'none of that height is known']) {
    it(`counts as soon as its branch has the most work: ${height}`, async () => {
      const { chain, deploy, pay, base, tokens } = setting('proof first');
      const left = chain.mine([], { on: base });
      const right = chain.mine([pay], { on: base });
      const tip = chain.mineEmpty(1, right);
      const beefs = [chain.beef(deploy, { tip: base }), chain.beef(pay, { tip })];
      await withNode({ tokens }, async (node) => {
        await headersTo(node, chain, height.startsWith('another') ? left : base);
        const outcomes = [await node.offer(beefs[0]!), await node.offer(beefs[1]!)];
        assert.deepEqual(
          outcomes.map(({ status }) => status),
          ['admitted', 'pending'],
        );
        await headersTo(node, chain, left);
        assert.equal(positionOf(node, pay), undefined);
        await headersTo(node, chain, tip);
        assert.deepEqual(positionOf(node, pay), { height: right.height, index: 1 });
        await assertState(node, viewOfBeefs(beefs, chain.headers(tip)));
        assert.equal(node.reader.facts().pending, 0);
      });
    });
  }

  it('is kept where the transaction is mined in another block of that height', async () => {
    const { chain, deploy, pay, base, block: left, tokens } = setting('two homes');
    const right = chain.mine([chain.transfer({ from: [], to: [], tokenId: tokens[0]! }), pay], { on: base });
    const tip = chain.mineEmpty(1, right);
    const beefs = [
      chain.beef(deploy, { tip: base }),
      chain.beef(pay, { tip: left }),
      chain.beef(pay, { tip }),
    ];
    await withNode({ tokens }, async (node) => {
      await headersTo(node, chain, left);
      for (const beef of beefs) await node.offer(beef);
      assert.deepEqual(positionOf(node, pay), { height: left.height, index: 1 });
      await headersTo(node, chain, tip);
      assert.deepEqual(positionOf(node, pay), { height: right.height, index: 2 });
    });
  });

  it('of a coinbase, or of a transaction whose parents nobody has: it waits like one with an unknown header', async () => {
    const { chain, base, tokens } = setting('waits whole');
    const left = chain.mine([], { on: base });
    const outside = chain.outside([{ lock: p2pkh(chain.key('bob')), token: token.transfer(tokens[0]!, 1n) }]);
    const right = chain.mine([outside], { on: base });
    const tip = chain.mineEmpty(1, right);
    await withNode({ tokens }, async (node) => {
      await headersTo(node, chain, left);
      const outcome = await node.offer(chain.beef(outside, { tip, parents: 'none' }));
      assert.equal(outcome.status === 'pending' && outcome.waitingFor, 'header');
      await headersTo(node, chain, tip);
      assert.deepEqual(positionOf(node, outside), { height: right.height, index: 1 });
    });
  });
});

describe('heights below the first header', () => {
  it('a source that confirms two blocks with the same coin in both: it is spent once', async () => {
    const { chain, deploy, pay, block, tokens } = setting('lying source');
    const rival = chain.doubleSpend(pay);
    const other = chain.mine([rival], { on: block.parent! });
    const verifyRoot = () => Promise.resolve('confirmed' as const);
    const { height, hash } = block;
    const checkpoint = { height, hash, chainWork: 1000n, bits: 0x207fffff };
    const proofs = [chain.beef(pay, { parents: 'none' }), chain.beef(rival, { parents: 'none', tip: other })];
    for (const order of [proofs, proofs.toReversed()]) {
      await withNode({ tokens, checkpoint, verifyRoot }, async (node) => {
        await node.headers(chain.headerBytes({ tip: chain.mineEmpty(1, block), from: height + 1 }));
        for (const beef of [chain.beef(deploy), ...order]) await node.offer(beef);
        const standing = [pay, rival].filter((tx) => node.reader.tx(tx.txid)?.status === 'active');
        assert.equal(standing.length, 1);
        assert.equal(node.reader.token(tokens[0]!)?.supply.circulating, 100n);
      });
    }
  });

  it('are all, where there are no headers yet: nothing is confirmed, and all waits', async () => {
    const { chain, deploy, pay, block, tokens } = setting('no headers');
    await withNode({ tokens }, async (first, use) => {
      const fed = [deploy, pay].map((tx) => chain.beef(tx, { parents: 'none' }));
      for (const beef of fed) assert.equal((await first.offer(beef)).status, 'pending');
      const node = use(await first.restart());
      await headersTo(node, chain, block);
      await assertState(node, viewOfBeefs(fed, chain.headers()));
      assert.equal(node.reader.facts().pending, 0);
    });
  });

  it('are asked of the source: yes, no, and no answer yet', async () => {
    const { chain, deploy, pay, block, tokens } = setting('below');
    const answers = new Map<string, 'confirmed' | 'invalid'>();
    const { height, hash } = chain.blocks.branch(block).at(-1)!;
    const verifyRoot = (_: number, root: string) =>
      Promise.resolve(answers.get(root) ?? ('unknown' as const));
    const checkpoint = { height, hash, chainWork: 1000n, bits: 0x207fffff };
    await withNode({ tokens, checkpoint, verifyRoot }, async (node) => {
      const tip = chain.mineEmpty(102, block);
      await node.headers(chain.headerBytes({ tip, from: height + 1 }));
      answers.set(chain.blockAt(2).header.merkleRoot, 'confirmed');
      const beefs = [chain.beef(deploy), chain.beef(pay, { parents: 'none' })];
      assert.equal((await node.offer(beefs[0]!)).status, 'admitted');
      assert.equal((await node.offer(beefs[1]!)).status, 'pending');
      assert.equal((await node.offer(beefs[1]!)).status, 'pending');
      answers.set(block.header.merkleRoot, 'confirmed');
      await node.headers(chain.headerBytes({ tip: chain.mineEmpty(1), from: height + 1 }));
      await assertState(node, viewOfBeefs(beefs, chain.headers()));
      const other = forged(chain, pay);
      answers.set(readBeef(other).bumps[0]!.root, 'invalid');
      const outcome = await node.offer(other);
      assert.equal(outcome.status === 'rejected' && outcome.code, 'PROOF_ROOT_MISMATCH');
    });
  });
});

describe('scripts and values', () => {
  it('a wrong signature is refused, and poisons neither the transaction nor its child', async () => {
    const { chain, deploy, tokens, block } = setting('signature');
    const id = deploy.tokenId();
    const free = chain.deployMint(9n, { owner: chain.key('alice') });
    const tip = chain.mine([free]);
    const good = chain.transfer({ from: [free.coin(0)], to: [[chain.key('bob'), 9n]] });
    const raw = Buffer.from(good.raw);
    raw.writeUInt8(raw.readUInt8(60) ^ 1, 60);
    const spoiled = chain.adopt(raw);
    const carried = readBeef(chain.beef(good));
    const beef = encodeBeef({
      version: 1,
      bumps: [tip, chain.blockAt(1)].map((b) =>
        b.bump(b.txids.filter((t) => carried.txs.some((x) => x.txid === t))),
      ),
      entries: carried.txs.map((each) =>
        each.txid === good.txid
          ? { raw: spoiled.raw }
          : { raw: each.raw, bump: each.bump!.height === tip.height ? 0 : 1 },
      ),
    });
    const verifier = new DirectVerifier();
    await withNode({ tokens: [...tokens, free.tokenId()], verifier }, async (node) => {
      await headersTo(node, chain, tip);
      for (let i = 0; i < 2; i++) {
        const outcome = await node.offer(beef);
        assert.equal(outcome.status === 'rejected' && outcome.code, 'SCRIPT_FAILED');
      }
      assert.equal(node.reader.tx(spoiled.txid), undefined);
      assert.equal((await node.offer(chain.beef(good))).status, 'admitted');
      await node.offer(chain.beef(good));
      assert.equal(verifier.asked.get(good.txid), 1);
      const all = [chain.beef(free), chain.beef(good)];
      await assertState(node, viewOfBeefs(all, chain.headers()));
    });
    assert.ok(id !== free.tokenId() && block.height < tip.height);
  });

  it('more satoshis out than in, an output that is not there, an immature coinbase', async () => {
    const { chain, deploy, tokens, block } = setting('values');
    const id = deploy.tokenId();
    const rich = chain.build({
      inputs: [chain.purseCoin()],
      outputs: [{ lock: p2pkh(chain.key('bob')), token: token.transfer(id, 0n), satoshis: 20_000 }],
      funding: false,
    });
    const young = chain.build({
      inputs: [block.coinbase!.coin(0)],
      outputs: [{ lock: p2pkh(chain.key('bob')), token: token.transfer(id, 0n) }],
    });
    const absent = chain.build({
      inputs: [chain.purseCoin()],
      outputs: [{ lock: p2pkh(chain.key('bob')), token: token.transfer(id, 0n) }],
    });
    const raw = Buffer.from(absent.raw);
    raw.writeUInt32LE(77, 4 + 1 + 32);
    const nowhere = chain.adopt(raw);
    const purse = readBeef(chain.beef(absent)).txs[0]!;
    const entries = [{ raw: purse.raw, bump: 0 }, { raw: nowhere.raw }];
    const nowhereBeef = encodeBeef({ version: 1, bumps: [chain.blockAt(1).bump([purse.txid])], entries });
    await withNode({ tokens, coinbaseMatures: true }, async (node) => {
      await headersTo(node, chain, block);
      await node.offer(chain.beef(deploy));
      const codeOf = async (beef: Buffer) => {
        const outcome = await node.offer(beef);
        return outcome.status === 'rejected' ? outcome.code : outcome.status;
      };
      assert.equal(await codeOf(chain.beef(rich)), 'VALUES_NOT_CONSERVED');
      assert.equal(await codeOf(chain.beef(young)), 'COINBASE_IMMATURE');
      assert.equal(await codeOf(nowhereBeef), 'OUTPUT_ABSENT');
      await headersTo(node, chain, chain.mineEmpty(99));
      // 100 blocks with its own: valid now, but for moving tokens that it does not have.
      assert.equal(await codeOf(chain.beef(young)), 'TOKEN_INVALID');
      await node.audit();
    });
  });
});
