import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Pace } from '../../../src/ingest/pace.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function setUp() {
  const clock = new FakeClock();
  const pace = new Pace(clock);
  let woken = 0;
  const begins = (offers: number): boolean => pace.begins(offers, () => void woken++);
  return { clock, pace, begins, woken: () => woken };
}

describe('the pace of batches', () => {
  it('after a rest one offer begins at once, the next ones together a little later', async () => {
    const { clock, begins, woken } = setUp();
    assert.equal(begins(1), true);
    assert.equal(begins(1), false);
    await clock.advance(4);
    assert.equal(begins(2), false);
    assert.equal(woken(), 0);
    await clock.advance(4);
    assert.equal(woken(), 1);
    assert.equal(begins(3), true);
  });

  it('after a batch of many the next ones wait longer', async () => {
    const { clock, begins, woken } = setUp();
    assert.equal(begins(10), true);
    assert.equal(begins(10), false);
    await clock.advance(19);
    assert.equal(woken(), 0);
    await clock.advance(1);
    assert.equal(woken(), 1);
    assert.equal(begins(10), true);
  });

  it('many begin at once, and what they would have waited for is over', async () => {
    const { clock, begins, woken } = setUp();
    assert.equal(begins(1), true);
    assert.equal(begins(31), false);
    assert.equal(begins(32), true);
    await clock.advance(1_000);
    assert.equal(woken(), 0);
    assert.equal(clock.waiting, 0);
  });

  it('a stop leaves no timer', () => {
    const { clock, pace, begins } = setUp();
    begins(1);
    begins(1);
    assert.equal(clock.waiting, 1);
    pace.stop();
    assert.equal(clock.waiting, 0);
  });
});
