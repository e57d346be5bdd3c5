import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseAddress } from '../../../protocols/peer-exchange/address.ts';
import { contentHash, DigestSum } from '../../../protocols/peer-exchange/digest.ts';
import { peerIdOfKey } from '../../../protocols/peer-exchange/peer-id.ts';
import type { CheckedRecord } from '../../../protocols/peer-exchange/record.ts';
import { AddressBook } from '../../../src/p2p/address-book.ts';
import { MAX_FORGOTTEN } from '../../../src/p2p/book-limits.ts';
import { Forgotten } from '../../../src/p2p/forgotten.ts';
import { SimClock } from '../../support/exchange-clock.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function keyOf(number: number): Uint8Array {
  const key = Buffer.alloc(32, 7);
  key.writeUInt32LE(number);
  return new Uint8Array(key);
}

const idOf = (number: number) => peerIdOfKey(keyOf(number));
const base64Of = (number: number) => Buffer.from(keyOf(number)).toString('base64');
/** A public address of its own /24. */
const placeOf = (number: number) =>
  `/ip4/${30 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}.1/tcp/9000`;
const SELF = idOf(0xffff_fff0);

interface Told {
  readonly seq?: bigint;
  readonly addresses?: readonly string[];
  readonly seenS?: number;
  readonly isUnsigned?: boolean;
}

function recordOf(number: number, told: Told = {}): CheckedRecord {
  const { seq = 1n, addresses = [placeOf(number)], seenS, isUnsigned = false } = told;
  const publicKey = keyOf(number);
  const parsed = addresses.map((text) => {
    const address = parseAddress(text);
    assert.ok(typeof address !== 'string', text);
    return address;
  });
  const content = contentHash(
    publicKey,
    addresses.map((text) => Buffer.from(text)),
  );
  // What stands for an envelope carries its own content, for the digest to be checked by.
  const signed = { envelope: Buffer.from(content), seq, content };
  return {
    peerId: peerIdOfKey(publicKey),
    publicKey,
    addresses: parsed,
    seenS,
    ...(isUnsigned ? {} : { signed }),
  };
}

function made(): {
  clock: SimClock;
  book: AddressBook;
  tell: (number: number, told?: Told & { from?: string }) => string;
} {
  const clock = new SimClock();
  const book = new AddressBook({ clock, self: SELF });
  const tell = (number: number, told: Told & { from?: string } = {}) =>
    book.take(recordOf(number, told), { source: told.from ?? 'teller', isPublic: true });
  return { clock, book, tell };
}

const file = (number: number, more: object = {}) => ({
  publicKey: base64Of(number),
  addresses: [placeOf(number)],
  ...more,
});

test('our own key is never stored, from wherever it comes', () => {
  const { book, tell } = made();
  assert.equal(tell(0xffff_fff0), 'self');
  book.setOperator([file(0xffff_fff0), file(1)]);
  assert.equal(book.load([file(0xffff_fff0), file(2)]), 1);
  assert.deepEqual(
    book.peers().map(({ peerId }) => peerId),
    [idOf(1), idOf(2)],
  );
});

test('duplicates are one peer: keys merged, addresses once, permutations and spellings known', () => {
  const { book, tell } = made();
  const spelled = ['/ip6/2a00:0:0::1/tcp/1', '/ip6/2A00::1/tcp/1', '/ip4/8.8.8.8/tcp/1'];
  book.setOperator([
    { publicKey: base64Of(1), addresses: spelled },
    { publicKey: base64Of(1), addresses: ['/ip4/8.8.8.8/tcp/1', '/ip4/9.9.9.9/tcp/1'] },
  ]);
  const expected = ['/ip6/2a00::1/tcp/1', '/ip4/8.8.8.8/tcp/1', '/ip4/9.9.9.9/tcp/1'];
  assert.deepEqual(book.candidate(idOf(1))?.addresses, expected);
  assert.equal(tell(1, { addresses: expected.toReversed() }), 'refreshed');
  assert.deepEqual(book.candidate(idOf(1))?.addresses, expected);
  assert.equal(tell(1, { addresses: expected.toReversed() }), 'known');
  assert.equal(book.size, 1);
});

