import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { chainDigest, decodeCommit, encodeCommit } from '../../../src/store/commit-row.ts';
import type { RowOp } from '../../../src/store/database.ts';
import { StoreError } from '../../../src/store/errors.ts';
import {
  arrivalKey,
  balanceKey,
  commitKey,
  miscKey,
  PREFIX,
  tokenKey,
  waitingKey,
} from '../../../src/store/keys.ts';
import { writeMarker } from '../../../src/store/marker.ts';
import { encodeBalance, type LockBalance } from '../../../src/store/owner-rows.ts';
import { RowWriter } from '../../../src/store/row-bytes.ts';
import {
  COMMITS_PER_CHECKPOINT,
  ownerId,
  Store,
  type StoreChange,
  summarize,
} from '../../../src/store/store.ts';
import { encodeToken, newToken, type TokenRecord } from '../../../src/store/token-row.ts';
import { encodeWaiting, type WaitingRecord } from '../../../src/store/waiting-row.ts';
import { changeOf, rawOptions, rowsOf, withDatabase, withStore } from '../../support/raw-store.ts';
import { tempDir } from '../../support/temp-dir.ts';

const w = new RowWriter();
const v = new RowWriter();
const OWNER = Buffer.alloc(20, 7);
const TXID = 'ab'.repeat(32);

function tokenChange(token: TokenRecord): Pick<StoreChange, 'ops' | 'tokens'> {
  const key = Buffer.from(tokenKey(w, token.tokenNo));
  return { ops: [{ key, value: encodeToken(v, key, token) }], tokens: [token] };
}

function balanceChange(confirmed: bigint): StoreChange {
  const balances: LockBalance[] = [{ lock: 'p2pkh', confirmed, unconfirmed: 0n, coins: 1 }];
  const key = Buffer.from(balanceKey(w, 1, OWNER));
  const ops: RowOp[] = [{ key, value: encodeBalance(v, key, balances) }];
  return changeOf({ ops, balances: new Map([[ownerId(1, OWNER), balances]]) });
}

function waitingChange(record: WaitingRecord): Pick<StoreChange, 'ops' | 'waiting'> {
  const key = Buffer.from(waitingKey(w, record.txid));
  const ops = [{ key, value: encodeWaiting(v, key, record) }];
  return { ops, waiting: new Map([[record.txid, summarize(record)]]) };
}

const WAITING: WaitingRecord = {
  txid: TXID,
  raw: Buffer.from(`0100000001${'cd'.repeat(32)}0000000000ffffffff0100000000000000000000000000`, 'hex'),
  waitingFor: 'parents',
  missingParents: ['cd'.repeat(32)],
  proofs: [],
  arrival: 1,
  firstSeenMs: 2,
};

async function storeOf(path: string, commits: number): Promise<void> {
  await withStore(path, async (store) => {
    for (let i = 1; i <= commits; i++) await store.commit(balanceChange(BigInt(i)));
  });
}

function refused(code: string, data: object = {}): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof StoreError, String(error));
    assert.equal(error.code, code);
    for (const [name, value] of Object.entries(data)) assert.equal(error.data[name], value, name);
    return true;
  };
}

const open = (path: string): Promise<unknown> => withStore(path, () => Promise.resolve());
const key = (commit: number): Buffer => Buffer.from(commitKey(w, commit));

test('there is no key without a whole hash: what the buffer had before would be one of something else', () => {
  const keys = new RowWriter();
  const known = Buffer.from(arrivalKey(keys, TXID));
  for (const txid of ['', TXID.slice(2), `${TXID.slice(2)}zz`])
    assert.throws(() => arrivalKey(keys.reset(), txid), { name: 'StoreError', code: 'STORE_INCONSISTENT' });
  assert.deepEqual(arrivalKey(keys.reset(), TXID), known);
});

test('commits are numbered and chained, and read back at open', async (t) => {
  const path = tempDir(t);
  await storeOf(path, 3);
  await withStore(path, async (store) => {
    const tip = store.tip();
    assert.equal(tip.commit, 3);
    assert.equal(store.balancesOf(1, OWNER)[0]?.confirmed, 3n);
    const next = await store.commit(balanceChange(4n));
    assert.equal(next.commit, 4);
    const row = decodeCommit(key(4), store.database.get(key(4))!);
    assert.deepEqual(row.digest, chainDigest(tip.digest, 4, row.rowSum));
  });
});

test('a commit that is missing in the middle is a gap, one missing at the end a lost tip', async (t) => {
  const root = tempDir(t);
  for (const [lost, code, data] of [
    [1, 'STORE_COMMIT_GAP', { good: 0, found: 2 }],
    [3, 'STORE_COMMIT_GAP', { good: 2, found: 4 }],
    [5, 'STORE_TIP_LOST', { found: 4, expected: 5 }],
  ] as const) {
    const path = join(root, `${lost}`);
    await storeOf(path, 5);
    await withDatabase(path, (database) => database.write([{ key: key(lost), value: undefined }], true));
    await assert.rejects(open(path), refused(code, data));
  }
});

