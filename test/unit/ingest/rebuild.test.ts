import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type RebuildReport, rebuildStore } from '../../../src/ingest/rebuild.ts';
import { type Core, storeOptions } from '../../../src/node/core.ts';
import { Database } from '../../../src/store/database.ts';
import { afterPrefix, PREFIX } from '../../../src/store/keys.ts';
import { decodeTx } from '../../../src/store/records.ts';
import type { VerifyReport } from '../../../src/store/view.ts';
import {
  audit,
  openTestCore,
  rebuildTestCore,
  testCoreModules,
  testCoreOptions,
} from '../../support/core.ts';
import { type DumpPlan, dumpIndex, type IndexDump, planOf } from '../../support/index-dump.ts';
import { type RichChain, richChain } from '../../support/rich-chain.ts';

interface Original {
  readonly path: string;
  readonly plan: DumpPlan;
  readonly dump: IndexDump;
  readonly report: VerifyReport;
}

let root: string;
let rich: RichChain;
let original: Original;

/** What events and figures say is about one store's life; the rest is the state. */
function stateOf(dump: IndexDump): IndexDump {
  return new Map([...dump].filter(([question]) => question !== 'events' && question !== 'facts'));
}

async function stateAt(
  path: string,
): Promise<{ dump: IndexDump; report: VerifyReport; facts: Record<string, unknown> }> {
  const core = await openTestCore({ path, follow: rich.follow });
  try {
    const facts = { ...core.reader.facts() };
    return { dump: await dumpIndex(core.reader, original.plan), report: await audit(core), facts };
  } finally {
    await core.close();
  }
}

function rebuild(
  path: string,
  follow: readonly string[] = rich.follow,
  acceptLoss = false,
): Promise<RebuildReport> {
  return rebuildTestCore({ path, follow, acceptLoss });
}

function copyOf(t: { name: string }): string {
  const path = join(root, t.name.replaceAll(/[^a-z]+/gi, '-').slice(0, 80));
  cpSync(original.path, path, { recursive: true });
  return path;
}

before(async () => {
  root = mkdtempSync(join(tmpdir(), 'btcfed-test-'));
  rich = richChain('rebuild');
  const path = join(root, 'original');
  let core: Core = await openTestCore({ path, follow: rich.follow });
  // Opened again between the steps, so that tables and a log exist.
  await rich.feed(
    () => core,
    async () => {
      await core.close();
      core = await openTestCore({ path, follow: rich.follow });
    },
  );
  await core.close();
  core = await openTestCore({ path, follow: rich.follow });
  const plan = await planOf(core.reader);
  original = { path, plan, dump: await dumpIndex(core.reader, plan), report: await audit(core) };
  await core.close();
});

after(() => rmSync(root, { recursive: true, force: true }));

test('the store to rebuild has every kind of standing', async () => {
  const core = await openTestCore({ path: original.path, follow: rich.follow });
  const statuses = new Set(original.plan.txids.map((txid) => core.reader.tx(txid)?.status));
  const facts = core.reader.facts();
  const undone = core.reader.tx(rich.movedTxid);
  await core.close();
  assert.deepEqual(original.report.problems, []);
  assert.ok(
    facts.pending >= 2 && facts.conflicts >= 3,
    `${facts.pending} waiting, ${facts.conflicts} not active`,
  );
  assert.ok(
    statuses.has('active') && statuses.has('conflicted') && statuses.has('dead'),
    [...statuses].join(),
  );
  assert.equal(undone?.position?.height, 5);
});

test('nothing lost: the same state, in every answer', async (t) => {
  const path = copyOf(t);
  const report = await rebuild(path);
  const { dump, report: found, facts } = await stateAt(path);
  assert.equal(report.audit.stateDigest, original.report.stateDigest);
  assert.equal(found.stateDigest, original.report.stateDigest);
  assert.deepEqual(found.problems, []);
  assert.deepEqual(stateOf(dump), stateOf(original.dump));
  assert.equal(facts['transactions'], original.report.transactions);
  const { transactions, proofs, damagedRows, unreadableFiles, waiting, tokens } = report;
  assert.deepEqual(transactions, { kept: original.report.transactions, lost: 0, unproven: 0 });
  assert.deepEqual([proofs.dropped, damagedRows, unreadableFiles, waiting], [0, 0, [], facts['pending']]);
  assert.deepEqual(tokens, { followed: 3, seen: 1 });
  assert.deepEqual(readdirSync(path).sort(), ['index', 'index.damaged', 'store.json']);
});