test('entries of the file that are none are left out: key length, base64 that is not canonical, addresses', () => {
  const { book } = made();
  const key = base64Of(1);
  book.setOperator([
    { publicKey: key.slice(0, -4), addresses: [placeOf(1)] },
    { publicKey: `${key.slice(0, 5)} ${key.slice(5)}`, addresses: [placeOf(1)] },
    { publicKey: base64Of(2), addresses: ['/ip4/1.1.1.1/tcp/0', 'x'] },
  ]);
  assert.deepEqual(
    book.peers().map(({ peerId, addresses }) => [peerId, addresses]),
    [[idOf(2), []]],
  );
});

test('heard becomes proved by a dial; a newer signature replaces, an older one does not', () => {
  const { book, tell } = made();
  assert.equal(tell(1, { seq: 5n }), 'new');
  assert.equal(book.peers()[0]?.state, 'heard');
  book.dialSucceeded(idOf(1));
  assert.equal(book.peers()[0]?.state, 'proved');
  assert.equal(tell(1, { seq: 4n, addresses: [placeOf(2)] }), 'stale');
  assert.equal(tell(1, { seq: 6n }), 'refreshed');
  assert.equal(tell(1, { seq: 4n }), 'known', 'older, but it says the same');
  assert.equal(tell(1, { seq: 7n, addresses: [placeOf(2)] }), 'changed');
  assert.deepEqual(book.candidate(idOf(1)), {
    peerId: idOf(1),
    addresses: [placeOf(2)],
    origin: 'learned',
    isProved: true,
    lastProvedMs: Date.UTC(2026, 10, 20),
    publicOnly: true,
    source: 'teller',
    seenMs: 0,
  });
  assert.equal(book.shared(idOf(1))?.seq, 7n);
});

test('of itself a peer is believed without a signature, until it has given one', () => {
  const { book, tell } = made();
  const from = idOf(1);
  assert.equal(tell(1, { from, isUnsigned: true }), 'new');
  assert.equal(book.shareableCount, 0);
  assert.equal(tell(1, { from, isUnsigned: true, addresses: [placeOf(2)] }), 'changed');
  assert.equal(tell(1, { from, isUnsigned: true, addresses: [placeOf(2)] }), 'known');
  assert.equal(tell(1, { from, seq: 9n, addresses: [placeOf(3)] }), 'changed');
  assert.equal(tell(1, { from, isUnsigned: true, addresses: [placeOf(4)] }), 'known');
  assert.deepEqual(book.candidate(idOf(1))?.addresses, [placeOf(3)]);
  // Its clock was put right: dialled where it says, shared as it signed.
  assert.equal(tell(1, { from, seq: 8n, addresses: [placeOf(5)] }), 'stale');
  assert.deepEqual(book.candidate(idOf(1))?.addresses, [placeOf(5)]);
  assert.equal(book.shared(idOf(1))?.seq, 9n);
});

test('one source fills at most a quarter of the book', () => {
  const { book, tell } = made();
  for (let i = 0; i < 600; i++) tell(i);
  assert.equal(book.size, 512);
  assert.equal(tell(700), 'source_full');
  assert.equal(tell(700, { from: 'other' }), 'new');
  // Who was reached no longer counts.
  book.dialSucceeded(idOf(3));
  assert.equal(tell(701), 'new');
  assert.equal(tell(702), 'source_full');
});

test('at most 10 unproved peers of a public /24 or /48, unless the operator listed them', () => {
  const { book, tell } = made();
  const near = (i: number) => [`/ip4/44.4.4.${i + 1}/tcp/1`];
  for (let i = 0; i < 10; i++) assert.equal(tell(i, { addresses: near(i) }), 'new');
  assert.equal(tell(10, { addresses: near(10) }), 'subnet_full');
  // Only the address there is left out, not the peer.
  assert.equal(tell(11, { addresses: [...near(11), placeOf(11)] }), 'new');
  assert.deepEqual(book.candidate(idOf(11))?.addresses, [placeOf(11)]);
  book.setOperator([{ publicKey: base64Of(5), addresses: near(5) }]);
  assert.equal(tell(12, { addresses: near(12) }), 'new');
  for (let i = 100; i < 120; i++) tell(i, { addresses: [`/ip6/2a00:1:2:${i}::1/tcp/1`] });
  for (let i = 200; i < 220; i++) tell(i, { addresses: [`/ip4/127.0.0.1/tcp/${i}`] });
  const count = (from: number, to: number) => {
    const ids = new Set(Array.from({ length: to - from }, (_, i) => idOf(from + i)));
    return book.peers().filter(({ peerId }) => ids.has(peerId)).length;
  };
  assert.equal(count(100, 120), 10);
  assert.equal(count(200, 220), 20);
});

