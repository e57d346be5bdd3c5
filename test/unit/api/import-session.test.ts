import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frameHead } from '../../../src/api/frames.ts';
import { MAX_IMPORTS, MAX_PIECE_BYTES, MAX_SAMPLES_PER_GROUP } from '../../../src/api/limits.ts';
import type { Outcome } from '../../../src/ingest/outcome.ts';
import { startServer } from '../../support/api-server.ts';
import { FakeNode, storeError, TXID } from '../../support/fake-modules.ts';
import type { RawClient } from '../../support/raw-client.ts';

function framed(...frames: readonly Uint8Array[]): Buffer {
  return Buffer.concat(frames.flatMap((frame) => [frameHead(frame.length), frame]));
}

async function open(raw: RawClient): Promise<string> {
  raw.request('open', 'import.open', {});
  return String((await raw.json()).result?.['importId']);
}

async function write(raw: RawClient, importId: string, bytes: Uint8Array) {
  raw.request('write', 'import.write', { importId, data: Buffer.from(bytes).toString('base64') });
  return raw.json();
}

async function close(raw: RawClient, importId: string) {
  raw.request('close', 'import.close', { importId });
  return raw.json();
}

test('BEEFs come out of the pieces whole and in order, and the totals say what became of them', async (t) => {
  const node = new FakeNode();
  const outcomes: Outcome[] = [
    { status: 'admitted', txid: TXID, tokens: [] },
    { status: 'known', txid: TXID },
    { status: 'pending', txid: 'cd'.repeat(32), waitingFor: 'parents', missing: [`${TXID}_1`] },
    { status: 'pending', txid: 'ab'.repeat(32), waitingFor: 'header', missing: [], height: 9 },
    { status: 'conflict', txid: TXID, conflictsWith: ['aa'] },
    { status: 'rejected', txid: TXID, code: 'SCRIPT_FAILED', data: { vin: 1 } },
    { status: 'rejected', code: 'TRUNCATED', data: {} },
  ];
  node.outcome = (_beef, index) => outcomes[index] ?? assert.fail('too many');
  const { client } = await startServer(t, {}, node);
  const raw = await client();
  const id = await open(raw);
  const beefs = outcomes.map((_, i) => Buffer.alloc(1000 * (i + 1), i));
  const stream = framed(...beefs);
  for (let at = 0; at < stream.length; at += 777) {
    const answer = await write(raw, id, stream.subarray(at, at + 777));
    assert.equal(answer.result?.['bytes'], Math.min(at + 777, stream.length));
  }
  const totals = (await close(raw, id)).result ?? {};
  assert.ok(node.offered.every((beef, i) => Buffer.from(beef).equals(beefs[i] as Buffer)));
  const { admitted, known, pending, conflict, rejected, offered, done, byCode, damage } = totals;
  assert.deepEqual(
    { admitted, known, pending, conflict, rejected, offered, done, byCode, damage },
    {
      admitted: 1,
      known: 1,
      pending: 2,
      conflict: 1,
      rejected: 2,
      offered: 7,
      done: 7,
      byCode: { PENDING_PARENTS: 1, PENDING_HEADER: 1, SCRIPT_FAILED: 1, TRUNCATED: 1 },
      damage: undefined,
    },
  );
  const samples = totals['samples'] as { index: number; status: string; missing?: string[] }[];
  assert.deepEqual(
    samples.map((s) => [s.index, s.status]),
    outcomes.map((o, i) => [i, o.status]),
  );
  assert.deepEqual(samples[2]?.missing, [`${TXID}_1`]);
});

test('a BEEF larger than any line fits through', async (t) => {
  const node = new FakeNode();
  const { client } = await startServer(t, {}, node);
  const raw = await client();
  const id = await open(raw);
  const beef = Buffer.alloc(999_999, 0x77);
  const stream = framed(beef);
  for (let at = 0; at < stream.length; at += MAX_PIECE_BYTES) {
    const answer = await write(raw, id, stream.subarray(at, at + MAX_PIECE_BYTES));
    assert.equal(answer.error, undefined);
  }
  assert.equal((await close(raw, id)).result?.['admitted'], 1);
  assert.ok(Buffer.from(node.offered[0] as Uint8Array).equals(beef));
});

