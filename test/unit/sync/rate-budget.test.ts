import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateBudgets } from '../../../src/sync/rate-budget.ts';

test('a burst is free, debt is paid off at the rate, and the one used last is forgotten last', () => {
  let nowMs = 0;
  const budgets = new RateBudgets({ burst: 100, perSecond: 10, maxPeers: 2 }, () => nowMs);
  assert.equal(budgets.charge('a', 100), 0);
  assert.equal(budgets.charge('a', 5), 500);
  nowMs = 400;
  assert.equal(budgets.charge('a', 0), 100);
  nowMs = 1_500;
  assert.equal(budgets.charge('a', 10), 0);
  nowMs = 1e9;
  assert.equal(budgets.charge('a', 101), 100);
  assert.equal(budgets.charge('b', 1_000), 90_000);
  budgets.charge('a', 0);
  budgets.charge('c', 0);
  assert.equal(budgets.size, 2);
  // b is forgotten, a is not.
  assert.equal(budgets.charge('a', 0), 100);
  assert.equal(budgets.charge('b', 100), 0);
});