test('a commit with another digest, or another sum of rows, does not chain', async (t) => {
  const root = tempDir(t);
  for (const what of ['digest', 'rowSum'] as const) {
    const path = join(root, what);
    await storeOf(path, 4);
    await withDatabase(path, async (database) => {
      const row = decodeCommit(key(3), database.get(key(3))!);
      const digest = what === 'digest' ? Buffer.alloc(32, 1) : row.digest;
      const value = encodeCommit(v, key(3), { ...row, digest }, row.rowSum + Number(what === 'rowSum'));
      await database.write([{ key: key(3), value }], true);
    });
    await assert.rejects(open(path), refused('STORE_COMMIT_GAP', { good: 2, found: 3 }));
  }
});

test('a commit row that fails its seal is a damaged row', async (t) => {
  const path = tempDir(t);
  await storeOf(path, 3);
  await withDatabase(path, async (database) => {
    const value = Buffer.from(database.get(key(2))!);
    value[5] = value[5]! ^ 1;
    await database.write([{ key: key(2), value }], true);
  });
  await assert.rejects(open(path), refused('STORE_ROW_DAMAGED', { kind: 'k', key: key(2).toString('hex') }));
});

test('a marker ahead of the store is a lost tip; one behind it is right', async (t) => {
  const path = tempDir(t);
  await storeOf(path, 3);
  const marker = { format: 1, network: 'regtest', databaseId: 'ab'.repeat(16) };
  writeMarker(join(path, 'store.json'), { ...marker, commit: 9 });
  await assert.rejects(open(path), refused('STORE_TIP_LOST', { found: 3, expected: 9 }));
  writeMarker(join(path, 'store.json'), { ...marker, commit: 1 });
  await open(path);
  assert.equal(JSON.parse(readFileSync(join(path, 'store.json'), 'utf8')).commit, 3);
});

test('checkpoints keep the chain short, and losing one is noticed', async (t) => {
  const path = tempDir(t);
  const checkpoint = miscKey('checkpoint');
  await storeOf(path, COMMITS_PER_CHECKPOINT + 5);
  const { rows, value } = await withDatabase(path, async (database) => ({
    rows: await rowsOf(database, PREFIX.commit),
    value: database.get(checkpoint)!,
  }));
  assert.equal(rows.length, 6);
  await open(path);

  const damages: [RowOp, string][] = [
    [{ key: checkpoint, value: undefined }, 'STORE_COMMIT_GAP'],
    [
      { key: checkpoint, value: Buffer.concat([value.subarray(0, -1), Buffer.of(value.at(-1)! ^ 1)]) },
      'STORE_ROW_DAMAGED',
    ],
    [
      {
        key: checkpoint,
        value: v.begin().u64(COMMITS_PER_CHECKPOINT).bytes(Buffer.alloc(32)).seal(checkpoint),
      },
      'STORE_COMMIT_GAP',
    ],
    [
      { key: checkpoint, value: v.begin().u64(3).bytes(Buffer.alloc(32)).seal(checkpoint) },
      'STORE_COMMIT_GAP',
    ],
  ];
  for (const [op, code] of damages) {
    const before = await withDatabase(path, async (database) => {
      const old = database.get(op.key);
      await database.write([op], true);
      return old;
    });
    await assert.rejects(open(path), refused(code), code);
    await withDatabase(path, (database) => database.write([{ key: op.key, value: before }], true));
  }
  await open(path);
});

test('a checkpoint whose commit is lost holds the chain, but is no tip', async (t) => {
  const root = tempDir(t);
  for (const [name, later] of [
    ['tip', 0],
    ['not the tip', 1],
  ] as const) {
    const path = join(root, name);
    await storeOf(path, COMMITS_PER_CHECKPOINT + later);
    const lost = { key: key(COMMITS_PER_CHECKPOINT), value: undefined };
    await withDatabase(path, (database) => database.write([lost], true));
    if (later === 0) await assert.rejects(open(path), refused('STORE_COMMIT_GAP'));
    else await open(path);
  }
});

test('old commit rows that came back are a gap', async (t) => {
  const path = tempDir(t);
  let old: Buffer;
  await withStore(path, async (store) => {
    await store.commit(balanceChange(1n));
    old = Buffer.from(store.database.get(key(1))!);
    for (let i = 2; i <= COMMITS_PER_CHECKPOINT + 1; i++) await store.commit(balanceChange(BigInt(i)));
  });
  await withDatabase(path, (database) => database.write([{ key: key(1), value: old }], true));
  await assert.rejects(open(path), refused('STORE_COMMIT_GAP'));
});

