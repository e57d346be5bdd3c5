import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_OPEN_WAIT_MS, WANTED_AT_ONCE } from '../../../src/sync/client-limits.ts';
import { p2pkh, token } from '../../support/corpus/script.ts';
import { type SyncNet, type SyncPeer, withNet } from '../../support/sync-net.ts';
import { areEqual, peerWith } from '../../support/sync-peers.ts';
import { TokenChain } from '../../support/token-history.ts';

/** A history with one that spends more than it has, as far as its token inputs show: another input might have the rest. */
function overspent(seed: string): TokenChain {
  const at = new TokenChain(seed);
  at.blocks(2, 3);
  const [last] = at.transfers(1);
  at.block([last!]);
  const lock = p2pkh(at.chain.key('dave'));
  const outputs = [{ lock, token: token.transfer(at.tokenId, 5_000n) }];
  at.block([at.chain.build({ inputs: [last!.coin(0)], outputs })]);
  return at;
}

/** It has every proof, and none of the transactions that the fees were paid from. */
function withoutFunding(net: SyncNet, id: string, at: TokenChain): Promise<SyncPeer> {
  return peerWith(net, id, at, at.txs, at.chain.purse);
}

const undecided = (peer: SyncPeer, at: TokenChain): number | undefined =>
  peer.node.node.reader.token(at.tokenId)?.undecided;

test('what is here and undecided is asked for again, though commitments agree', () =>
  withNet(async (net) => {
    const at = overspent('open');
    const full = await peerWith(net, 'full', at);
    await full.node.node.offerAll(at.txs.map((tx) => at.chain.beef(tx, { parents: 'all' })));
    const late = await withoutFunding(net, 'late', at);
    assert.ok(await areEqual(at, full, late));
    assert.deepEqual([undecided(full, at), undecided(late, at)], [0, 1]);
    net.connect(full, late);
    await net.until('it is decided', () => undecided(late, at) === 0, 5_000);
    await late.node.node.audit();
  }));

test('where nobody can decide it, ever more rarely', () =>
  withNet(async (net) => {
    const at = overspent('nobody knows');
    const [a, b] = [await withoutFunding(net, 'a', at), await withoutFunding(net, 'b', at)];
    net.connect(a, b);
    const asked = (): number => a.traces.filter((line) => line.includes('open verdicts')).length;
    await net.pass(30_000);
    const early = asked();
    assert.ok(early >= 3 && early <= 5, `${early} times in 30 s`);
    await net.pass(30_000);
    assert.ok(asked() <= early + 1);
    assert.equal(undecided(a, at), 1);
    assert.deepEqual([a.judge.codes, b.judge.codes], [[], []]);
    assert.ok(MAX_OPEN_WAIT_MS >= 600_000);
  }));

test('many that nobody can decide do not keep one from being decided', () =>
  withNet(async (net) => {
    const at = new TokenChain('crowd', { leaves: 90 });
    const lock = p2pkh(at.chain.key('dave'));
    const many = WANTED_AT_ONCE + 20;
    for (let i = 0; i < many; i++) {
      const [tx] = at.transfers(1);
      const outputs = [{ lock, token: token.transfer(at.tokenId, 5_000n) }];
      at.block([tx!]);
      at.block([at.chain.build({ inputs: [tx!.coin(0)], outputs })]);
    }
    const [full, late] = [await withoutFunding(net, 'full', at), await withoutFunding(net, 'late', at)];
    assert.equal(undecided(late, at), many);
    await full.node.node.offerAll([at.chain.beef(at.txs.at(-1)!, { parents: 'all' })]);
    const left = undecided(full, at)!;
    assert.ok(left >= WANTED_AT_ONCE && left < many, `${left} are left`);
    net.connect(full, late);
    await net.until('the last one is decided, too', () => undecided(late, at) === left, 60_000);
  }));
