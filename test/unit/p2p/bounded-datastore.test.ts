import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BoundedDatastore } from '../../../src/p2p/bounded-datastore.ts';

type Key = Parameters<BoundedDatastore['put']>[0];

/** What the datastore needs of libp2p's keys, which are views of bytes. */
class FakeKey {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  uint8Array(): Uint8Array {
    return this.#bytes;
  }

  toString(): string {
    return Buffer.from(this.#bytes).toString();
  }
}

const key = (text: string): Key => new FakeKey(Buffer.from(text)) as unknown as Key;

test('each space of keys is bounded on its own; what was written longest ago gives way', () => {
  const store = new BoundedDatastore(3);
  store.put(key('/peers/self'), Uint8Array.of(1));
  for (let i = 0; i < 10; i++) store.put(key(`/dht/${i}`), Uint8Array.of(i));
  assert.equal(store.size, 4);
  assert.equal(store.has(key('/peers/self')), true);
  assert.throws(() => store.get(key('/dht/6')), { name: 'NotFoundError' });
  store.put(key('/dht/7'), Uint8Array.of(70));
  store.put(key('/dht/10'), Uint8Array.of(10));
  assert.deepEqual(
    [...store.query({ prefix: '/dht/' })].map(({ value }) => value[0]),
    [9, 70, 10],
  );
});

test('queries know prefix, filter, order, offset and limit; a batch is applied at its commit', async () => {
  const store = new BoundedDatastore();
  const batch = store.batch();
  for (const i of [3, 1, 2]) batch.put(key(`/a/${i}`), Uint8Array.of(i));
  batch.put(key('/b/1'), Uint8Array.of(9));
  assert.equal(store.size, 0);
  await batch.commit();
  const found = store.query({
    prefix: '/a',
    filters: [({ value }) => value[0] !== 2],
    orders: [(x, y) => (x.value[0]! < y.value[0]! ? -1 : 1)],
    offset: 1,
    limit: 5,
  });
  assert.deepEqual(
    [...found].map(({ value }) => value[0]),
    [3],
  );
  store.delete(key('/a/3'));
  assert.deepEqual([...store.queryKeys({ prefix: '/a' })].map(String), ['/a/1', '/a/2']);
});

test('what is kept is held in memory of its own, not in that of a frame or a shared buffer', () => {
  const store = new BoundedDatastore();
  const frame = new Uint8Array(65_536);
  store.put(key('/peers/x'), frame.subarray(7, 9));
  assert.equal(store.get(key('/peers/x')).buffer.byteLength, 2);
  const [kept] = store.queryKeys({ prefix: '/peers' });
  assert.deepEqual([String(kept), kept?.uint8Array().buffer.byteLength], ['/peers/x', '/peers/x'.length]);
});
