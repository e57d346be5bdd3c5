import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../../../protocols/peer-exchange/address.ts';
import type { WireRecord } from '../../../protocols/peer-exchange/codec.ts';
import { MAX_SEEN } from '../../../protocols/peer-exchange/constants.ts';
import { Link } from '../../../protocols/peer-exchange/link.ts';
import type { CheckedRecord } from '../../../protocols/peer-exchange/record.ts';
import { Relay } from '../../../protocols/peer-exchange/relay.ts';
import { ExchangeCounts } from '../../../src/p2p/exchange-counts.ts';
import { SimClock } from '../../support/exchange-clock.ts';
import { seededRandom } from '../../support/fake-clock.ts';

const KEY = new Uint8Array(32);

function link(peerId: string, isPrivate = false): Link {
  return new Link({ peerId, publicKey: KEY, isPrivate, isDialler: false });
}

function record(number: number, more: Partial<CheckedRecord> = {}): CheckedRecord {
  const address = parseAddress(`/ip4/8.8.8.8/tcp/${(number % 60_000) + 1}`);
  assert.ok(typeof address !== 'string');
  const signed = { envelope: Buffer.from(`${number}`), seq: 1n, content: new Uint8Array(32) };
  return { peerId: `p${number}`, publicKey: KEY, addresses: [address], signed, seenS: 0, ...more };
}

function made() {
  const clock = new SimClock();
  const sent: { to: string; records: readonly WireRecord[] }[] = [];
  const metrics = new ExchangeCounts();
  const relay = new Relay({ clock, random: seededRandom(1), metrics }, (to, records) =>
    sent.push({ to: to.peerId, records }),
  );
  return { clock, sent, metrics, relay };
}

test('what waits for one peer shares messages of at most 10 records', async () => {
  const { clock, sent, relay } = made();
  const [source, target] = [link('s'), link('t')];
  for (let i = 0; i < 15; i++) relay.offer(record(i), source, [source, target], 'auto');
  assert.equal(sent.length, 0);
  await clock.advance(250);
  assert.deepEqual(
    sent.map(({ records }) => records.length),
    [10, 5],
  );
  assert.ok(sent.every(({ to }) => to === 't'));
});

test('a peer is sent no more than it will take; the rest is dropped and counted', async () => {
  const { clock, sent, metrics, relay } = made();
  const target = link('t');
  for (let i = 0; i < 50; i++) relay.offer(record(i), link('s'), [target], 'auto');
  await clock.advance(250);
  assert.equal(sent.flatMap(({ records }) => records).length, 18);
  assert.equal(metrics.view().counters.relays_dropped, 32);
  relay.offer(record(99), link('s'), [target], 'auto');
  await clock.advance(250);
  assert.equal(sent.length, 2);
  assert.equal(metrics.view().counters.relays_dropped, 33);
  // A new connection of the same peer has no other budget.
  await clock.advance(10_500);
  relay.offer(record(100), link('s'), [link('t')], 'auto');
  relay.offer(record(101), link('s'), [link('t')], 'auto');
  await clock.advance(250);
  assert.equal(sent.length, 3);
});

test('not passed on: unsigned, of unknown or great age, seen before, of no use to the other side', async () => {
  const { clock, sent, relay } = made();
  const [source, target] = [link('s'), link('t')];
  const near = parseAddress('/ip4/10.0.0.1/tcp/1');
  assert.ok(typeof near !== 'string');
  const { signed: _, ...unsigned } = record(1);
  relay.offer(unsigned, source, [target], 'auto');
  relay.offer(record(2, { seenS: undefined }), source, [target], 'auto');
  relay.offer(record(3, { seenS: 601 }), source, [target], 'auto');
  relay.offer(record(4, { addresses: [near] }), source, [target], 'auto');
  relay.offer(record(5), source, [link('p5')], 'auto');
  await clock.advance(250);
  assert.deepEqual(sent, []);
  relay.offer(record(5), source, [target], 'auto');
  relay.offer(record(6, { addresses: [near] }), source, [target, link('u', true)], 'auto');
  await clock.advance(250);
  assert.deepEqual(
    sent.map(({ to }) => to),
    ['u'],
  );
  assert.equal(clock.pending, 0);
});

test('the age grows on the way', async () => {
  const { clock, sent, relay } = made();
  relay.offer(record(1, { seenS: 30 }), link('s'), [link('t')], 'auto');
  await clock.advance(250);
  assert.equal(sent[0]?.records[0]?.seenS, 30);
});

test('what waits for a link ends with it, what was seen is bounded, the stop leaves nothing', async () => {
  const { clock, sent, relay } = made();
  const target = link('t');
  relay.offer(record(1), link('s'), [target], 'auto');
  relay.drop(target);
  relay.drop(target);
  assert.equal(clock.pending, 0);
  for (let i = 10; i < MAX_SEEN + 20; i++) relay.offer(record(i), link('s'), [target], 'auto');
  assert.equal(relay.seenCount, MAX_SEEN);
  relay.stop();
  await clock.advance(1_000);
  assert.deepEqual(sent, []);
  assert.equal(clock.pending, 0);
});
