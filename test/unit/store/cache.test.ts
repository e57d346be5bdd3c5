import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RowCache } from '../../../src/store/cache.ts';

/** Commits that make a generation of a full cache at most. */
const GENERATION = 8;

function commits(cache: RowCache<string>, count: number): void {
  for (let i = 0; i < count; i++) cache.afterCommit();
}

test('absent, cached as absent and present are three answers', () => {
  const cache = new RowCache<string>(10);
  assert.equal(cache.get('a'), undefined);
  cache.fill('a', null);
  assert.equal(cache.get('a'), null);
  cache.put('a', 'row');
  assert.equal(cache.get('a'), 'row');
});

test('a row as read never replaces a row as committed, not even the knowledge that it is gone', () => {
  const cache = new RowCache<string>(10);
  cache.put('a', 'new');
  cache.fill('a', 'old');
  assert.equal(cache.get('a'), 'new');
  cache.put('b', null);
  cache.fill('b', 'old');
  assert.equal(cache.get('b'), null);
});

test('a row as committed replaces a row as read, in either generation', () => {
  const cache = new RowCache<string>(1);
  cache.fill('a', 'old');
  cache.put('a', 'new');
  assert.equal(cache.get('a'), 'new');
  commits(cache, GENERATION);
  cache.put('a', 'newer');
  cache.fill('a', 'old');
  assert.equal(cache.get('a'), 'newer');
});

test('what two generations did not use is forgotten, what was used stays', () => {
  const cache = new RowCache<string>(1);
  cache.put('used', 'x');
  cache.put('idle', 'y');
  commits(cache, GENERATION);
  assert.equal(cache.get('used'), 'x');
  commits(cache, GENERATION);
  assert.equal(cache.get('used'), 'x');
  assert.equal(cache.get('idle'), undefined);
});

test('a committed row stays for at least as many commits as a batch may live, wherever a generation ends', () => {
  for (let offset = 0; offset <= GENERATION; offset++) {
    for (let later = 0; later <= GENERATION; later++) {
      const cache = new RowCache<string>(1);
      const busy = (count: number): void => {
        for (let i = 0; i < count; i++) {
          cache.put(`other ${i}`, 'x');
          cache.afterCommit();
        }
      };
      busy(offset);
      cache.put('row', 'new');
      busy(later);
      cache.fill('row', 'old');
      assert.equal(
        cache.get('row'),
        'new',
        `${offset} commits into a generation, read back ${later} commits later`,
      );
    }
  }
});

test('a cache that is not full forgets nothing', () => {
  const cache = new RowCache<string>(3);
  cache.put('a', 'x');
  cache.put('b', 'y');
  commits(cache, 10 * GENERATION);
  assert.equal(cache.get('a'), 'x');
  assert.equal(cache.get('b'), 'y');
});

test('cleared, it knows nothing', () => {
  const cache = new RowCache<string>(1);
  cache.put('a', 'x');
  commits(cache, GENERATION);
  cache.put('b', 'y');
  cache.clear();
  assert.equal(cache.get('a'), undefined);
  assert.equal(cache.get('b'), undefined);
});