test('a token row or a waiting row that is lost, old, or too many is noticed at open', async (t) => {
  const root = tempDir(t);
  const token = newToken(1, `${TXID}_0`, true);
  const prepare = async (name: string) => {
    const path = join(root, name);
    const old = await withStore(path, async (store) => {
      await store.commit(changeOf(tokenChange(token)));
      const first = Buffer.from(store.database.get(Buffer.from(tokenKey(w, 1)))!);
      await store.commit(changeOf(tokenChange({ ...token, coins: 5 })));
      await store.commit(changeOf(waitingChange(WAITING)));
      return first;
    });
    await open(path);
    return { path, old };
  };
  const tokenRow = Buffer.from(tokenKey(w, 1));
  const waitingRow = Buffer.from(waitingKey(w, TXID));
  const second = Buffer.from(tokenKey(w, 2));
  const damages: [string, (old: Buffer) => RowOp][] = [
    ['token lost', () => ({ key: tokenRow, value: undefined })],
    ['token old', (old) => ({ key: tokenRow, value: old })],
    ['waiting lost', () => ({ key: waitingRow, value: undefined })],
    [
      'token too many',
      () => ({ key: second, value: encodeToken(v, second, newToken(2, `${TXID}_1`, true)) }),
    ],
  ];
  for (const [name, damage] of damages) {
    const { path, old } = await prepare(name);
    await withDatabase(path, (database) => database.write([damage(old)], true));
    await assert.rejects(open(path), refused('STORE_ROW_MISSING'), name);
  }
});

test('a token or waiting row that goes is no damage', async (t) => {
  const path = tempDir(t);
  await withStore(path, async (store) => {
    await store.commit(changeOf(waitingChange(WAITING)));
    const gone = { key: Buffer.from(waitingKey(w, TXID)), value: undefined };
    await store.commit(changeOf({ ops: [gone], waiting: new Map([[TXID, undefined]]) }));
    // Deleted and written again in one commit: the last counts.
    const again = waitingChange(WAITING);
    await store.commit(changeOf({ ...again, ops: [gone, ...again.ops, gone, ...again.ops] }));
  });
  await withStore(path, (store) => {
    assert.deepEqual([...store.waiting.keys()], [TXID]);
    return Promise.resolve();
  });
});

/** The next writes of this store fail. */
function failWrites(store: Store): () => void {
  const database = store.database as { write: Store['database']['write'] };
  database.write = () => Promise.reject(new StoreError('STORE_WRITE_FAILED', 'no space left'));
  return () => Reflect.deleteProperty(database, 'write');
}

test('a failed write leaves memory as it was, and later writes work', async (t) => {
  const path = tempDir(t);
  const token = newToken(1, `${TXID}_0`, true);
  await withStore(path, async (store) => {
    await store.commit(changeOf({ ...balanceChange(1n), ...tokenChange(token) }));
    await store.commit(balanceChange(1n));
    const state = () => {
      const point = store.read();
      point.release();
      const { tokens, waiting } = store;
      return {
        tip: store.tip(),
        read: point.tip,
        balance: store.balancesOf(1, OWNER),
        tokens: [...tokens],
        waiting: [...waiting],
      };
    };
    const before = state();
    const heal = failWrites(store);
    const changes = [
      balanceChange(99n),
      changeOf(tokenChange({ ...token, coins: 99 })),
      changeOf(tokenChange(newToken(2, `${TXID}_1`, true))),
      changeOf(waitingChange(WAITING)),
      changeOf({ txs: new Map([[TXID, { txid: TXID } as never]]) }),
    ];
    for (const change of changes) {
      await assert.rejects(store.commit(change), refused('STORE_WRITE_FAILED'));
      assert.deepEqual(state(), before);
      assert.equal(store.tx(TXID), undefined);
    }
    heal();
    const next = await store.commit(balanceChange(2n));
    assert.equal(next.commit, before.tip.commit + 1);
    assert.equal(store.balancesOf(1, OWNER)[0]?.confirmed, 2n);
  });
  await withStore(path, (store) => {
    assert.equal(store.tip().commit, 3);
    assert.equal(store.tokens.get(1)?.coins, 0);
    return Promise.resolve();
  });
});

test('a failed write at a checkpoint leaves the older checkpoint in force', async (t) => {
  const path = tempDir(t);
  await withStore(path, async (store) => {
    for (let i = 1; i < COMMITS_PER_CHECKPOINT; i++) await store.commit(balanceChange(BigInt(i)));
    const heal = failWrites(store);
    await assert.rejects(store.commit(balanceChange(0n)), refused('STORE_WRITE_FAILED'));
    heal();
    for (let i = 0; i < 3; i++) await store.commit(balanceChange(BigInt(i)));
  });
  await withStore(path, (store) => {
    assert.equal(store.tip().commit, COMMITS_PER_CHECKPOINT + 2);
    return Promise.resolve();
  });
});

