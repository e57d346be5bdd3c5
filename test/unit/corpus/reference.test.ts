import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { readFrames } from '../../support/corpus/frames.ts';
import { readHeaders } from '../../support/corpus/headers.ts';
import { type Key, ownerOfAddress } from '../../support/corpus/keys.ts';
import { type ReferenceToken, referenceState } from '../../support/corpus/reference.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { p2pkh, token } from '../../support/corpus/script.ts';
import { sharedPath } from '../../support/corpus/shared.ts';
import type { TestTx } from '../../support/corpus/testtx.ts';
import { viewOfBeefs } from '../../support/corpus/view.ts';

function setUp(seed: string): { chain: TestChain; alice: Key; bob: Key } {
  const chain = new TestChain(seed);
  return { chain, alice: chain.key('alice'), bob: chain.key('bob') };
}

function stateOf(chain: TestChain, arrived: readonly TestTx[], id: string): ReferenceToken {
  const state = referenceState(chain.view(arrived)).tokens.get(id)!;
  const coins = state.coins.reduce((sum, coin) => sum + coin.amt, 0n);
  assert.equal(state.supply.circulating, coins, 'circulating = unspent coins (section 4)');
  return state;
}

function verdicts(state: ReferenceToken, tx: TestTx): string[] {
  return [...state.outputs.values()].filter((o) => o.txid === tx.txid).map((o) => o.verdict);
}

describe('reference model: admission', () => {
  it('A2, A5: all or nothing, and what an over-spend spent is lost', () => {
    const { chain, alice, bob } = setUp('overspend');
    const deploy = chain.deployMint(1500n, { owner: alice });
    const split = chain.transfer({
      from: [deploy.coin(0)],
      to: [
        [alice, 1000n],
        [alice, 500n],
      ],
    });
    const fits = chain.transfer({
      from: [split.coin(0)],
      to: [
        [bob, 600n],
        [alice, 300n],
      ],
    });
    const over = chain.transfer({
      from: [split.coin(1)],
      to: [
        [bob, 300n],
        [alice, 400n],
      ],
    });
    const state = stateOf(chain, [deploy, split, fits, over], deploy.tokenId());
    assert.deepEqual(verdicts(state, fits), ['valid', 'valid']);
    assert.deepEqual(verdicts(state, over), ['invalid', 'invalid']);
    assert.deepEqual(state.supply, { issued: 1500n, burned: 0n, lost: 600n, circulating: 900n });
  });

  it('A3, A4: an authority mints beside an over-spend, and funds no transfer', () => {
    const { chain, alice } = setUp('authority');
    const deploy = chain.deployAuth({ owner: alice });
    const id = deploy.tokenId();
    const both = chain.build({
      inputs: [deploy.coin(0)],
      outputs: [
        { lock: p2pkh(alice), token: token.mint(id, 2n ** 64n - 1n) },
        { lock: p2pkh(alice), token: token.mint(id, 2n ** 64n - 1n) },
        { lock: p2pkh(alice), token: token.transfer(id, 1n) },
      ],
    });
    const late = chain.mint({ from: [both.coin(0)], to: [[alice, 5n]] });
    const state = stateOf(chain, [deploy, both, late], id);
    assert.deepEqual(verdicts(state, both), ['valid', 'valid', 'invalid']);
    assert.deepEqual(verdicts(state, late), ['invalid']);
    assert.equal(state.supply.issued, 2n ** 65n - 2n);
    assert.equal(state.supply.lost, 2n ** 64n - 1n);
    assert.equal(state.authorities.length, 0);
  });

  it('A7, A8, section 12: burns give nothing back, a spend without outputs loses all, zeros need value', () => {
    const { chain, alice } = setUp('burns');
    const deploy = chain.deployMint(100n, { owner: alice });
    const id = deploy.tokenId();
    const burn = chain.burn(30n, { from: [deploy.coin(0)], to: [[chain.key('burnt'), 60n]] });
    const unburn = chain.transfer({ from: [burn.coin(0)], to: [[alice, 30n]] });
    const spent = chain.build({ inputs: [burn.coin(1)], outputs: [{ lock: p2pkh(alice) }] });
    const zero = chain.build({ outputs: [{ lock: p2pkh(alice), token: token.transfer(id, 0n) }] });
    const state = stateOf(chain, [deploy, burn, unburn, spent, zero], id);
    assert.deepEqual(verdicts(state, burn), ['valid', 'valid']);
    assert.deepEqual(verdicts(state, unburn), ['invalid']);
    assert.deepEqual(verdicts(state, zero), ['invalid']);
    assert.deepEqual(state.supply, { issued: 100n, burned: 30n, lost: 70n, circulating: 0n });
  });

  it('L1, T2: pending names what it waits for, value that suffices does not wait, another token never does', () => {
    const { chain, alice, bob } = setUp('pending');
    const deploy = chain.deployMint(10n, { owner: alice });
    const other = chain.deployMint(10n, { owner: alice });
    const id = deploy.tokenId();
    const far = chain.transfer({ from: [other.coin(0)], to: [[alice, 10n]] });
    const swap = chain.build({
      inputs: [deploy.coin(0), far.coin(0)],
      outputs: [
        { lock: p2pkh(bob), token: token.transfer(id, 10n) },
        { lock: p2pkh(bob), token: token.transfer(other.tokenId(), 10n) },
      ],
    });
    chain.mine([deploy, other, far, swap]);
    const { tokens } = referenceState(chain.view([swap, deploy], { purse: false }));
    assert.deepEqual(verdicts(tokens.get(id)!, swap), ['valid']);
    assert.deepEqual(verdicts(tokens.get(other.tokenId())!, swap), ['pending']);
    // The funding of the swap could bring value too, as far as anybody knows who has not seen it.
    const funding = swap.spends.slice(2).map((coin) => coin.tx.outpoint(coin.vout));
    assert.deepEqual(
      [...tokens.get(other.tokenId())!.undecided],
      [[swap.txid, [far.outpoint(0), ...funding]]],
    );
    assert.equal(tokens.get(id)!.undecided.size, 0);
    const all = referenceState(chain.view([swap, deploy, far, other])).tokens;
    assert.deepEqual(verdicts(all.get(other.tokenId())!, swap), ['valid']);
  });

  it('lists what each transaction did to an owner, mined ones in block order', () => {
    const { chain, alice, bob } = setUp('history');
    const deploy = chain.deployMint(10n, { owner: alice });
    const pay = chain.transfer({
      from: [deploy.coin(0)],
      to: [
        [bob, 4n],
        [alice, 6n],
      ],
    });
    const back = chain.transfer({ from: [pay.coin(0)], to: [[alice, 4n]] });
    chain.mine([deploy]);
    chain.mine([pay]);
    const state = stateOf(chain, [back, pay, deploy], deploy.tokenId());
    const rows = state.history.get(alice.hash160.toString('hex'))!;
    assert.deepEqual(
      rows.map((row) => [row.txid, row.position?.height, row.received, row.sent]),
      [
        [deploy.txid, 2, 10n, 0n],
        [pay.txid, 3, 6n, 10n],
        [back.txid, undefined, 4n, 0n],
      ],
    );
    assert.deepEqual(rows[1]!.spent, [deploy.outpoint(0)]);
    const balance = state.balances.get(alice.hash160.toString('hex'))!;
    assert.deepEqual([balance.confirmed, balance.unconfirmed, balance.coins], [6n, 4n, 2]);
    assert.deepEqual([...balance.byLock.keys()], ['p2pkh']);
  });
});

