import { NotFoundError } from '@libp2p/interface';
import type { Libp2pOptions } from 'libp2p';
import { ownCopy } from './own-copy.ts';

type Datastore = NonNullable<Libp2pOptions['datastore']>;
type Key = Parameters<Datastore['put']>[0];
type Pair = ReturnType<Datastore['query']> extends Generator<infer P> | AsyncGenerator<infer P> ? P : never;
type Query = Parameters<Datastore['query']>[0];
type KeyQuery = Parameters<Datastore['queryKeys']>[0];
type Batch = ReturnType<Datastore['batch']>;

/** Entries kept under each first part of a key: peers, and what others put into the DHT. */
const MAX_ENTRIES = 8_192;

/**
 * Memory of libp2p, which by itself keeps whatever peers tell it: the entries written longest ago give way. Nothing
 * of ours depends on it; addresses are dialled as given.
 */
export class BoundedDatastore implements Datastore {
  readonly #spaces = new Map<string, Map<string, Pair>>();
  readonly #maxEntries: number;

  constructor(maxEntries = MAX_ENTRIES) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    let size = 0;
    for (const space of this.#spaces.values()) size += space.size;
    return size;
  }

  put(key: Key, value: Uint8Array): Key {
    const name = spaceOf(key);
    const space = this.#spaces.get(name) ?? new Map<string, Pair>();
    this.#spaces.set(name, space);
    const text = key.toString();
    // Written again is young again.
    space.delete(text);
    space.set(text, { key: ownKey(key), value: ownCopy(value) });
    const [oldest] = space.keys();
    if (space.size > this.#maxEntries && oldest !== undefined) space.delete(oldest);
    return key;
  }

  get(key: Key): Uint8Array {
    const pair = this.#spaces.get(spaceOf(key))?.get(key.toString());
    if (pair === undefined) throw new NotFoundError();
    return pair.value;
  }

  has(key: Key): boolean {
    return this.#spaces.get(spaceOf(key))?.has(key.toString()) ?? false;
  }

  delete(key: Key): void {
    this.#spaces.get(spaceOf(key))?.delete(key.toString());
  }

  async *putMany(source: AsyncIterable<Pair> | Iterable<Pair>): AsyncGenerator<Key> {
    for await (const { key, value } of source) yield this.put(key, value);
  }

  async *getMany(source: AsyncIterable<Key> | Iterable<Key>): AsyncGenerator<Pair> {
    for await (const key of source) yield { key, value: this.get(key) };
  }

  async *deleteMany(source: AsyncIterable<Key> | Iterable<Key>): AsyncGenerator<Key> {
    for await (const key of source) {
      this.delete(key);
      yield key;
    }
  }

  batch(): Batch {
    const steps: (() => void)[] = [];
    return {
      put: (key, value) => void steps.push(() => this.put(key, value)),
      delete: (key) => void steps.push(() => this.delete(key)),
      commit: () => {
        for (const step of steps.splice(0)) step();
      },
    };
  }

  *query(query: Query): Generator<Pair> {
    const all = this.#pairs(query.prefix).filter((pair) => query.filters?.every((f) => f(pair)) ?? true);
    for (const order of query.orders ?? []) all.sort(order);
    const { offset = 0, limit = all.length } = query;
    yield* all.slice(offset, offset + limit);
  }

  *queryKeys(query: KeyQuery): Generator<Key> {
    const keys = this.#pairs(query.prefix).map(({ key }) => key);
    const all = keys.filter((key) => query.filters?.every((f) => f(key)) ?? true);
    for (const order of query.orders ?? []) all.sort(order);
    const { offset = 0, limit = all.length } = query;
    yield* all.slice(offset, offset + limit);
  }

  #pairs(prefix = ''): Pair[] {
    const name = prefix.split('/')[1] ?? '';
    const space = this.#spaces.get(name);
    // A prefix may end within the first part of the keys: then all are looked at.
    const spaces = space === undefined ? [...this.#spaces.values()] : [space];
    const pairs = spaces.flatMap((one) => [...one.values()]);
    return pairs.filter(({ key }) => key.toString().startsWith(prefix));
  }
}

/** A key is a view of bytes, too. */
function ownKey(key: Key): Key {
  const OwnKey = key.constructor as new (bytes: Uint8Array, clean: boolean) => Key;
  return new OwnKey(ownCopy(key.uint8Array()), false);
}

/** `/peers/...` or `/dht/...`. */
function spaceOf(key: Key): string {
  return key.toString().split('/')[1] ?? '';
}