/** Changes rows behind the store's back, and merges LevelDB's files so that no older version is left in them. */
async function tamper(
  path: string,
  prefix: number,
  change: (key: Buffer, value: Buffer) => 'keep' | 'delete' | 'spoil',
): Promise<number> {
  const { config } = testCoreOptions({ path, follow: [] });
  const { database } = await Database.open(storeOptions(config, testCoreModules));
  const ops: { key: Buffer; value: Buffer | undefined }[] = [];
  for await (const { key, value } of database.rows(Buffer.of(prefix), afterPrefix(Buffer.of(prefix)))) {
    const what = change(key, value);
    if (what === 'delete') ops.push({ key, value: undefined });
    if (what === 'spoil')
      ops.push({ key, value: Buffer.concat([value.subarray(0, -1), Buffer.of(value.at(-1)! ^ 1)]) });
  }
  await database.write(ops, true);
  await database.compact();
  await database.close();
  return ops.length;
}

/** Offers again everything that the original was given. */
async function feedAgain(path: string): Promise<{ dump: IndexDump; report: VerifyReport }> {
  const core = await openTestCore({ path, follow: rich.follow });
  await rich.feed(
    () => core,
    () => Promise.resolve(),
  );
  const result = { dump: await dumpIndex(core.reader, original.plan), report: await audit(core) };
  await core.close();
  return result;
}

test('lost transactions are counted, the rest stands, and offered again they bring the same state', async (t) => {
  const path = copyOf(t);
  // Mined ones, since order of arrival decides between others, and what comes again comes last.
  let seen = 0;
  const spoilt = await tamper(path, PREFIX.tx, (key, value) =>
    decodeTx(key, value).place !== undefined && ++seen % 2 === 0 ? 'spoil' : 'keep',
  );
  const report = await rebuild(path);
  assert.ok(spoilt >= 3, `${spoilt} spoilt`);
  assert.equal(report.transactions.lost, spoilt);
  assert.equal(report.transactions.kept, original.report.transactions - spoilt);
  assert.equal(report.damagedRows, spoilt);
  assert.deepEqual(report.audit.problems, []);
  assert.equal(report.audit.lost?.count, spoilt);
  assert.equal(report.audit.lost?.uncertain, false);
  assert.equal(report.audit.lost?.txids.length, spoilt);
  const healed = await feedAgain(path);
  assert.deepEqual(healed.report.problems, []);
  assert.equal(healed.report.stateDigest, original.report.stateDigest);
  assert.equal(healed.report.lost, undefined);
});

test('what is lost is remembered by name, over restarts and rebuilds, until it is back', async (t) => {
  const path = copyOf(t);
  let gone: string | undefined;
  await tamper(path, PREFIX.tx, (key, value) => {
    const { place, txid } = decodeTx(key, value);
    if (gone !== undefined || place === undefined) return 'keep';
    gone = txid;
    return 'delete';
  });
  const expected = { count: 1, txids: [gone], uncertain: false };
  assert.deepEqual((await rebuild(path)).audit.lost, expected);
  assert.deepEqual((await rebuild(path)).audit.lost, expected);
  const { facts, report } = await stateAt(path);
  assert.deepEqual(facts['lost'], expected);
  assert.deepEqual(report.lost, expected);
  const healed = await feedAgain(path);
  assert.equal(healed.report.lost, undefined);
  assert.equal((await stateAt(path)).facts['lost'], undefined);
});

test('a lost transaction whose name is lost too is counted, until the operator takes note', async (t) => {
  const path = copyOf(t);
  const gone = new Set<string>();
  await tamper(path, PREFIX.tx, (key, value) => {
    const { place, txid } = decodeTx(key, value);
    if (gone.size > 0 || place === undefined) return 'keep';
    gone.add(txid);
    return 'delete';
  });
  await tamper(path, PREFIX.arrival, (key) => (gone.has(key.toString('hex', 1)) ? 'delete' : 'keep'));
  const expected = { count: 1, txids: [], uncertain: false };
  assert.deepEqual((await rebuild(path)).audit.lost, expected);
  assert.deepEqual((await rebuild(path)).audit.lost, expected);
  const accepted = await rebuild(path, rich.follow, true);
  assert.equal(accepted.audit.lost, undefined);
  assert.equal((await stateAt(path)).report.lost, undefined);
});

