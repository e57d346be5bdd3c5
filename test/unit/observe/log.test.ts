import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOG_EVENTS, logEventsMarkdown } from '../../../src/observe/events.ts';
import { LOG_LEVELS, LOG_MODULES } from '../../../src/observe/levels.ts';
import { LINES_PER_WINDOW, MAX_KEYS, RepeatLimiter, WINDOW_MS } from '../../../src/observe/limiter.ts';
import { errorFields, type LogOptions, Logs, SILENT_LOG } from '../../../src/observe/log.ts';

function harness(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const clock = { nowMs: Date.UTC(2025, 6, 1) };
  const logs = new Logs(
    { level: 'info', format: 'json', ...options },
    { nowMs: () => clock.nowMs, write: (line) => void lines.push(line) },
  );
  return { logs, lines, clock, json: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test('an event becomes one flat JSON line with level, time, module, event, message and fields', () => {
  const { logs, lines, json } = harness();
  logs.module('api').event('api.listening', { socket: '/run/x.sock', mode: '0600' });
  assert.equal(lines.length, 1);
  assert.ok(lines[0]?.endsWith('\n'));
  assert.deepEqual(json()[0], {
    level: 'info',
    time: '2025-07-01T00:00:00.000Z',
    module: 'api',
    event: 'api.listening',
    socket: '/run/x.sock',
    mode: '0600',
    message: 'RPC socket listening',
  });
});

test('bigint fields are exact decimal strings, undefined ones are absent', () => {
  const { logs, json } = harness();
  logs.module('node').event('node.status', { sequence: 18_446_744_073_709_551_615n, height: undefined });
  assert.equal(json()[0]?.['sequence'], '18446744073709551615');
  assert.equal('height' in (json()[0] ?? {}), false);
});

test('levels filter, also module by module, and change at run time until the next configure', () => {
  const { logs, lines } = harness({ modules: { store: 'error' } });
  logs.module('api').debug('hidden');
  logs.module('store').event('store.recovered', { commit: 1 });
  assert.equal(lines.length, 0);
  logs.setLevel('debug', 'api');
  lines.length = 0;
  logs.module('api').debug('shown', { a: 1 });
  logs.module('chain').debug('still hidden');
  assert.equal(lines.length, 1);
  assert.equal(logs.levels().api, 'debug');
  assert.equal(logs.levels().store, 'error');
  logs.configure({ level: 'warn', format: 'json' });
  assert.deepEqual([...new Set(Object.values(logs.levels()))], ['warn']);
  logs.setLevel('error');
  assert.deepEqual([...new Set(Object.values(logs.levels()))], ['error']);
});

test('a level change is itself logged', () => {
  const { logs, json } = harness();
  logs.setLevel('debug', 'spv');
  const [line] = json();
  assert.deepEqual([line?.['event'], line?.['of'], line?.['value']], ['log.level', 'spv', 'debug']);
});

test('secrets: named fields are redacted, registered texts are taken out of every line', () => {
  const { logs, lines } = harness();
  const key = 'c2VjcmV0LWtleS1vZi10aGUtbm9kZQ==';
  logs.addSecret(key);
  logs.addSecret('short');
  logs.module('node').event('config.loaded', { private_key: 'abc', file: `x${key}y`, hash: 'short' });
  logs.module('node').event('node.fault', errorFields(new Error(`bad ${key}`), true));
  const all = lines.join('');
  assert.equal(all.includes(key), false);
  assert.equal(all.includes('"abc"'), false);
  assert.ok(all.includes('"private_key":"[redacted]"'));
  assert.ok(all.includes('x[redacted]y'));
  assert.ok(all.includes('"hash":"short"'), 'a short text would take innocent words with it');
});

test('control characters from outside cannot forge a line or move the cursor, in any format', () => {
  for (const format of ['json', 'text', 'journald'] as const) {
    const { logs, lines } = harness({ format });
    logs.module('api').event('api.client_dropped', { code: 'a\nb\u001b[2J\u0085\u202e\u2028' });
    assert.equal(lines.length, 1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: looking for them is the test
    assert.doesNotMatch(lines[0]?.slice(0, -1) ?? '', /[\u0000-\u001f\u007f-\u009f\u202e\u2028]/, format);
  }
});

test('text: time, level, module, message, key=value tail with quotes where needed', () => {
  const { logs, lines } = harness({ format: 'text' });
  logs.module('store').event('store.opened', { path: '/a b', format: 1, ms: 5 });
  assert.equal(
    lines[0],
    '2025-07-01T00:00:00.000Z INFO  store: Store opened event=store.opened path="/a b" format=1 ms=5\n',
  );
});

test('journald: priority prefix, message first, no time', () => {
  const { logs, lines } = harness({ format: 'journald', level: 'debug' });
  logs.module('store').event('store.damaged', { code: 'STORE_ROW_DAMAGED' });
  logs.module('chain').event('chain.reorganised', { from: 5, to: 6 });
  logs.module('api').event('api.closed');
  logs.module('p2p').debug('frame', { bytes: 3 });
  assert.deepEqual(lines, [
    '<3>Store is damaged module=store event=store.damaged code=STORE_ROW_DAMAGED\n',
    '<4>Chain reorganised module=chain event=chain.reorganised from=5 to=6\n',
    '<6>RPC socket closed module=api event=api.closed\n',
    '<7>frame module=p2p bytes=3\n',
  ]);
});

test('colour is in the text form only', () => {
  const { logs, lines } = harness({ format: 'text', color: true });
  logs.module('api').event('api.closed');
  assert.ok(lines[0]?.includes('\u001b[39mINFO \u001b[0m'));
  const plain = harness({ format: 'json', color: true });
  plain.logs.module('api').event('api.closed');
  assert.equal(plain.lines[0]?.includes('\u001b'), false);
});

test('a correlation id ties lines together', () => {
  const { logs, json } = harness();
  const log = logs.module('ingest').with({ op: 'x1' });
  log.event('ingest.rejected', { code: 'A' });
  log.with({ part: 2 }).event('ingest.conflict', { txid: 'y' });
  assert.deepEqual(
    json().map((l) => [l['op'], l['part']]),
    [
      ['x1', undefined],
      ['x1', 2],
    ],
  );
});

test('repeated lines are limited by event, code and peer, and the count of the others is told', () => {
  const { logs, clock, json } = harness();
  const log = logs.module('ingest');
  for (let i = 0; i < LINES_PER_WINDOW + 25; i++) log.event('ingest.rejected', { code: 'A', peer: 'p1' });
  log.event('ingest.rejected', { code: 'A', peer: 'p2' });
  log.event('ingest.rejected', { code: 'B', peer: 'p1' });
  assert.equal(json().length, LINES_PER_WINDOW + 2);
  clock.nowMs += WINDOW_MS;
  log.event('ingest.rejected', { code: 'A', peer: 'p1' });
  const told = json().filter((l) => l['event'] === 'log.suppressed');
  assert.deepEqual(
    told.map((l) => [l['of'], l['code'], l['peer'], l['count']]),
    [['ingest.rejected', 'A', 'p1', 25]],
  );
  assert.equal(json().at(-1)?.['event'], 'ingest.rejected');
});

test('info lines without a code are never held back; flush tells what is still owed', () => {
  const { logs, json } = harness();
  for (let i = 0; i < 50; i++) logs.module('node').event('node.status', { height: i });
  assert.equal(json().length, 50);
  for (let i = 0; i < LINES_PER_WINDOW + 3; i++) logs.module('chain').event('chain.refused', { code: 'POW' });
  logs.flush();
  logs.flush();
  const told = json().filter((l) => l['event'] === 'log.suppressed');
  assert.deepEqual(
    told.map((l) => l['count']),
    [3],
  );
});

test('the limiter remembers a bounded number of keys and loses no count', () => {
  const clock = { nowMs: 0 };
  const limiter = new RepeatLimiter(() => clock.nowMs);
  for (let key = 0; key < MAX_KEYS * 2; key++) {
    for (let i = 0; i < LINES_PER_WINDOW + 2; i++) limiter.take(`k${key}`);
  }
  const evicted = limiter.expired();
  assert.equal(evicted.length, MAX_KEYS);
  const rest = limiter.expired(true);
  assert.equal(
    evicted.concat(rest).reduce((sum, s) => sum + s.count, 0),
    MAX_KEYS * 2 * 2,
  );
  assert.deepEqual(limiter.expired(true), []);
});

test('a clock that steps back starts a new window', () => {
  const clock = { nowMs: 1_000_000 };
  const limiter = new RepeatLimiter(() => clock.nowMs);
  for (let i = 0; i < LINES_PER_WINDOW; i++) assert.equal(limiter.take('k'), true);
  assert.equal(limiter.take('k'), false);
  clock.nowMs = 5;
  assert.equal(limiter.take('k'), true);
});

test('every documented event has a module, a level, and a row in the table', () => {
  const table = logEventsMarkdown();
  for (const [name, row] of Object.entries(LOG_EVENTS)) {
    assert.ok((LOG_MODULES as readonly string[]).includes(row.module), name);
    assert.ok((LOG_LEVELS as readonly string[]).includes(row.level), name);
    assert.match(name, /^[a-z0-9]+\.[a-z0-9_]+$/);
    assert.ok(table.includes(`| \`${name}\` | ${row.level} |`), name);
  }
});

test('errors become flat fields with their code; the stack only on request', () => {
  const error = Object.assign(new TypeError('broken'), { code: 'X_1' });
  assert.deepEqual(errorFields(error), { err_name: 'TypeError', err_message: 'broken', err_code: 'X_1' });
  assert.ok(String(errorFields(error, true)['err_stack']).includes('log.test'));
  assert.deepEqual(errorFields('text'), { err_name: 'unknown', err_message: 'text' });
});

test('the silent log can be called', () => {
  SILENT_LOG.event('api.closed');
  SILENT_LOG.debug('x');
  assert.equal(SILENT_LOG.with({}), SILENT_LOG);
});
