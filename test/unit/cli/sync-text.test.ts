import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disagreeLines, syncText } from '../../../src/cli/sync-text.ts';

const since = '2026-01-31T12:00:00.000Z';
const base = { since, agree: [], disagree: [], unknown: 0 };

test('each state is one line that says what it means', () => {
  assert.equal(
    syncText({ ...base, state: 'synced', agree: ['a', 'b'] }, false),
    `synced with 2 peers since ${since}`,
  );
  assert.equal(
    syncText({ ...base, state: 'synced', agree: ['a'] }, false),
    `synced with 1 peer since ${since}`,
  );
  assert.equal(syncText({ ...base, state: 'alone' }, false), `alone since ${since}: no peer follows it`);
  assert.equal(
    syncText({ ...base, state: 'alone', unknown: 1 }, false),
    `alone since ${since}: no peer confirms its history`,
  );
  const disagree = [{ peer: 'x', height: 7, why: 'SCRIPT_FAILED', since }];
  assert.equal(
    syncText({ ...base, state: 'disputed', disagree }, false),
    `disputed since ${since} by 1; 0 agree`,
  );
  assert.equal(
    syncText({ ...base, state: 'synced', agree: ['a'], disagree }, false),
    `synced with 1 peer since ${since}; 1 differ`,
  );
  assert.equal(
    syncText({ ...base, state: 'behind', agree: ['a', 'b'] }, false),
    `behind since ${since}; 2 agree`,
  );
  assert.deepEqual(disagreeLines({ ...base, state: 'disputed', disagree }), [
    `x differs from block 7 on since ${since}: SCRIPT_FAILED`,
  ]);
});

test('while behind: a share, a rate and the time left; a bar on a terminal alone', () => {
  const progress = { done: 250, total: 1000, perSecond: 50, secondsLeft: 15 };
  assert.equal(
    syncText({ ...base, state: 'behind', progress }, false),
    `behind since ${since} 25 %, 250 of 1000, 50/s, 15s left`,
  );
  assert.match(syncText({ ...base, state: 'behind', progress }, true), /\[#{5}\.{15}\] 25 %/);
  assert.equal(syncText({ ...base, state: 'behind' }, true), `behind since ${since}`);
  const nothing = { done: 0, total: 0, perSecond: 0 };
  assert.equal(
    syncText({ ...base, state: 'behind', progress: nothing }, false),
    `behind since ${since} 0 %, 0 of 0, 0/s`,
  );
});
