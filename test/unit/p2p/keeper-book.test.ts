import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { peerIdOfKey } from '../../../protocols/peer-exchange/peer-id.ts';
import { AddressBook } from '../../../src/p2p/address-book.ts';
import type { BookFileEntry } from '../../../src/p2p/book-file.ts';
import { PeerKeeper } from '../../../src/p2p/keeper.ts';
import { FakeClock, seededRandom } from '../../support/fake-clock.ts';
import { FakeHost, largerId, OWN_ID } from '../../support/fake-host.ts';
import { LogLines } from '../../support/log-lines.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function entryOf(n: number, source?: 'heard' | 'proved', lastSeenMs?: number): BookFileEntry {
  const publicKey = createHash('sha256').update(`peer ${n}`).digest('base64');
  return { publicKey, addresses: [`/ip4/9.9.${n}.1/tcp/9000`], source, lastSeenMs };
}

function idOf(n: number): string {
  return peerIdOfKey(new Uint8Array(Buffer.from(entryOf(n).publicKey, 'base64')));
}

function rig(): { clock: FakeClock; host: FakeHost; book: AddressBook; keeper: PeerKeeper } {
  const clock = new FakeClock();
  const host = new FakeHost(clock);
  const book = new AddressBook({ clock, self: OWN_ID });
  const keeper = new PeerKeeper(
    { maxPeers: 300, connectionTimeoutMs: 10_000 },
    { host, book, mayDial: () => true, clock, random: seededRandom(3), log: new LogLines() },
  );
  book.start();
  return { clock, host, book, keeper };
}

describe('unreachable peers', () => {
  test('one that was only heard of goes after three dials, the proved after ten failures over a week, the operator stays', async () => {
    const { clock, host, book, keeper } = rig();
    book.load([entryOf(1, 'heard', clock.nowMs()), entryOf(2, 'proved', clock.nowMs())]);
    book.setOperator([entryOf(3)]);
    keeper.start();
    await clock.advance(2 * HOUR_MS);
    assert.equal(book.isKnown(idOf(1)), false);
    assert.equal(host.times(0, idOf(1)).length, 3);
    assert.equal(book.isKnown(idOf(2)), true);
    await clock.advance(7 * DAY_MS);
    assert.equal(book.isKnown(idOf(2)), false);
    assert.ok(host.times(0, idOf(2)).length > 10);
    const before = host.times(0, idOf(3)).length;
    await clock.advance(30 * DAY_MS);
    assert.equal(book.isKnown(idOf(3)), true);
    assert.ok(
      host.times(0, idOf(3)).length > before + 30 * 288,
      'tried for ever, each five minutes at least',
    );
    assert.equal(keeper.view(idOf(1)), undefined, 'who is forgotten is forgotten everywhere');
    await keeper.stop();
    book.stop();
    assert.equal(clock.waiting, 0);
  });

  test('a week without network, or a clock that is set, costs no peer that was proved', async () => {
    const { clock, host, book, keeper } = rig();
    host.outcome = () => ({ kind: 'fail', code: 'UNREACHABLE' });
    book.load(Array.from({ length: 3 }, (_, n) => entryOf(n, 'proved', clock.nowMs())));
    keeper.start();
    await clock.advance(8 * DAY_MS);
    clock.step(400 * DAY_MS);
    await clock.advance(DAY_MS);
    assert.equal(book.size, 3);
    await keeper.stop();
    book.stop();
  });

  test('a dial that succeeds proves the peer, and a start looks there first', async () => {
    const { clock, host, book, keeper } = rig();
    host.outcome = () => ({ kind: 'ok' });
    book.load([entryOf(1, 'heard', clock.nowMs())]);
    keeper.start();
    await clock.advance(10_000);
    assert.deepEqual(book.counts(), { operator: 0, proved: 1, heard: 0, shareable: 0 });
    assert.deepEqual(book.anchors(), [idOf(1)]);
    await keeper.stop();
    book.stop();
  });
});

test('a peer that the operator adds, changes or deletes while running is dialled or left at once', async () => {
  const { clock, host, book, keeper } = rig();
  keeper.start();
  await clock.advance(10_000);
  assert.equal(host.dials.length, 0);
  host.connect(largerId(1));
  book.setOperator([entryOf(1)]);
  await clock.advance(3_000);
  assert.ok(host.times(0, idOf(1)).length > 0);
  book.setOperator([]);
  await clock.advance(1_000);
  const { length } = host.dials;
  await clock.advance(HOUR_MS);
  assert.equal(host.dials.length, length);
  await keeper.stop();
  book.stop();
});
