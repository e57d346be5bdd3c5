import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { readBeef } from '../../support/corpus/beef.ts';
import { decodeToken } from '../../support/corpus/decode.ts';
import { CorpusError } from '../../support/corpus/errors.ts';
import { readHeaders } from '../../support/corpus/headers.ts';
import { referenceState } from '../../support/corpus/reference.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { anyone, cosign, hashLock, type LockSpec, p2pkh, token } from '../../support/corpus/script.ts';
import { sharedPath } from '../../support/corpus/shared.ts';
import type { TestTx } from '../../support/corpus/testtx.ts';
import { viewOfBeefs } from '../../support/corpus/view.ts';
import { sdkVerifies } from './oracle.ts';

function txidsOf(beef: Buffer): string[] {
  return readBeef(beef).txs.map((tx) => tx.txid);
}

describe('TestChain', () => {
  it('is the same for the same seed', () => {
    const run = (seed: string): string => {
      const chain = new TestChain(seed);
      const deploy = chain.deployMint(5n, { owner: chain.key('a') });
      chain.mine([deploy]);
      return chain.beef(deploy).toString('hex') + chain.headerBytes().toString('hex');
    };
    assert.equal(run('one'), run('one'));
    assert.notEqual(run('one'), run('two'));
  });

  it('spends every lock with the envelope on every side, to the satisfaction of the SDK', async () => {
    const chain = new TestChain('locks');
    const [alice, bob] = [chain.key('alice'), chain.key('bob')];
    const { preimage, digest } = chain.secret();
    const locks: Record<string, LockSpec> = {
      p2pkh: p2pkh(alice),
      cosign: cosign(alice, bob),
      anyone: anyone(),
      hash: hashLock(preimage, digest),
    };
    for (const [name, lock] of Object.entries(locks)) {
      for (const placement of ['before', 'after', 'separator'] as const) {
        const deploy = chain.build({ outputs: [{ lock, token: token.deployMint(9n), placement }, { lock }] });
        chain.mine([deploy]);
        const id = deploy.tokenId();
        const spend = chain.build({
          inputs: [deploy.coin(0), deploy.coin(1)],
          outputs: [{ lock: p2pkh(bob, Buffer.from('memo')), token: token.transfer(id, 9n) }],
        });
        assert.equal(await sdkVerifies(chain.beef(spend), chain.headers()), true, `${name} ${placement}`);
        const decoded = decodeToken(deploy.tx.outputs[0]!.script, deploy.txid, 0)!;
        const known = { p2pkh: 'p2pkh', cosign: 'cosign' }[name] ?? 'other';
        assert.equal(decoded.lockType, known, `${name} ${placement}`);
        assert.equal(decoded.owner === alice.hash160.toString('hex'), known !== 'other');
        assert.equal(
          decodeToken(spend.tx.outputs[0]!.script, spend.txid, 0)!.owner,
          bob.hash160.toString('hex'),
        );
      }
    }
  });

  it('signs under every hash type', async () => {
    const chain = new TestChain('hash types');
    for (const hashType of [0x41, 0x42, 0x43, 0xc1, 0xc2, 0xc3]) {
      const outputs = [{ lock: anyone() }, { lock: anyone(), satoshis: 3 }];
      const inputs = [chain.purseCoin(), chain.purseCoin(), chain.purseCoin()];
      const tx = chain.build({ inputs, outputs, funding: false, hashType, lockTime: 3, sequence: 12 });
      assert.equal(await sdkVerifies(chain.beef(tx), chain.headers()), true, hashType.toString(16));
    }
  });

  it('makes all six operations and keeps values', () => {
    const chain = new TestChain('operations');
    const [alice, bob] = [chain.key('alice'), chain.key('bob')];
    const deploy = chain.deployAuth({ owner: alice, sym: 'GOLD', dec: '2' });
    const id = deploy.tokenId();
    const mint = chain.mint({
      from: [deploy.coin(0)],
      to: [
        [bob, 40n],
        [alice, 2n],
      ],
      heir: alice,
    });
    const auth = chain.auth({ from: [mint.coin(2)], to: [alice, bob], tokenId: id });
    const burn = chain.burn(15n, { from: [mint.coin(0)], to: [[bob, 25n]] });
    const chained = chain.transferChain(burn.coin(1), [alice, bob, alice]);
    const all = [deploy, mint, auth, burn, ...chained];
    chain.mine(all.slice(0, 3));
    const ops = all.map((tx) =>
      tx.tx.outputs.map((o, vout) => decodeToken(o.script, tx.txid, vout)?.op ?? '-').join(),
    );
    assert.deepEqual(ops, [
      'deploy+auth,-',
      'mint,mint,auth,-',
      'auth,auth,-',
      'burn,transfer,-',
      'transfer,-',
      'transfer,-',
      'transfer,-',
    ]);
    for (const tx of all) {
      const given = tx.spends.reduce((sum, coin) => sum + coin.tx.tx.outputs[coin.vout]!.satoshis, 0);
      assert.ok(given > tx.tx.outputs.reduce((sum, output) => sum + output.satoshis, 0));
    }
    const state = referenceState(chain.view(all)).tokens.get(id)!;
    assert.deepEqual(state.supply, { issued: 42n, burned: 15n, lost: 0n, circulating: 27n });
  });

  it('puts several tokens in one transaction', () => {
    const chain = new TestChain('many');
    const [alice, bob] = [chain.key('alice'), chain.key('bob')];
    const gold = chain.deployMint(10n, { owner: alice });
    const tin = chain.deployMint(20n, { owner: bob });
    const swap = chain.build({
      inputs: [gold.coin(0), tin.coin(0)],
      outputs: [
        { lock: p2pkh(bob), token: token.transfer(gold.tokenId(), 10n) },
        { lock: p2pkh(alice), token: token.transfer(tin.tokenId(), 20n), placement: 'after' },
        { lock: p2pkh(alice), token: token.deployMint(3n) },
        { lock: anyone(), satoshis: 7 },
      ],
    });
    const { tokens } = referenceState(chain.view([gold, tin, swap]));
    assert.equal(tokens.get(gold.tokenId())!.balances.get(bob.hash160.toString('hex'))!.unconfirmed, 10n);
    assert.equal(tokens.get(tin.tokenId())!.balances.get(alice.hash160.toString('hex'))!.unconfirmed, 20n);
    assert.equal(tokens.get(swap.tokenId(2))!.supply.issued, 3n);
  });

  it('forks, and moves the tip when a branch has more work', () => {
    const chain = new TestChain('forks');
    const pay = chain.deployMint(1n, { owner: chain.key('a') });
    const base = chain.tip;
    const left = chain.mine([pay]);
    const right = chain.mine([], { on: base });
    assert.equal(chain.tip, left);
    assert.deepEqual(chain.blocks.position(pay.txid), { height: 2, index: 1 });
    const longer = chain.makeActive(right);
    assert.deepEqual([chain.tip, longer.height], [longer, 3]);
    assert.equal(chain.blocks.position(pay.txid), undefined);
    assert.deepEqual(chain.blocks.position(pay.txid, left), { height: 2, index: 1 });
    assert.notEqual(left.coinbase!.txid, right.coinbase!.txid);
    chain.mine([pay]);
    assert.deepEqual(chain.blocks.position(pay.txid), { height: 4, index: 1 });
    assert.equal(readHeaders(chain.headerBytes()).length, 5);
    assert.equal(readHeaders(chain.headerBytes({ tip: left })).at(-1)!.hash, left.hash);
    assert.equal(chain.headerBytes({ from: 3 }).length, 160);
    assert.equal(chain.makeActive(chain.tip), chain.tip);
    assert.equal(chain.mineEmpty(120).height, 124);
  });

  it('refuses what cannot be', () => {
    const chain = new TestChain('refusals', { purseCoins: 1 });
    const tx = chain.deployMint(1n, { owner: chain.key('a') });
    const code = (expected: string) => (error: unknown) =>
      error instanceof CorpusError && error.code === expected;
    assert.throws(() => chain.purseCoin(), code('PURSE_EMPTY'));
    assert.throws(() => tx.coin(9), code('NOT_FOUND'));
    assert.throws(() => tx.tokenId(1), code('NOT_FOUND'));
    assert.throws(() => chain.tip.bump([tx.txid]), code('NOT_MINED'));
    const adopted = chain.adopt(tx.raw);
    assert.equal(adopted.txid, tx.txid);
    const spend = { inputs: [adopted.coin(0)], outputs: [], funding: false };
    assert.throws(() => chain.build(spend), code('CANNOT_UNLOCK'));
  });

  const vectors = sharedPath('vectors', 'tx');
  it('mines transactions of another chain', { skip: vectors === undefined && 'no ../shared/vectors' }, () => {
    const chain = new TestChain('adopted');
    const [deploy, split] = ['bsv21-mnee-deploy', 'bsv21-mnee-mint-transfer'].map((name) => {
      const hex = readFileSync(sharedPath('vectors', 'tx', `${name}.hex`)!, 'utf8').trim();
      return chain.adopt(Buffer.from(hex, 'hex'));
    }) as [TestTx, TestTx];
    chain.mine([deploy]);
    chain.mine([split]);
    assert.deepEqual(split.parents, [deploy]);
    const beef = chain.beef(split, { parents: 'all' });
    const id = `${deploy.txid}_0`;
    const state = referenceState(viewOfBeefs([beef], chain.headers())).tokens.get(id)!;
    assert.equal(state.supply.circulating, 18446744073709500000n);
    assert.deepEqual(
      [...state.outputs.values()].filter((output) => output.verdict !== 'valid'),
      [],
    );
  });
});