test('a commit stands although the marker beside the database cannot be written', async (t) => {
  const path = tempDir(t);
  const blocked = join(path, 'store.json.tmp');
  const store = await Store.open(rawOptions(path));
  mkdirSync(blocked);
  for (let i = 1; i <= COMMITS_PER_CHECKPOINT + 2; i++) await store.commit(balanceChange(BigInt(i)));
  assert.equal(store.tip().commit, COMMITS_PER_CHECKPOINT + 2);
  await assert.rejects(store.close(), refused('STORE_WRITE_FAILED'));
  rmSync(blocked, { recursive: true });
  // Closed all the same: the lock is free.
  await withStore(path, (again) => {
    assert.equal(again.tip().commit, COMMITS_PER_CHECKPOINT + 2);
    return Promise.resolve();
  });
});

/** LevelDB itself, to fail in the middle of a write. */
interface Batch {
  put(key: Buffer, value: Buffer): unknown;
  write(options: object): Promise<void>;
}

function levelOf(store: Store): { batch?: () => Batch } {
  return (store.database as unknown as { level: { batch: () => Batch } }).level;
}

test('behind a failed write the database is opened again before the next one, and readers go on', async (t) => {
  const path = tempDir(t);
  await withStore(path, async (store) => {
    await store.commit(balanceChange(1n));
    const before = store.read();
    const level = levelOf(store);
    level.batch = () => {
      throw new Error('no space left on device');
    };
    await assert.rejects(store.commit(balanceChange(2n)), refused('STORE_WRITE_FAILED'));
    await assert.rejects(store.commit(balanceChange(2n)), refused('STORE_WRITE_FAILED'));
    delete level.batch;
    assert.equal((await store.commit(balanceChange(3n))).commit, 2);
    // Read points from before are closed with the database, new ones are not.
    const row = Buffer.from(balanceKey(w, 1, OWNER));
    assert.throws(() => store.database.get(row, before.snapshot), refused('STORE_READ_FAILED'));
    before.release();
    const point = store.read();
    assert.equal(point.tip.commit, 2);
    assert.notEqual(store.database.get(row, point.snapshot), undefined);
    point.release();
  });
  await withStore(path, (store) => {
    assert.equal(store.tip().commit, 2);
    assert.equal(store.balancesOf(1, OWNER)[0]?.confirmed, 3n);
    return Promise.resolve();
  });
});

test('a write that failed and landed all the same ends writing until the store is opened again', async (t) => {
  const path = tempDir(t);
  const store = await Store.open(rawOptions(path));
  await store.commit(balanceChange(1n));
  const level = levelOf(store);
  level.batch = () => {
    delete level.batch;
    const batch = level.batch!();
    const write = batch.write.bind(batch);
    batch.write = async (options) => {
      await write(options);
      throw new Error('the disk did not say that it has it');
    };
    return batch;
  };
  await assert.rejects(store.commit(balanceChange(2n)), refused('STORE_WRITE_FAILED'));
  assert.equal(store.tip().commit, 1);
  for (let i = 0; i < 2; i++) {
    await assert.rejects(store.commit(balanceChange(3n)), (error) => {
      assert.match((error as StoreError).message, /restart btcfed/);
      return refused('STORE_WRITE_FAILED')(error);
    });
  }
  await assert.rejects(store.close(), refused('STORE_WRITE_FAILED'));
  await withStore(path, (again) => {
    assert.equal(again.tip().commit, 2);
    assert.equal(again.balancesOf(1, OWNER)[0]?.confirmed, 2n);
    return Promise.resolve();
  });
});

test('a read point shows its commit, whatever is written meanwhile', async (t) => {
  await withStore(tempDir(t), async (store) => {
    await store.commit(balanceChange(1n));
    const point = store.read();
    await store.commit(balanceChange(2n));
    const row = Buffer.from(balanceKey(w, 1, OWNER));
    const old = store.database.get(row, point.snapshot)!;
    assert.equal(point.tip.commit, 1);
    assert.notDeepEqual(old, store.database.get(row));
    point.release();
    const { tip } = store.read();
    assert.equal(tip.commit, 2);
  });
});

test('a closed store answers with a typed error', async (t) => {
  const path = tempDir(t);
  const store = await Store.open(rawOptions(path));
  await store.close();
  assert.throws(() => store.read(), refused('STORE_CLOSED'));
  assert.throws(() => store.balancesOf(1, OWNER), refused('STORE_READ_FAILED'));
  await assert.rejects(store.commit(balanceChange(1n)), refused('STORE_WRITE_FAILED'));
});