test('a lost waiting transaction is counted', async (t) => {
  const path = copyOf(t);
  const gone = await tamper(path, PREFIX.waiting, () => 'delete');
  assert.ok(gone > 0);
  assert.deepEqual((await rebuild(path)).audit.lost, { count: gone, txids: [], uncertain: false });
});

test('a row that says what is lost cannot vanish', async (t) => {
  const path = copyOf(t);
  let seen = 0;
  await tamper(path, PREFIX.tx, () => (++seen === 1 ? 'spoil' : 'keep'));
  await rebuild(path);
  await tamper(path, PREFIX.misc, (key) => (key.toString('latin1').startsWith('mlost') ? 'delete' : 'keep'));
  await assert.rejects(openTestCore({ path, follow: rich.follow }), { code: 'STORE_ROW_MISSING' });
});

test('without its proof a transaction is unmined, until the proof comes again', async (t) => {
  const path = copyOf(t);
  const spoilt = await tamper(path, PREFIX.proof, () => 'delete');
  const report = await rebuild(path);
  assert.ok(spoilt > 5);
  assert.equal(report.transactions.kept, original.report.transactions);
  assert.equal(report.proofs.kept, 0);
  assert.ok(report.transactions.unproven > 5);
  assert.deepEqual(report.audit.problems, []);
  const healed = await feedAgain(path);
  assert.equal(healed.report.stateDigest, original.report.stateDigest);
});

test('without headers proofs wait, and count as soon as the headers are back', async (t) => {
  const path = copyOf(t);
  await tamper(path, PREFIX.header, () => 'spoil');
  const report = await rebuild(path);
  assert.equal(report.headersTo, 0);
  assert.equal(report.transactions.kept, original.report.transactions);
  assert.ok(report.proofs.waiting > 5);
  assert.deepEqual(report.audit.problems, []);
  const core = await openTestCore({ path, follow: rich.follow });
  const mined = () =>
    original.plan.txids.filter((txid) => core.reader.tx(txid)?.position !== undefined).length;
  const before = mined();
  await core.chain.add(rich.chain.headerBytes({ from: 1 }).subarray(0, 6 * 80));
  await core.chainSettled();
  await core.ingest.drained();
  const after = mined();
  const { problems } = await audit(core);
  await core.close();
  assert.deepEqual([before, problems], [0, []]);
  assert.ok(after > 5, `${after} mined again`);
});

test('headers that are gone are not taken for a reorganisation: the store is refused until it is rebuilt', async (t) => {
  const path = copyOf(t);
  await tamper(path, PREFIX.header, () => 'delete');
  await assert.rejects(openTestCore({ path, follow: rich.follow }), {
    name: 'StoreError',
    code: 'STORE_HEADERS_LOST',
  });
  const report = await rebuild(path);
  assert.equal(report.transactions.kept, original.report.transactions);
  const { report: found } = await stateAt(path);
  assert.deepEqual(found.problems, []);
});

test('files that LevelDB needs and we do not: nothing is lost without CURRENT, MANIFEST and LOG', async (t) => {
  const path = copyOf(t);
  for (const name of readdirSync(join(path, 'index'))) {
    if (!/\.(ldb|log)$/.test(name)) rmSync(join(path, 'index', name));
  }
  const report = await rebuild(path);
  assert.equal(report.audit.stateDigest, original.report.stateDigest);
  assert.equal(report.transactions.lost, 0);
  assert.equal(report.audit.lost, undefined);
});

