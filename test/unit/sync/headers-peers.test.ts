import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeadersError } from '../../../protocols/headers/errors.ts';
import { kindOf } from '../../../src/sync/headers-faults.ts';
import { HeaderPeers } from '../../../src/sync/headers-peers.ts';
import { hashOf, mineChain, nth, openRegtest } from '../../support/chain.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { regtestWork, statusOf, tipOf } from '../../support/headers-net.ts';

async function peersOf() {
  const clock = new FakeClock();
  const { chain } = await openRegtest();
  const trunk = mineChain(10);
  await chain.add(trunk);
  const peers = new HeaderPeers({ network: 'regtest', chain, clock, random: () => 0.5 });
  return { clock, chain, trunk, peers };
}

test('waits grow with failures in a row, outlive a connection, end with a success, and are bounded', async () => {
  const { clock, peers } = await peersOf();
  const waits: number[] = [];
  for (let i = 0; i < 9; i++) {
    peers.failed('p', 'fault');
    waits.push(peers.waitMs('p'));
  }
  assert.deepEqual(waits.slice(0, 3), [30_000, 60_000, 120_000]);
  assert.equal(waits.at(-1), 3_600_000);
  peers.join('p');
  peers.leave('p');
  await clock.advance(3_599_999);
  assert.equal(peers.waitMs('p'), 1);
  peers.succeeded('p');
  assert.deepEqual([peers.waitMs('p'), peers.failures('p')], [0, 0]);
  peers.failed('first', 'passing');
  assert.equal(peers.waitMs('first'), 1_000);
  for (let i = 0; i < 1_024; i++) peers.failed(`other ${i}`, 'own');
  assert.equal(peers.waitMs('first'), 0);
});

test('after a silence, which may be of the line, a peer is asked again soon; after a fault it is not', async () => {
  const { peers } = await peersOf();
  const waitAfter = (peerId: string, code: ConstructorParameters<typeof HeadersError>[0]): number => {
    peers.failed(peerId, kindOf(new HeadersError(code, 'as a test says')));
    return peers.waitMs(peerId);
  };
  assert.equal(waitAfter('silent', 'SILENT'), 1_000);
  assert.equal(waitAfter('silent', 'SILENT'), 2_000);
  assert.equal(waitAfter('false', 'CLAIM_FALSE'), 30_000);
});

test('who is ahead, who is to be told, and the best height: claims of the right network and of known blocks', async () => {
  const { chain, trunk, peers } = await peersOf();
  const ahead = statusOf(tipOf(mineChain(20), regtestWork(20)));
  const says = (peerId: string, status = ahead) => {
    const view = peers.join(peerId);
    peers.heard(peerId, status);
    return view;
  };
  assert.equal(peers.bestHeight(), undefined);
  const same = says('same', statusOf(tipOf(trunk, regtestWork(10))));
  // A known block has the height that it has here, whatever is said.
  assert.equal(peers.bestHeight(), 10);
  says('same', statusOf(tipOf(trunk, regtestWork(10), 4_000)));
  assert.equal(peers.bestHeight(), 10);
  const low = says('low', statusOf(tipOf(trunk.subarray(0, 80 * 3), regtestWork(3))));
  const foreign = says('foreign', { ...ahead, network: 'main' });
  const unheard = peers.join('unheard');
  assert.deepEqual(
    [same, low, foreign, unheard].map((view) => peers.isAhead(view)),
    [false, false, false, false],
  );
  assert.deepEqual(
    [same, low, foreign, unheard].map((view) => peers.isToBeTold(view)),
    [false, true, false, true],
  );
  peers.told('low', statusOf(tipOf(trunk, regtestWork(10))));
  assert.equal(low.told, hashOf(nth(trunk, -1)));
  assert.equal(peers.isToBeTold(low), false);
  assert.equal(peers.bestHeight(), 10);
  const view = says('ahead');
  assert.equal(peers.isAhead(view), true);
  assert.equal(peers.bestHeight(), 20);
  peers.failed('ahead', 'fault');
  assert.equal(peers.bestHeight(), 10);
  // Known side blocks with as much work as is claimed are nothing to take.
  const fork = mineChain(5, { on: nth(trunk, 3) });
  await chain.add(fork);
  assert.equal(peers.isAhead(says('side', statusOf(tipOf(fork, 10n ** 6n, 9)))), false);
  // Who left says nothing any more.
  peers.leave('low');
  peers.heard('low', ahead);
  peers.heardTip('low', ahead.tip);
  assert.equal(peers.get('low'), undefined);
});
