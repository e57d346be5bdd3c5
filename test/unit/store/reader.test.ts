import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Core } from '../../../src/node/core.ts';
import type { RowOp } from '../../../src/store/database.ts';
import { StoreError } from '../../../src/store/errors.ts';
import { PREFIX } from '../../../src/store/keys.ts';
import { decodeBalance, encodeBalance, totalOf } from '../../../src/store/owner-rows.ts';
import { StoreReader } from '../../../src/store/reader.ts';
import { decodeTx, encodeTx } from '../../../src/store/records.ts';
import { RowWriter } from '../../../src/store/row-bytes.ts';
import type { HistoryFilter, Page, PageRequest } from '../../../src/store/view.ts';
import { audit, openTestCore } from '../../support/core.ts';
import { rowsOf, withDatabase } from '../../support/raw-store.ts';
import { type RichChain, richChain } from '../../support/rich-chain.ts';

let root: string;
let rich: RichChain;
let gold: string;

before(async () => {
  root = mkdtempSync(join(tmpdir(), 'btcfed-test-'));
  rich = richChain('reader');
  gold = rich.follow[0]!;
  const core = await openTestCore({ path: join(root, 'original'), follow: rich.follow });
  await rich.feed(
    () => core,
    () => Promise.resolve(),
  );
  await core.close();
});

after(() => rmSync(root, { recursive: true, force: true }));

/** A core on a copy of the store in which rows were changed, each with a seal that holds: old or lost, not garbled. */
async function damagedCore<T>(
  name: string,
  prefix: number,
  change: (rows: readonly { key: Buffer; value: Buffer }[]) => readonly RowOp[],
  work: (core: Core) => Promise<T>,
): Promise<T> {
  const path = join(root, name);
  cpSync(join(root, 'original'), path, { recursive: true });
  await withDatabase(path, async (database) => {
    const ops = change(await rowsOf(database, prefix));
    assert.ok(ops.length > 0, 'nothing was changed');
    await database.write(ops, true);
  });
  const core = await openTestCore({ path, follow: rich.follow });
  try {
    return await work(core);
  } finally {
    await core.close();
  }
}

const owner = (name: string): Buffer => rich.chain.key(name).hash160;
const isMissing = (error: unknown): boolean =>
  error instanceof StoreError && error.code === 'STORE_ROW_MISSING';
const ofOwner = (name: string) => (row: { key: Buffer }) => row.key.includes(owner(name));
const lost = ({ key }: { key: Buffer }): RowOp => ({ key, value: undefined });

test('undamaged, the owner of these tests has coins, a balance and a history', async () => {
  const core = await openTestCore({ path: join(root, 'original'), follow: rich.follow });
  const balance = await core.reader.balance(gold, owner('owner 3 heir'));
  const coins = await core.reader.coins(gold, owner('owner 3 heir'), { limit: 10 });
  const history = await core.reader.history(gold, { owner: owner('owner 3 heir') }, { limit: 10 });
  await core.close();
  assert.equal(balance.coins, coins.items.length);
  assert.ok(coins.items.length > 0 && history.items.length > 0);
});

test('a balance row that is lost is no balance of zero', async () => {
  const heir = owner('owner 3 heir');
  await damagedCore(
    'no balance',
    PREFIX.balance,
    (all) => all.filter(ofOwner('owner 3 heir')).map(lost),
    async (core) => {
      await assert.rejects(core.reader.balance(gold, heir), isMissing);
      await assert.rejects(core.reader.coins(gold, heir, { limit: 10 }), isMissing);
      const other = await core.reader.balance(gold, owner('owner 4 heir'));
      assert.equal(other.confirmed, 10n);
    },
  );
});

test('an old balance row is not told: its holder row is gone', async () => {
  const older = ({ key, value }: { key: Buffer; value: Buffer }): RowOp => {
    const balances = decodeBalance(key, value).map((b) => ({ ...b, confirmed: b.confirmed + 1n }));
    return { key, value: encodeBalance(new RowWriter(), key, balances) };
  };
  await damagedCore(
    'old balance',
    PREFIX.balance,
    (all) => all.filter(ofOwner('owner 3 heir')).map(older),
    async (core) => {
      await assert.rejects(core.reader.balance(gold, owner('owner 3 heir')), isMissing);
    },
  );
});

test('a holder row that is lost is noticed by the balance, and by the audit', async () => {
  await damagedCore(
    'no holder',
    PREFIX.holder,
    (all) => all.filter(ofOwner('owner 3 heir')).map(lost),
    async (core) => {
      await assert.rejects(core.reader.balance(gold, owner('owner 3 heir')), isMissing);
      const { problems } = await audit(core);
      assert.deepEqual(problems.map((p) => p.code).sort(), ['HOLDER_EXTRA', 'HOLDER_MISSING']);
    },
  );
});

