import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SILENT_LOG } from '../../../src/observe/log.ts';
import { AddressBook } from '../../../src/p2p/address-book.ts';
import { DhtPeers } from '../../../src/p2p/dht-peers.ts';
import type { DialTarget } from '../../../src/p2p/types.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const SELF = '12D3KooWAWb7LK9vdRXZSL4UiqcyjVqTWrLABB5wNpfqZAWFeM8e';
const PEER = '12D3KooWCaKWDF9A3bxuKCkABRqByASzXCRsFkNtR1yHWTqZQX5Y';
const TOKEN = `${'ab'.repeat(32)}_0`;

function setting(found: readonly DialTarget[], isPrivateNetwork = false) {
  const clock = new FakeClock();
  const book = new AddressBook({ clock, self: SELF });
  const provided: (readonly string[])[] = [];
  const asked: string[] = [];
  let followed = [TOKEN];
  const peers = new DhtPeers({
    discovery: {
      provide: (ids) => provided.push(ids),
      find: (id) => {
        asked.push(id);
        return Promise.resolve(found);
      },
      stop: () => undefined,
    },
    book,
    clock,
    random: () => 0.5,
    log: SILENT_LOG,
    followed: () => followed,
    privateAddresses: () => 'auto',
    isPrivateNetwork: () => isPrivateNetwork,
  });
  const follow = (ids: string[]): void => {
    followed = ids;
    peers.tokensChanged();
  };
  return { clock, book, peers, provided, asked, follow };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

test('followers that the DHT names are heard of, and looked for again', async () => {
  const at = setting([{ peerId: PEER, addresses: ['/ip4/1.2.3.4/tcp/9000', '/ip4/10.0.0.1/tcp/9000'] }]);
  at.peers.start();
  assert.deepEqual(at.provided, [[TOKEN]]);
  await at.clock.advance(10_000);
  await settle();
  assert.deepEqual(at.asked, [TOKEN]);
  // Nothing nearby, from somebody who may be anywhere.
  assert.deepEqual(at.book.candidate(PEER)?.addresses, ['/ip4/1.2.3.4/tcp/9000']);
  assert.equal(at.book.peers()[0]?.source, 'dht');
  assert.equal(at.book.peers()[0]?.state, 'heard');
  await at.clock.advance(10 * 60_000);
  await settle();
  assert.equal(at.asked.length, 2);
  await at.peers.stop();
  await at.clock.advance(60 * 60_000);
  await settle();
  assert.equal(at.asked.length, 2);
});

test('in a network of its own, private addresses are taken', async () => {
  const at = setting([{ peerId: PEER, addresses: ['/ip4/10.0.0.1/tcp/9000'] }], true);
  at.peers.start();
  await at.clock.advance(10_000);
  await settle();
  assert.deepEqual(at.book.candidate(PEER)?.addresses, ['/ip4/10.0.0.1/tcp/9000']);
  await at.peers.stop();
});

test('other tokens are provided at once; ourselves and peers without a usable address are not taken', async () => {
  const at = setting([
    { peerId: SELF, addresses: ['/ip4/1.2.3.4/tcp/9000'] },
    { peerId: PEER, addresses: ['/ip4/127.0.0.1/tcp/9000'] },
    { peerId: 'nonsense', addresses: ['/ip4/1.2.3.4/tcp/9000'] },
  ]);
  at.peers.start();
  at.follow([`${'cd'.repeat(32)}_1`]);
  assert.deepEqual(at.provided.at(-1), [`${'cd'.repeat(32)}_1`]);
  await at.clock.advance(10_000);
  await settle();
  assert.equal(at.book.size, 0);
  await at.peers.stop();
});