describe('TestChain.beef', () => {
  const chain = new TestChain('beef');
  const owner = chain.key('a');
  const deploy = chain.deployMint(6n, { owner });
  const second = chain.deployMint(8n, { owner });
  const block = chain.mine([deploy, second]);
  const [one, two] = chain.transferChain(deploy.coin(0), [owner, owner]) as [TestTx, TestTx];
  const join = chain.build({ inputs: [two.coin(0), second.coin(0)], outputs: [{ lock: anyone() }] });
  const headers = chain.headers();

  it('carries unmined ancestors and the proven ones behind them', async () => {
    const beef = readBeef(chain.beef(join));
    const mined = beef.txs.filter((tx) => tx.bump !== undefined).map((tx) => tx.txid);
    assert.ok(mined.includes(deploy.txid) && mined.includes(second.txid));
    assert.equal(mined.length, beef.txs.length - 3);
    assert.equal(beef.txs.at(-1)!.txid, join.txid);
    assert.deepEqual(beef.bumps.map((bump) => bump.height).sort(), [1, 2]);
    assert.equal(await sdkVerifies(chain.beef(join), headers), true);
  });

  it('verifies in every form the SDK can read', async () => {
    for (const version of [1, 2] as const) {
      for (const compound of [true, false]) {
        for (const parents of ['needed', 'all'] as const) {
          const beef = chain.beef(join, { version, compound, parents });
          assert.equal(await sdkVerifies(beef, headers), true, `V${version} ${compound} ${parents}`);
        }
      }
    }
    const atomic = chain.beef(join, { atomic: true, version: 2 });
    assert.equal(readBeef(atomic).atomicTxid, join.txid);
    assert.equal(await sdkVerifies(atomic.subarray(36), headers, join.txid), true);
    const shuffled = chain.beef(join, { order: 'shuffled', shuffleSeed: 'x' });
    assert.equal(await sdkVerifies(shuffled, headers, join.txid), true);
  });

  it('has one BUMP a block, or one a transaction', () => {
    const compound = readBeef(chain.beef([deploy, second]));
    const single = readBeef(chain.beef([deploy, second], { compound: false }));
    assert.deepEqual([compound.bumps.length, single.bumps.length], [1, 2]);
    for (const { bumps, txs } of [compound, single]) {
      assert.ok(bumps.every((bump) => bump.root === block.header.merkleRoot));
      assert.deepEqual(
        txs.map((tx) => tx.bump!.places.get(tx.txid)),
        [1, 2],
      );
    }
  });

  it('orders, doubles, shortens and withholds as asked', () => {
    const inOrder = txidsOf(chain.beef(join));
    assert.deepEqual(txidsOf(chain.beef(join, { order: 'children-first' })), [...inOrder].reverse());
    const shuffled = txidsOf(chain.beef(join, { order: 'shuffled', shuffleSeed: 'other' }));
    assert.notDeepEqual(shuffled, inOrder);
    assert.deepEqual([...shuffled].sort(), [...inOrder].sort());
    assert.deepEqual(txidsOf(chain.beef(join, { duplicates: true })), [...inOrder, ...inOrder]);
    assert.deepEqual(txidsOf(chain.beef(join, { parents: 'none' })), [join.txid]);
    assert.deepEqual(txidsOf(chain.beef(deploy)), [deploy.txid]);
    assert.deepEqual(txidsOf(chain.beef(one, { extra: [second], parents: 'none' })), [second.txid, one.txid]);
    const bare = readBeef(chain.beef(join, { version: 2, txidOnly: [two] }));
    assert.deepEqual(bare.txidsOnly, [two.txid]);
    assert.equal(
      bare.txs.some((tx) => tx.txid === one.txid),
      false,
    );
    const unproven = readBeef(chain.beef(deploy, { proof: false }));
    assert.equal(unproven.txs.at(-1)!.txid, deploy.txid);
    assert.equal(unproven.txs.at(-1)!.bump, undefined);
    assert.equal(unproven.txs.length, 2);
    const held = readBeef(chain.beef(one, { withhold: [deploy] }));
    assert.equal(held.txs.find((tx) => tx.txid === deploy.txid)!.bump, undefined);
    assert.throws(() => chain.beef(join, { txidOnly: [two] }), CorpusError);
    assert.throws(() => chain.beef([join, deploy], { atomic: true }), CorpusError);
  });

  it('is read back to the view that it was made from', () => {
    const txs = [deploy, second, one, two, join];
    const beefs = [
      chain.beef(join, { order: 'shuffled' }),
      chain.beef(second),
      chain.beef(deploy, { duplicates: true }),
    ];
    const view = viewOfBeefs(beefs, headers);
    const read = referenceState(view).tokens.get(deploy.tokenId())!;
    const told = referenceState(chain.view(txs)).tokens.get(deploy.tokenId())!;
    assert.deepEqual(read.balances, told.balances);
    assert.deepEqual(read.supply, told.supply);
    const stale = viewOfBeefs([chain.beef(deploy)], headers.slice(0, 2));
    assert.equal(stale.txs[0]!.position, undefined);
  });
});
