import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Fifo } from '../../../src/spv/fifo.ts';

describe('Fifo', () => {
  it('behaves as a plain array does', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('push' as const), items: fc.array(fc.integer(), { maxLength: 20 }) }),
      fc.record({ kind: fc.constant('back' as const), items: fc.array(fc.integer(), { maxLength: 5 }) }),
      fc.record({ kind: fc.constant('take' as const), count: fc.nat({ max: 12 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const queue = new Fifo<number>();
        const model: number[] = [];
        for (const each of steps) {
          if (each.kind === 'push') for (const item of each.items) queue.push(item);
          if (each.kind === 'push') model.push(...each.items);
          if (each.kind === 'back') queue.putBack(each.items);
          if (each.kind === 'back') model.unshift(...each.items);
          if (each.kind === 'take') assert.deepEqual(queue.take(each.count), model.splice(0, each.count));
          assert.equal(queue.size, model.length);
        }
        assert.deepEqual(queue.takeAll(), model);
      }),
    );
  });

  it('takes while items fit, the first in any case', () => {
    const queue = new Fifo<number>();
    for (const item of [9, 1, 1, 9, 1]) queue.push(item);
    const small = (item: number) => item < 5;
    assert.deepEqual(queue.takeWhile(4, small), [9, 1, 1]);
    assert.deepEqual(queue.takeWhile(1, small), [9]);
    assert.deepEqual(queue.takeWhile(5, small), [1]);
    assert.deepEqual(queue.takeWhile(5, small), []);
  });
});