test('with all tables gone the store is empty, follows the configured tokens, and can be fed again', async (t) => {
  const path = copyOf(t);
  for (const name of readdirSync(join(path, 'index')))
    if (/\.(ldb|log)$/.test(name)) rmSync(join(path, 'index', name));
  const report = await rebuild(path);
  assert.deepEqual(report.transactions, { kept: 0, lost: undefined, unproven: 0 });
  assert.equal(report.tokens.followed, 3);
  assert.deepEqual(report.audit.lost, { count: 0, txids: [], uncertain: true });
  const healed = await feedAgain(path);
  assert.equal(healed.report.stateDigest, original.report.stateDigest);
});

test('followed tokens are those of the store and those of the configuration', async (t) => {
  const path = copyOf(t);
  const [gold, silver, third] = rich.follow as [string, string, string];
  const report = await rebuild(path, [gold]);
  assert.deepEqual(report.tokens, { followed: 3, seen: 1 });
  const lostRow = await tamper(path, PREFIX.token, (_, value) =>
    value.includes(silver) ? 'delete' : 'keep',
  );
  const again = await rebuild(path, [gold, silver, third]);
  assert.equal(lostRow, 1);
  assert.deepEqual(again.tokens, { followed: 3, seen: 1 });
  assert.equal(again.audit.stateDigest, original.report.stateDigest);
});

test('of replaced databases one is kept', async (t) => {
  const path = copyOf(t);
  const first = await rebuild(path);
  const second = await rebuild(path);
  assert.equal(second.audit.stateDigest, first.audit.stateDigest);
  assert.deepEqual(readdirSync(path).sort(), ['index', 'index.damaged', 'store.json']);
});

test('arrival and time of first sight are kept, and the next arrival is behind all of them', async (t) => {
  const path = copyOf(t);
  const arrivals = async (): Promise<string[]> => {
    const found: string[] = [];
    await tamper(path, PREFIX.tx, (key, value) => {
      const { txid, arrival, firstSeenMs } = decodeTx(key, value);
      found.push(`${txid} ${arrival} ${firstSeenMs}`);
      return 'keep';
    });
    return found;
  };
  const before = await arrivals();
  await rebuild(path);
  assert.deepEqual(await arrivals(), before);
  const core = await openTestCore({ path, follow: rich.follow });
  const { arrival } = core.store.tip();
  await core.close();
  assert.ok(arrival >= before.length);
});

test('refused: a store in use, no store, a store of another network, one that changes meanwhile', async (t) => {
  const path = copyOf(t);
  const core = await openTestCore({ path, follow: rich.follow });
  await assert.rejects(rebuild(path), { name: 'StoreError', code: 'STORE_LOCKED' });
  await core.close();
  await assert.rejects(rebuild(join(path, 'nowhere')), { name: 'StoreError', code: 'STORE_MISSING' });
  const { config } = testCoreOptions({ path, follow: [] });
  const options = {
    store: storeOptions(config, testCoreModules),
    follow: [],
    signal: new AbortController().signal,
    onProgress: () => undefined,
  };
  const noChain = () => Promise.reject(new Error('not reached'));
  const modules = { recoverChain: noChain, verifyRoot: () => Promise.resolve('unknown' as const) };
  await assert.rejects(rebuildStore({ ...options, store: { ...options.store, network: 'main' } }, modules), {
    name: 'StoreError',
    code: 'STORE_FOREIGN_NETWORK',
  });
  const touched = {
    ...modules,
    recoverChain: (): Promise<never> => {
      utimesSync(join(path, 'index', 'CURRENT'), 1, 1);
      return Promise.resolve({
        tip: () => ({ height: 0, hash: '00'.repeat(32) }),
        baseHeight: () => 0,
        rootAt: () => undefined,
        hashAt: () => undefined,
        sideRoots: () => [],
      } as never);
    },
  };
  await assert.rejects(rebuildStore(options, touched), { name: 'StoreError', code: 'STORE_INCONSISTENT' });
  const { report } = await stateAt(path);
  assert.equal(report.stateDigest, original.report.stateDigest);
});

test('interrupted, it leaves the old store, and runs again', async (t) => {
  const path = copyOf(t);
  await assert.rejects(rebuildTestCore({ path, follow: [] }, AbortSignal.abort()), { name: 'AbortError' });
  assert.equal((await stateAt(path)).report.stateDigest, original.report.stateDigest);
  assert.equal((await rebuild(path)).audit.stateDigest, original.report.stateDigest);
});