test('an amount that is not what the script says is noticed by the audit, also where nothing follows from it yet', async () => {
  const w = new RowWriter();
  const keys: string[] = [];
  const more = ({ key, value }: { key: Buffer; value: Buffer }): RowOp[] => {
    const record = decodeTx(key, value);
    const isOpen = record.tokens.some(({ outputs }) => outputs.some((o) => o.verdict === 'invalid'));
    if (!isOpen || keys.length > 0) return [];
    keys.push(record.txid);
    const tokens = record.tokens.map((part) => ({
      ...part,
      outputs: part.outputs.map((o) => (o.verdict === 'invalid' ? { ...o, amt: o.amt + 1n } : o)),
    }));
    return [{ key, value: Buffer.from(encodeTx(w, key, { ...record, tokens })) }];
  };
  await damagedCore(
    'wrong amount',
    PREFIX.tx,
    (all) => all.flatMap(more),
    async (core) => {
      const { problems } = await audit(core);
      assert.deepEqual([...new Set(problems.map((p) => p.code))], ['OUTPUT_WRONG']);
      assert.ok(problems.every(({ what }) => what.startsWith(keys[0] as string)));
    },
  );
});

test('a coin row that is lost is noticed where the list is told whole', async () => {
  await damagedCore(
    'no coin',
    PREFIX.coin,
    (all) => all.filter(ofOwner('owner 3 heir')).map(lost),
    async (core) => {
      await assert.rejects(core.reader.coins(gold, owner('owner 3 heir'), { limit: 10 }), isMissing);
      const { problems } = await audit(core);
      assert.ok(problems.some((p) => p.code === 'COIN_MISSING'));
    },
  );
});

test('an event row that is lost is noticed, at the beginning, in the middle and at the end', async () => {
  for (const which of [0, 3, -1]) {
    await damagedCore(
      `no event ${which}`,
      PREFIX.event,
      (all) => [lost(all.at(which)!)],
      async (core) => {
        await assert.rejects(core.reader.events(0n, 1_000_000), isMissing);
        const newest = core.reader.facts().sequence;
        if (which === -1) await assert.rejects(core.reader.events(newest - 1n, 10), isMissing);
        else assert.equal((await core.reader.events(newest - 1n, 10)).length, 1);
      },
    );
  }
});

test('a transaction that is gone is an error wherever it is named', async () => {
  await damagedCore(
    'no tx',
    PREFIX.tx,
    (all) => [lost(all.at(-1)!), lost(all.at(-4)!)],
    async (core) => {
      await assert.rejects(core.reader.events(0n, 1_000_000), isMissing);
      const { problems } = await audit(core);
      assert.ok(problems.length > 0);
    },
  );
});

test('a transaction whose index row is lost is not admitted a second time', async () => {
  await damagedCore(
    'no index',
    PREFIX.arrival,
    (all) => all.map(lost),
    async (core) => {
      const before = core.store.tip();
      assert.equal(core.store.tx(gold.slice(0, 64)), undefined);
      const outcomes = await Promise.all(rich.early.map((beef) => core.ingest.offer(beef, 'sync')));
      const codes = outcomes.map((outcome) =>
        outcome.status === 'rejected' ? outcome.code : outcome.status,
      );
      assert.ok(codes.includes('UNAVAILABLE'), codes.join());
      assert.equal(core.store.tip().outputs, before.outputs);
    },
  );
});

async function pagesOf<T>(read: (page: PageRequest) => Promise<Page<T>>, limit: number): Promise<T[]> {
  const items: T[] = [];
  for (let page = await read({ limit }); ; page = await read({ limit, cursor: page.cursor })) {
    assert.ok(page.items.length <= limit);
    items.push(...page.items);
    if (page.cursor === undefined) return items;
    assert.equal(page.items.length, limit);
  }
}

