import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { ArrivalQueue } from '../../../src/ingest/arrival-queue.ts';

it('gives back the earliest arrival of those that are in it', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer({ min: 1, max: 99 }))), (steps) => {
      const queue = new ArrivalQueue<number>();
      const model: number[] = [];
      for (const arrival of steps) {
        if (arrival !== null) {
          queue.push(arrival, arrival);
          model.push(arrival);
          model.sort((a, b) => a - b);
        } else assert.equal(queue.pop(), model.shift());
      }
      while (model.length > 0) assert.equal(queue.pop(), model.shift());
      assert.equal(queue.pop(), undefined);
    }),
  );
});