test('a full book makes room among the unproved of the largest source; operator, proved and connected peers stay', () => {
  const { book, tell } = made();
  book.setOperator([file(90_000)]);
  for (let i = 0; i < 2_048; i++) assert.equal(tell(i, { from: `source ${i % 5}` }), 'new');
  for (let i = 0; i < 1_000; i++) book.dialSucceeded(idOf(i));
  book.present(idOf(1_000));
  for (let i = 3_000; i < 4_200; i++) tell(i, { from: `late ${i % 7}` });
  assert.equal(book.size, 2_049);
  const known = new Set(book.peers().map(({ peerId }) => peerId));
  for (let i = 0; i <= 1_000; i++) assert.ok(known.has(idOf(i)), `${i}`);
  assert.ok(known.has(idOf(90_000)));
  assert.deepEqual(book.counts(), { operator: 1, proved: 1_000, heard: 1_049, shareable: 2_048 });
  for (const { peerId, isOperator } of book.peers()) if (!isOperator) book.dialSucceeded(peerId);
  assert.equal(tell(9_000, { from: 'last' }), 'book_full');
});

test('heard peers expire after 3 failures or 24 h, proved ones after 10 over 7 days or 30 days unseen, the operator never', async () => {
  const { clock, book, tell } = made();
  book.setOperator([file(9)]);
  tell(1);
  tell(2);
  tell(3);
  tell(4);
  for (const number of [3, 4]) book.dialSucceeded(idOf(number));
  for (let i = 0; i < 50; i++) book.dialFailed(idOf(9));
  book.dialFailed(idOf(1));
  book.dialFailed(idOf(1));
  assert.ok(book.isKnown(idOf(1)));
  book.dialFailed(idOf(1));
  assert.equal(book.isKnown(idOf(1)), false);
  for (let i = 0; i < 12; i++) book.dialFailed(idOf(3));
  await clock.advance(DAY_MS - 1);
  assert.equal(book.sweep(), 0);
  await clock.advance(1);
  assert.equal(book.sweep(), 1);
  assert.equal(book.isKnown(idOf(2)), false);
  assert.ok(book.isKnown(idOf(3)));
  await clock.advance(6 * DAY_MS);
  assert.equal(book.sweep(), 1);
  assert.equal(book.isKnown(idOf(3)), false);
  await clock.advance(23 * DAY_MS - 1);
  assert.equal(book.sweep(), 0);
  await clock.advance(1);
  assert.equal(book.sweep(), 1);
  await clock.advance(400 * DAY_MS);
  book.sweep();
  assert.deepEqual(
    book.peers().map(({ peerId }) => peerId),
    [idOf(9)],
  );
});

test('a book more than half full of unproved peers: they go after 1 failure or 1 h, and hearsay is not told on', async () => {
  const { clock, book, tell } = made();
  for (let i = 0; i < 1_024; i++) tell(i, { from: `source ${i % 5}` });
  book.dialFailed(idOf(1));
  assert.ok(book.isKnown(idOf(1)), 'as many as half are no flood');
  assert.equal([...book.shareable()].length, 1_024);
  // One that came by itself, one that was reached, and the one too many.
  book.present(idOf(2));
  book.absent(idOf(2));
  tell(5_000, { from: 'flood' });
  tell(5_001, { from: 'flood' });
  book.dialSucceeded(idOf(3));
  const told = [...book.shareable()].map(({ peerId, isProved }) => [peerId, isProved()]);
  assert.deepEqual(told, [
    [idOf(2), false],
    [idOf(3), true],
  ]);
  assert.equal(book.shared(idOf(4)), undefined);
  book.dialFailed(idOf(5_000));
  assert.equal(book.isKnown(idOf(5_000)), false);
  await clock.advance(1_000);
  assert.equal(tell(5_000, { from: 'flood', seenS: 0 }), 'forgotten');
  assert.equal(tell(5_000, { from: idOf(5_000), seenS: 0 }), 'new');
  tell(5_002, { from: 'flood' });
  await clock.advance(HOUR_MS);
  tell(5_003, { from: 'flood' });
  // Until it is no flood any more, and not those that were seen or reached.
  book.sweep();
  assert.ok(book.counts().heard <= 1_024);
  for (const number of [2, 3, 5_003]) assert.ok(book.isKnown(idOf(number)), `${number}`);
});