test('the answer to a write is the back-pressure: it comes when the index has room, and writes keep their order', async (t) => {
  const node = new FakeNode();
  let gate = Promise.withResolvers<void>();
  node.ready = () => gate.promise;
  const { client } = await startServer(t, {}, node);
  const raw = await client();
  const id = await open(raw);
  const data = (n: number) => framed(Buffer.alloc(4, n)).toString('base64');
  for (let i = 0; i < 3; i++) raw.request(i, 'import.write', { importId: id, data: data(i) });
  raw.request('ping', 'headers.tip');
  assert.equal((await raw.json()).id, 'ping', 'the writes wait, other calls do not');
  assert.equal(node.offered.length, 0);
  gate.resolve();
  gate = Promise.withResolvers<void>();
  gate.resolve();
  for (let i = 0; i < 3; i++) assert.equal((await raw.json()).id, i);
  assert.deepEqual(
    node.offered.map((beef) => beef[0]),
    [0, 1, 2],
  );
});

test('a damaged stream is named with its offset; what came before is imported', async (t) => {
  const { client, node } = await startServer(t);
  const raw = await client();
  const id = await open(raw);
  const damaged = Buffer.concat([framed(Buffer.from('good')), frameHead(0), framed(Buffer.from('lost'))]);
  const answer = await write(raw, id, damaged);
  assert.equal(answer.error?.data.code, 'IMPORT_FRAME_INVALID');
  assert.deepEqual([answer.error?.data['reason'], answer.error?.data['offset']], ['FRAME_EMPTY', 8]);
  assert.equal((await write(raw, id, framed(Buffer.from('later')))).error?.data.code, 'IMPORT_FRAME_INVALID');
  const totals = (await close(raw, id)).result ?? {};
  assert.deepEqual([totals['admitted'], (totals['damage'] as { offset: number }).offset], [1, 8]);
  assert.equal(node.offered.length, 1);
  const cut = await open(raw);
  await write(raw, cut, framed(Buffer.from('whole'), Buffer.from('cut off')).subarray(0, 15));
  const short = (await close(raw, cut)).result ?? {};
  assert.deepEqual([short['admitted'], (short['damage'] as { code: string }).code], [1, 'FRAME_TRUNCATED']);
});

test('examples of outcomes are bounded, counts are not', async (t) => {
  const node = new FakeNode();
  node.outcome = (_b, index) => ({ status: 'rejected', code: `CODE_${index % 100}`, data: {} });
  const { client } = await startServer(t, {}, node);
  const raw = await client();
  const id = await open(raw);
  await write(raw, id, framed(...Array.from({ length: 2_000 }, () => Buffer.from('x'))));
  const totals = (await close(raw, id)).result ?? {};
  assert.equal(totals['rejected'], 2_000);
  assert.equal(Object.keys(totals['byCode'] as object).length, 100);
  assert.equal((totals['samples'] as unknown[]).length, 64 * MAX_SAMPLES_PER_GROUP);
});

test('imports are bounded and belong to their connection', async (t) => {
  const { client } = await startServer(t);
  const raw = await client();
  const ids = new Set<string>();
  for (let i = 0; i < MAX_IMPORTS; i++) ids.add(await open(raw));
  assert.equal(ids.size, MAX_IMPORTS);
  raw.request(1, 'import.open', {});
  assert.equal((await raw.json()).error?.data.code, 'IMPORT_LIMIT');
  const [first = ''] = ids;
  await close(raw, first);
  assert.equal((await write(raw, first, Buffer.from('x'))).error?.data.code, 'IMPORT_UNKNOWN');
  assert.notEqual(await open(raw), first);
  const other = await client();
  const [, second = ''] = ids;
  assert.equal((await write(other, second, Buffer.from('x'))).error?.data.code, 'IMPORT_UNKNOWN');
});