describe('reference model: conflicts and forks', () => {
  it('C2: the first seen of two unmined stands, with the children of the other out', () => {
    const { chain, alice, bob } = setUp('first seen');
    const deploy = chain.deployMint(10n, { owner: alice });
    const id = deploy.tokenId();
    const pay = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 10n]] });
    const rival = chain.doubleSpend(pay, { to: alice });
    const child = chain.transfer({ from: [rival.coin(0)], to: [[bob, 10n]] });
    chain.mine([deploy]);
    const view = (order: readonly TestTx[]) => referenceState(chain.view(order));
    const first = view([deploy, pay, rival, child]);
    assert.deepEqual(
      [...first.set.inactive],
      [
        [rival.txid, 'conflicted'],
        [child.txid, 'conflicted'],
      ],
    );
    assert.deepEqual([...view([child, rival, pay, deploy]).set.inactive], [[pay.txid, 'conflicted']]);
    assert.equal(first.tokens.get(id)!.outputs.has(rival.outpoint(0)), false);
  });

  it('a child that came before its parent is seen when the parent comes', () => {
    const { chain, alice, bob } = setUp('late parent');
    const deploy = chain.deployMint(10n, { owner: alice });
    const shared = chain.purseCoin();
    const parent = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 10n]] });
    const child = chain.build({ inputs: [parent.coin(0), shared], outputs: [{ lock: p2pkh(bob) }] });
    const rival = chain.build({ inputs: [shared], outputs: [{ lock: p2pkh(alice) }] });
    chain.mine([deploy]);
    const losers = (order: readonly TestTx[]) => [...referenceState(chain.view(order)).set.inactive.keys()];
    assert.deepEqual(losers([deploy, child, rival, parent]), [child.txid]);
    assert.deepEqual(losers([deploy, child, parent, rival]), [rival.txid]);
    const without = referenceState(chain.view([deploy, child, rival])).set;
    assert.deepEqual([...without.inactive], [[child.txid, 'waiting']]);
  });

  it('C3: mined beats unmined, also through a mined child, over funding too', () => {
    const { chain, alice, bob } = setUp('mined wins');
    const deploy = chain.deployMint(10n, { owner: alice });
    const pay = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 10n]] });
    const rival = chain.doubleSpend(pay, { coins: pay.spends.slice(1), to: alice });
    const child = chain.build({ inputs: [rival.coin(0)], outputs: [{ lock: p2pkh(bob) }] });
    chain.mine([deploy, rival]);
    assert.deepEqual([...inactiveIn(chain, [deploy, pay, rival, child])], [pay.txid]);
    const left = chain.tip;
    chain.makeActive(left.parent!);
    assert.deepEqual([...inactiveIn(chain, [deploy, pay, rival, child])], [rival.txid, child.txid]);
    chain.mine([deploy, rival, child]);
    const proofOfChildOnly = chain.view([deploy, pay, rival, child], { unproven: [rival] });
    assert.deepEqual([...referenceState(proofOfChildOnly).set.inactive.keys()], [pay.txid]);
  });

  it('G1, G3: an undone block leaves its transactions unmined and its coinbase with all that follows out', () => {
    const { chain, alice } = setUp('undone');
    const base = chain.tip;
    const block = chain.mine([]);
    const deploy = chain.build({
      inputs: [block.coinbase!.coin(0)],
      outputs: [{ lock: p2pkh(alice), token: token.deployMint(4n) }],
    });
    const plain = chain.deployMint(5n, { owner: alice });
    chain.mine([plain, deploy]);
    const all = [block.coinbase!, deploy, plain];
    assert.equal(stateOf(chain, all, plain.tokenId()).coins[0]!.position!.height, 3);
    chain.makeActive(chain.mine([], { on: base }));
    const state = referenceState(chain.view(all));
    assert.deepEqual([...state.set.inactive.values()], ['orphaned', 'orphaned']);
    assert.equal(state.tokens.get(plain.tokenId())!.coins[0]!.position, undefined);
    assert.equal(state.tokens.has(deploy.tokenId()), false);
  });

  it('ends the same for every order of arrival when nothing conflicts', () => {
    const { chain, alice, bob } = setUp('orders');
    const deploy = chain.deployMint(10n, { owner: alice });
    const left = chain.transfer({
      from: [deploy.coin(0)],
      to: [
        [alice, 4n],
        [bob, 6n],
      ],
    });
    const right = chain.transfer({ from: [left.coin(1)], to: [[alice, 6n]] });
    const top = chain.transfer({ from: [left.coin(0), right.coin(0)], to: [[bob, 10n]] });
    const txs = [deploy, left, right, top];
    const inOrder = stateOf(chain, txs, deploy.tokenId());
    for (let i = 0; i < 24; i++) {
      const state = stateOf(chain, chain.prng.shuffle([...txs, ...txs]), deploy.tokenId());
      assert.deepEqual(state.balances, inOrder.balances);
      assert.deepEqual(state.supply, inOrder.supply);
    }
  });
});