test('failures are forgiven by a success, a connected peer does not expire', async () => {
  const { clock, book, tell } = made();
  tell(1);
  tell(2);
  for (let i = 0; i < 2; i++) book.dialFailed(idOf(1));
  book.dialSucceeded(idOf(1));
  for (let i = 0; i < 9; i++) book.dialFailed(idOf(1));
  await clock.advance(8 * DAY_MS);
  book.dialSucceeded(idOf(1));
  assert.equal(book.peers().find(({ peerId }) => peerId === idOf(1))?.failures, 0);
  book.present(idOf(2));
  await clock.advance(20 * DAY_MS);
  book.sweep();
  assert.ok(book.isKnown(idOf(2)));
  book.absent(idOf(2));
  await clock.advance(DAY_MS - 1);
  assert.equal(book.sweep(), 0);
  await clock.advance(1);
  assert.equal(book.sweep(), 1);
});

test('a connected peer is known, whether or not the book had room for it', () => {
  const { book, tell } = made();
  book.present(idOf(1));
  assert.ok(book.isKnown(idOf(1)));
  tell(1);
  assert.equal(book.lastSeenMs(idOf(1)), Date.UTC(2026, 10, 20));
  book.absent(idOf(1));
  assert.ok(book.isKnown(idOf(1)));
  book.present(idOf(2));
  book.absent(idOf(2));
  assert.equal(book.isKnown(idOf(2)), false);
  assert.equal(book.lastSeenMs(idOf(2)), undefined);
});

test('who was given up is not brought back by hearsay, but by a sign of life, its own word or a newer signature', async () => {
  const { clock, book, tell } = made();
  const giveUp = (number: number) => {
    for (let i = 0; i < 3; i++) book.dialFailed(idOf(number));
  };
  for (const number of [1, 2, 3, 4]) {
    tell(number);
    giveUp(number);
  }
  await clock.advance(60_000);
  assert.equal(tell(1), 'forgotten');
  assert.equal(tell(1, { seenS: 120 }), 'forgotten');
  assert.equal(tell(1, { seenS: 10 }), 'new');
  assert.equal(tell(2, { from: idOf(2) }), 'new');
  assert.equal(tell(3, { seq: 2n }), 'new');
  await clock.advance(600_000);
  assert.equal(tell(4), 'new');
});

test('who the operator deleted stays away for a day, unless written again', async () => {
  const { clock, book, tell } = made();
  book.setOperator([file(1), file(2)]);
  book.setOperator([file(1)]);
  assert.equal(book.isKnown(idOf(2)), false);
  assert.equal(tell(2, { from: idOf(2), seq: 99n, seenS: 0 }), 'forgotten');
  book.setOperator([file(1), file(2)]);
  assert.ok(book.isOperator(idOf(2)));
  book.setOperator([]);
  await clock.advance(DAY_MS);
  assert.equal(tell(2), 'new');
  assert.equal(book.forget(idOf(50)), false);
});

test("a learned peer that the operator writes down becomes the operator's, with the addresses of both", () => {
  const { book, tell } = made();
  tell(1);
  book.setOperator([{ publicKey: base64Of(1), addresses: ['/ip4/9.9.9.9/tcp/9'] }]);
  assert.deepEqual(book.candidate(idOf(1))?.addresses, ['/ip4/9.9.9.9/tcp/9', placeOf(1)]);
  assert.equal(book.candidate(idOf(1))?.origin, 'operator');
  assert.equal(book.candidate(idOf(1))?.publicOnly, false);
  assert.deepEqual(book.counts(), { operator: 1, proved: 0, heard: 1, shareable: 1 });
  assert.deepEqual(book.fileEntries(), []);
});