test('a connection that goes ends its imports: nothing more is offered', async (t) => {
  const node = new FakeNode();
  const gate = Promise.withResolvers<void>();
  let asked = 0;
  node.ready = () => {
    asked += 1;
    return asked === 1 ? Promise.resolve() : gate.promise;
  };
  const { client, server } = await startServer(t, {}, node);
  const raw = await client();
  const id = await open(raw);
  raw.request(1, 'import.write', {
    importId: id,
    data: framed(Buffer.from('one'), Buffer.from('two'), Buffer.from('three')).toString('base64'),
  });
  while (asked < 2) await new Promise((resolve) => setImmediate(resolve));
  await raw.close();
  // The end of the first connection was ready to be seen before this one was answered.
  const other = await client();
  other.request(1, 'headers.tip');
  await other.json();
  gate.resolve();
  while (server.facts().connections > 1) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(node.offered.length, 1);
});

test('a store that cannot be written fails the import with its code', async (t) => {
  const node = new FakeNode();
  node.outcome = () => {
    throw storeError('STORE_WRITE_FAILED', 'disk full');
  };
  const { client } = await startServer(t, {}, node);
  const raw = await client();
  const id = await open(raw);
  await write(raw, id, framed(Buffer.from('one')));
  const answer = await close(raw, id);
  assert.deepEqual([answer.error?.code, answer.error?.data.code], [500, 'STORE_WRITE_FAILED']);
});

test('what waited for a later BEEF of the same import is told as it ended', async (t) => {
  const node = new FakeNode();
  const waited = 'cd'.repeat(32);
  const dropped = 'ef'.repeat(32);
  const outcomes: Outcome[] = [
    { status: 'pending', txid: waited, waitingFor: 'parents', missing: [`${TXID}_0`] },
    { status: 'pending', txid: dropped, waitingFor: 'parents', missing: [`${TXID}_1`] },
    { status: 'admitted', txid: TXID, tokens: [] },
  ];
  node.outcome = (_beef, index) => outcomes[index] ?? assert.fail('too many');
  node.later.set(waited, { status: 'admitted', txid: waited, tokens: [] });
  node.later.set(dropped, { status: 'rejected', txid: dropped, code: 'SCRIPT_FAILED', data: {} });
  const { client } = await startServer(t, {}, node);
  const raw = await client();
  const id = await open(raw);
  await write(raw, id, framed(...outcomes.map((_, i) => Buffer.alloc(100, i))));
  const { admitted, pending, rejected, byCode } = (await close(raw, id)).result ?? {};
  assert.deepEqual(
    { admitted, pending, rejected, byCode },
    { admitted: 2, pending: 0, rejected: 1, byCode: { SCRIPT_FAILED: 1 } },
  );
});

test('every BEEF is in the totals once, also where several are of one transaction that waited', async (t) => {
  const node = new FakeNode();
  const [later, waits, whole] = ['cd'.repeat(32), 'ef'.repeat(32), '12'.repeat(32)];
  const pending = (txid: string): Outcome => {
    return { status: 'pending', txid, waitingFor: 'parents', missing: [`${TXID}_0`] };
  };
  const admitted = (txid: string): Outcome => ({ status: 'admitted', txid, tokens: [] });
  const outcomes = [...[later, waits, later, waits, later, whole].map(pending), admitted(whole)];
  node.outcome = (_beef, index) => outcomes[index] ?? assert.fail('too many');
  for (const outcome of [admitted(later), pending(waits), admitted(whole)])
    node.later.set(outcome.txid ?? '', outcome);
  const { client } = await startServer(t, {}, node);
  const raw = await client();
  const id = await open(raw);
  await write(raw, id, framed(...outcomes.map((_, i) => Buffer.alloc(100, i))));
  const totals = (await close(raw, id)).result ?? {};
  assert.deepEqual(
    ['offered', 'admitted', 'known', 'pending', 'byCode'].map((name) => totals[name]),
    [7, 2, 3, 2, { PENDING_PARENTS: 2 }],
  );
});
