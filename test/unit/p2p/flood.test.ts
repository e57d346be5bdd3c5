import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DialCandidate } from '../../../src/p2p/dial-book.ts';
import { drawUnproved } from '../../../src/p2p/dial-rank.ts';
import { LearnedLog } from '../../../src/p2p/learned-log.ts';
import { SimClock } from '../../support/exchange-clock.ts';
import { seededRandom } from '../../support/fake-clock.ts';
import { LogLines } from '../../support/log-lines.ts';

function told(source: string, number: number, seenMs?: number): DialCandidate {
  const peerId = `${source} ${number}`;
  return {
    peerId,
    addresses: [],
    origin: 'learned',
    isProved: false,
    lastProvedMs: undefined,
    source,
    seenMs,
  };
}

test('who tells of many peers gets no more of our dials than who tells of one', () => {
  const waiting = [
    told('honest', 1),
    ...Array.from({ length: 512 }, (_, number) => told('flood', number, 9)),
  ];
  const random = seededRandom(1);
  const draws = Array.from({ length: 1_000 }, () => waiting[drawUnproved(waiting, random)]!.source);
  const honest = draws.filter((source) => source === 'honest').length;
  assert.ok(honest > 450 && honest < 550, `${honest}`);
});

test('of the peers of one source those that were seen alive later go first, and nobody is left out', () => {
  const waiting = Array.from({ length: 10 }, (_, number) =>
    told('one', number, number === 0 ? undefined : number),
  );
  const random = seededRandom(2);
  const counts = new Array<number>(10).fill(0);
  for (let draws = 0; draws < 10_000; draws++) counts[drawUnproved(waiting, random)]! += 1;
  assert.ok(counts[9]! > 3 * counts[1]!, counts.join());
  assert.ok(
    counts.every((count) => count > 0),
    counts.join(),
  );
});

test('a flood of learned peers is 50 lines a minute and one that counts the rest', async () => {
  const clock = new SimClock();
  const log = new LogLines();
  const learned = new LearnedLog({ clock, log });
  for (let number = 1; number <= 2_000; number++) learned.learned(`peer ${number}`, 'teller', number);
  assert.equal(log.of('peer.learned').length, 50);
  await clock.advance(60_000);
  assert.deepEqual(log.of('peers.learned_more')[0]?.fields, { count: 1_950, known: 2_000 });
  learned.learned('one', 'teller', 2_001);
  assert.equal(log.of('peer.learned').length, 51);
  learned.end();
  assert.equal(clock.pending, 0);
  assert.equal(log.of('peers.learned_more').length, 1);
});