test('clock steps of a day: nobody expires, stamps are clamped, the step is told', async () => {
  const steps: number[] = [];
  const clock = new SimClock();
  const book = new AddressBook({ clock, self: SELF, onClockStep: (ms) => steps.push(ms) });
  for (let i = 0; i < 50; i++) book.take(recordOf(i), { source: 'x', isPublic: true });
  book.start();
  for (const ms of [DAY_MS, -2 * DAY_MS, 40 * DAY_MS]) {
    clock.step(ms);
    await clock.advance(60_000);
  }
  assert.deepEqual(steps, [DAY_MS, -2 * DAY_MS, 40 * DAY_MS]);
  assert.equal(book.size, 50);
  assert.equal(book.load([file(100, { lastSeenMs: clock.nowMs() + DAY_MS, source: 'proved' })]), 1);
  assert.equal(book.lastSeenMs(idOf(100)), clock.nowMs());
  book.stop();
  assert.equal(clock.pending, 0);
});

test('a file of long ago is tried once more before it expires, whatever the clock says', async () => {
  const { clock, book } = made();
  const old = clock.nowMs() - 400 * DAY_MS;
  const entries = [
    file(1, { lastSeenMs: old, source: 'proved' }),
    file(2, { source: idOf(7) }),
    file(3, { lastSeenMs: old }),
  ];
  assert.equal(book.load(entries), 3);
  assert.equal(book.load(entries), 0);
  assert.deepEqual(
    book.peers().map(({ state, source }) => [state, source]),
    [
      ['proved', 'file'],
      ['heard', idOf(7)],
      ['heard', 'file'],
    ],
  );
  assert.equal(book.sweep(), 0);
  await clock.advance(HOUR_MS);
  assert.equal(book.sweep(), 3);
});

test('to the file and back: proved ones first, state and source kept', () => {
  const { book, tell } = made();
  const from = idOf(77);
  tell(1, { from });
  tell(2, { from });
  book.dialSucceeded(idOf(2));
  const entries = book.fileEntries();
  assert.deepEqual(entries, [
    { publicKey: base64Of(2), addresses: [placeOf(2)], source: 'proved', lastSeenMs: Date.UTC(2026, 10, 20) },
    { publicKey: base64Of(1), addresses: [placeOf(1)], source: from },
  ]);
  const again = made().book;
  again.load(entries);
  assert.deepEqual(again.fileEntries(), entries);
  assert.deepEqual(again.anchors(), [idOf(2)]);
});

test('anchors are the last 8 that were proved', async () => {
  const { clock, book, tell } = made();
  for (let i = 0; i < 12; i++) {
    tell(i);
    await clock.advance(1_000);
    book.dialSucceeded(idOf(i));
  }
  assert.deepEqual(book.anchors(), [11, 10, 9, 8, 7, 6, 5, 4].map(idOf));
});

test('under `no` learned addresses nearby go, and peers that had no others', () => {
  const { book, tell } = made();
  tell(1, { addresses: ['/ip4/10.0.0.1/tcp/1'] });
  tell(2, { addresses: ['/ip4/10.0.0.1/tcp/1', placeOf(2)] });
  tell(3);
  book.setOperator([{ publicKey: base64Of(4), addresses: ['/ip4/10.0.0.4/tcp/1'] }]);
  book.setPrivateAddresses('auto');
  assert.equal(book.size, 4);
  book.setPrivateAddresses('no');
  assert.equal(book.isKnown(idOf(1)), false);
  assert.deepEqual(book.candidate(idOf(2))?.addresses, [placeOf(2)]);
  assert.deepEqual(book.candidate(idOf(4))?.addresses, ['/ip4/10.0.0.4/tcp/1']);
});

