import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVENT_PAGE, MAX_SUBSCRIPTIONS } from '../../../src/api/limits.ts';
import { startServer } from '../../support/api-server.ts';
import { eventAt, FakeNode, SEEN, storeError, TOKEN } from '../../support/fake-modules.ts';
import type { RawClient } from '../../support/raw-client.ts';

async function sequences(raw: RawClient, count: number): Promise<unknown[]> {
  const out: unknown[] = [];
  for (let i = 0; i < count; i++) {
    const message = await raw.json();
    assert.equal(message.method, 'event');
    out.push(message.params?.['sequence']);
  }
  return out;
}

test('replay from a sequence, then live, after the answer and without a gap', async (t) => {
  const { client, node } = await startServer(t);
  const raw = await client();
  raw.request(1, 'events.subscribe', { after: '1' });
  const answer = await raw.json();
  assert.deepEqual(answer.result, { subscriptionId: 's1', after: '1', sequence: '3', databaseId: 'db1' });
  assert.deepEqual(await sequences(raw, 2), ['2', '3']);
  node.append(eventAt(4n));
  node.append(eventAt(5n));
  assert.deepEqual(await sequences(raw, 2), ['4', '5']);
  node.append(eventAt(6n));
  const event = await raw.json();
  assert.deepEqual(event.params?.['subscriptionId'], 's1');
  assert.deepEqual([event.params?.['token'], event.params?.['amount']], [TOKEN, '60']);
});

test('without a sequence it begins now; a filter passes its tokens only', async (t) => {
  const { client, node } = await startServer(t);
  const raw = await client();
  raw.request(1, 'events.subscribe', { tokens: [SEEN] });
  assert.equal((await raw.json()).result?.['after'], '3');
  node.append(eventAt(4n));
  node.append(eventAt(5n, SEEN));
  assert.deepEqual(await sequences(raw, 1), ['5']);
});

test('many pages of history and events that arrive meanwhile come once each, in order', async (t) => {
  const node = new FakeNode();
  node.events.length = 0;
  for (let i = 1n; i <= BigInt(EVENT_PAGE * 3 + 7); i++) node.events.push(eventAt(i));
  const { client } = await startServer(t, {}, node);
  const read = node.view.events;
  let pages = 0;
  Object.assign(node.view, {
    events: async (...args: Parameters<typeof read>) => {
      const page = await read(...args);
      pages += 1;
      // Committed while the page is on its way: the case in which a listener alone would lose an event.
      if (pages <= 5) node.append(eventAt((node.events.at(-1)?.sequence ?? 0n) + 1n));
      return page;
    },
  });
  const raw = await client();
  raw.request(1, 'events.subscribe', { after: 0 });
  await raw.json();
  const total = EVENT_PAGE * 3 + 7 + 5;
  assert.deepEqual(
    await sequences(raw, total),
    Array.from({ length: total }, (_, i) => String(i + 1)),
  );
});

test('a client that does not read costs no memory: events are read only as it takes them', async (t) => {
  const node = new FakeNode();
  node.events.length = 0;
  for (let i = 1n; i <= 40_000n; i++) node.events.push(eventAt(i));
  const { client, server } = await startServer(t, { writeDeadlineMs: 150 }, node);
  let asked = 0;
  const read = node.view.events;
  Object.assign(node.view, {
    events: (...args: Parameters<typeof read>) => {
      asked += 1;
      return read(...args);
    },
  });
  const raw = await client();
  raw.request(1, 'events.subscribe', { after: 0 });
  await raw.json();
  raw.socket.pause();
  while (server.facts().connections > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(server.facts().dropped, { SLOW_READER: 1 });
  assert.ok(asked * EVENT_PAGE < 20_000, `${asked} pages were read for a client that takes none`);
  assert.equal(node.listeners, 0);
});

test('a dropped client resumes behind the last event it saw', async (t) => {
  const { client, node } = await startServer(t);
  const raw = await client();
  raw.request(1, 'events.subscribe', { after: 0 });
  await raw.json();
  assert.deepEqual(await sequences(raw, 2), ['1', '2']);
  await raw.close();
  node.append(eventAt(4n));
  const again = await client();
  again.request(1, 'events.subscribe', { after: '2' });
  await again.json();
  assert.deepEqual(await sequences(again, 2), ['3', '4']);
});

test('the listener goes with the connection, over a hundred cycles', async (t) => {
  const { client, node } = await startServer(t);
  for (let i = 0; i < 100; i++) {
    const raw = await client();
    raw.request(1, 'events.subscribe', { after: 3 });
    await raw.json();
    await raw.close();
  }
  const last = await client();
  last.request(1, 'headers.tip');
  await last.json();
  while (node.listeners > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(node.listeners, 0);
});

test('subscriptions of a connection are bounded; ahead of the log is refused', async (t) => {
  const { client } = await startServer(t);
  const raw = await client();
  for (let i = 0; i <= MAX_SUBSCRIPTIONS; i++) raw.request(i, 'events.subscribe', {});
  const codes: unknown[] = [];
  for (let i = 0; i <= MAX_SUBSCRIPTIONS; i++) codes.push((await raw.json()).error?.data.code);
  assert.deepEqual(
    codes.filter((code) => code !== undefined),
    ['SUBSCRIPTION_LIMIT'],
  );
  raw.request('x', 'events.subscribe', { after: 99 });
  assert.equal((await raw.json()).error?.data.code, 'EVENTS_AHEAD');
});

test('a store that cannot be read ends the subscription with its code, and says so', async (t) => {
  const { client, node } = await startServer(t);
  const raw = await client();
  raw.request(1, 'events.subscribe', { after: 3 });
  await raw.json();
  node.readFailure = storeError('STORE_ROW_DAMAGED', 'row e/9 is damaged');
  node.append(eventAt(4n));
  const end = await raw.json();
  assert.equal(end.method, 'event.end');
  assert.match(JSON.stringify(end.params), /"subscriptionId":"s1".*STORE_ROW_DAMAGED/);
  assert.equal(node.listeners, 0);
});