test('pages of any size together are the whole list, and cursors stay good while rows come and go', async () => {
  const path = join(root, 'pages');
  cpSync(join(root, 'original'), path, { recursive: true });
  const core = await openTestCore({ path, follow: rich.follow });
  const { reader } = core;
  const whole = {
    coins: (await reader.coins(gold, undefined, { limit: 1000 })).items,
    holders: (await reader.holders(gold, { limit: 1000 })).items,
    history: (await reader.history(gold, {}, { limit: 1000 })).items,
  };
  for (const limit of [1, 2, 3, 7, 1000]) {
    assert.deepEqual(await pagesOf((page) => reader.coins(gold, undefined, page), limit), whole.coins);
    assert.deepEqual(await pagesOf((page) => reader.holders(gold, page), limit), whole.holders);
    assert.deepEqual(await pagesOf((page) => reader.history(gold, {}, page), limit), whole.history);
  }
  const balances = whole.holders.map((holder) => holder.balance);
  assert.deepEqual(
    balances,
    [...balances].sort((a, b) => (a > b ? -1 : a < b ? 1 : 0)),
  );
  assert.ok(balances[0]! > 2n ** 62n && balances.at(-1)! <= 10n);
  // The row that the cursor was made of is gone: the next page begins behind it all the same.
  const first = await reader.holders(gold, { limit: 5 });
  const rows = await rowsOf(core.store.database, PREFIX.holder);
  const last = rows.find((row) => row.key.includes(Buffer.from(first.items.at(-1)!.owner)))!;
  await core.store.database.write([lost(last)], true);
  const second = await reader.holders(gold, { limit: 5, cursor: first.cursor! });
  assert.deepEqual(second.items, whole.holders.slice(5, 10));
  await core.close();
});

test('a cursor that this node did not give out is refused', async () => {
  const core = await openTestCore({ path: join(root, 'original'), follow: rich.follow });
  const { reader } = core;
  const bad = ['', '=', 'a', 'ab=', 'a b', 'AAAA====', '\u00e9', 'A'.repeat(400), '../x', 'AB'];
  for (const cursor of bad) {
    await assert.rejects(
      reader.holders(gold, { limit: 1, cursor }),
      (error) => error instanceof StoreError && error.code === 'STORE_CURSOR_INVALID',
      cursor,
    );
  }
  await core.close();
});

test('any well-formed cursor gives rows of the list asked for, or none', async () => {
  const core = await openTestCore({ path: join(root, 'original'), follow: rich.follow });
  const { reader } = core;
  const all = (await reader.holders(gold, { limit: 1000 })).items.map((h) =>
    Buffer.from(h.owner).toString('hex'),
  );
  for (const bytes of [
    [0],
    [0xff],
    [0xff, 0xff, 0xff],
    Array.from({ length: 256 }, () => 0x80),
    [0xf7],
    [0xf8, 1],
  ]) {
    const cursor = Buffer.from(bytes).toString('base64url');
    const { items } = await reader.holders(gold, { limit: 1000, cursor });
    for (const { owner: of } of items) assert.ok(all.includes(Buffer.from(of).toString('hex')));
  }
  await core.close();
});

test('a cursor of another filter leads to no row that the filter leaves out', async () => {
  const core = await openTestCore({ path: join(root, 'original'), follow: rich.follow });
  const { reader } = core;
  const { cursor } = await reader.history(gold, {}, { limit: 1 });
  const filter = { fromHeight: 4, toHeight: 5 };
  const fresh = (await reader.history(gold, filter, { limit: 100 })).items;
  const mixed = (await reader.history(gold, filter, { limit: 100, cursor: cursor! })).items;
  await core.close();
  assert.ok(fresh.length > 0);
  assert.deepEqual(mixed, fresh);
});

test('the sums of a balance row are those of its locks', () => {
  const balances = [
    { lock: 'p2pkh' as const, confirmed: 2n ** 70n, unconfirmed: 1n, coins: 2 },
    { lock: 'ordlock' as const, confirmed: 0n, unconfirmed: 5n, coins: 1 },
  ];
  assert.equal(totalOf(balances), 2n ** 70n + 6n);
});

test('a block whose header is not held has no time, and a range of dates leaves it out only where it is later', async () => {
  const core = await openTestCore({ path: join(root, 'original'), follow: rich.follow });
  const { store, chain } = core;
  const base = 3;
  const timeOfHeight = (height: number) => (height < base ? undefined : chain.timeAt(height));
  const tipHeight = () => chain.tip().height;
  const reader = new StoreReader({ store, isFollowed: () => true, timeOfHeight, tipHeight });
  const items = async (filter: HistoryFilter) => (await reader.history(gold, filter, { limit: 1000 })).items;
  const baseTime = chain.timeAt(base) as number;
  const all = await items({});
  const below = all.filter(({ position }) => position !== undefined && position.height < base);
  const before = await items({ toTime: baseTime - 1 });
  const from = await items({ fromTime: baseTime });
  const later = await items({ fromTime: baseTime + 365 * 24 * 60 * 60 });
  await core.close();
  assert.ok(below.length > 0 && below.length < all.length);
  for (const entry of all) assert.equal('time' in entry, !below.includes(entry));
  assert.deepEqual(before, below);
  assert.deepEqual(from, all);
  assert.ok(later.every(({ position }) => position === undefined));
});