test('names of learned peers lead where their addresses might: by the policy, and by who told', () => {
  const { book, tell } = made();
  tell(1);
  book.setOperator([{ publicKey: base64Of(2), addresses: [placeOf(2)] }]);
  book.load([{ publicKey: base64Of(3), addresses: [placeOf(3)] }]);
  const publicOnly = (): unknown => [1, 2, 3].map((n) => book.candidate(idOf(n))?.publicOnly);
  // From the file: who told of it is not known any more.
  assert.deepEqual(publicOnly(), [true, false, true]);
  book.setPrivateAddresses('no');
  assert.deepEqual(publicOnly(), [true, false, true]);
  book.setPrivateAddresses('yes');
  assert.deepEqual(publicOnly(), [false, false, false]);
});

test('listeners: several changes are one call, and the file hears of more than the keeper', async () => {
  const { book, tell } = made();
  let changes = 0;
  let dirty = 0;
  const end = book.onChange(() => {
    changes++;
  });
  const endDirty = book.onDirty(() => {
    dirty++;
  });
  for (let i = 0; i < 5; i++) tell(i);
  assert.equal(changes, 0);
  await Promise.resolve();
  assert.equal(changes, 1);
  assert.equal(dirty, 5);
  tell(1);
  book.dialSucceeded(idOf(1));
  await Promise.resolve();
  assert.equal(changes, 1);
  assert.equal(dirty, 6);
  end();
  endDirty();
  tell(9);
  await Promise.resolve();
  assert.equal(changes, 1);
  assert.equal(dirty, 6);
});

test('what nobody knows changes nothing', () => {
  const { book } = made();
  book.dialSucceeded(idOf(1));
  book.dialFailed(idOf(1));
  book.setTokenHints(idOf(1), Uint8Array.of(1, 2, 3, 4));
  assert.equal(book.tokenHints(idOf(1)), undefined);
  assert.equal(book.candidate(idOf(1)), undefined);
  assert.equal(book.shared(idOf(1)), undefined);
  assert.equal(book.size, 0);
});

test('the memory of who was given up is bounded', () => {
  const forgotten = new Forgotten();
  for (let i = 0; i < MAX_FORGOTTEN + 10; i++) {
    forgotten.add(`p${i}`, { atMs: 0, untilMs: 1e9, seq: 0n, isByOperator: false });
  }
  assert.equal(forgotten.size, MAX_FORGOTTEN);
});

test('whatever happens, the counts, the caps and the digest are those of the entries', async () => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant('tell' as const),
      n: fc.nat(30),
      seq: fc.nat(5),
      at: fc.nat(30),
      from: fc.nat(3),
    }),
    fc.record({ do: fc.constant('unsigned' as const), n: fc.nat(30), at: fc.nat(30) }),
    fc.record({ do: fc.constant('ok' as const), n: fc.nat(30) }),
    fc.record({ do: fc.constant('fail' as const), n: fc.nat(30) }),
    fc.record({ do: fc.constant('operator' as const), ns: fc.array(fc.nat(30), { maxLength: 4 }) }),
    fc.record({ do: fc.constant('sweep' as const), hours: fc.nat(30) }),
    fc.record({ do: fc.constant('policy' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { clock, book, tell } = made();
      for (const one of steps) {
        if (one.do === 'tell')
          tell(one.n, { seq: BigInt(one.seq), addresses: [placeOf(one.at)], from: `s${one.from}` });
        else if (one.do === 'unsigned')
          tell(one.n, { isUnsigned: true, addresses: [placeOf(one.at)], from: idOf(one.n) });
        else if (one.do === 'ok') book.dialSucceeded(idOf(one.n));
        else if (one.do === 'fail') book.dialFailed(idOf(one.n));
        else if (one.do === 'operator') book.setOperator(one.ns.map((n) => file(n)));
        else if (one.do === 'policy') book.setPrivateAddresses('no');
        else {
          await clock.advance(one.hours * HOUR_MS);
          book.sweep();
        }
      }
      const sum = new DigestSum();
      const peers = book.peers();
      for (const { publicKey, envelope } of book.shareable()) sum.toggle(publicKey, envelope);
      assert.deepEqual(book.digest().total, sum.value().total);
      assert.equal(book.shareableCount, peers.filter(({ isSigned }) => isSigned).length);
      assert.equal(book.counts().operator, peers.filter(({ isOperator }) => isOperator).length);
      assert.ok(peers.every(({ peerId }) => book.candidate(peerId) !== undefined));
    }),
    { numRuns: 150 },
  );
});