describe('reference model: shared corpus', () => {
  const folder = sharedPath('corpus');
  it('reproduces facts.json', { skip: folder === undefined && 'no ../shared/corpus' }, () => {
    const read = (name: string): Buffer => readFileSync(sharedPath('corpus', name)!);
    const facts = JSON.parse(read('facts.json').toString());
    const frames = ['history.bin', 'transfers.bin'].flatMap((name) => [...readFrames(read(name))]);
    const state = referenceState(viewOfBeefs(frames, readHeaders(read('headers.bin'))));
    assert.equal(frames.length, facts.history + facts.transfers);
    const found = state.tokens.get(facts.tokenId)!;
    assert.deepEqual([...state.tokens.keys()], [facts.tokenId]);
    assert.equal(found.supply.circulating.toString(), facts.supply);
    // The facts count what the transfers, all unmined, paid. The mined coins of 1000 that no transfer spends are left out of them.
    const paid = [...found.balances].map(
      ([owner, balance]) => [owner, balance.unconfirmed.toString()] as const,
    );
    const stated = Object.entries<string>(facts.balances).map(([address, sum]) => [
      ownerOfAddress(address),
      sum,
    ]);
    assert.deepEqual(Object.fromEntries(paid.filter(([, sum]) => sum !== '0')), Object.fromEntries(stated));
    const mined = found.coins.filter((coin) => coin.position !== undefined);
    assert.deepEqual([mined.length, new Set(mined.map((coin) => coin.amt))], [29, new Set([1000n])]);
  });
});

function inactiveIn(chain: TestChain, order: readonly TestTx[]): string[] {
  return [...referenceState(chain.view(order)).set.inactive.keys()];
}
