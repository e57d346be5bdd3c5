import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ApiServer } from '../../../src/api/server.ts';
import { startServer } from '../../support/api-server.ts';
import { cli } from '../../support/fake-io.ts';
import { eventAt, FakeNode, TOKEN, UNKNOWN } from '../../support/fake-modules.ts';
import { tempDir } from '../../support/temp-dir.ts';

const sequencesOf = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { sequence: string }).sequence);

test('events come as lines, for people with symbol and decimals, as JSON exactly', async (t) => {
  const { path } = await startServer(t);
  const home = tempDir(t);
  const human = await cli(['watch', TOKEN, '--after', '0', '--count', '2', '--socket', path], { home });
  assert.equal(human.exit, 0);
  const [first, second] = human.stdout.split('\n');
  assert.match(first ?? '', /^1 {2}created {2}transfer {2}0\.10 GOLD {2}1/);
  assert.match(second ?? '', /^3 {2}/, 'the event of another token is left out');
  const json = await cli(['watch', '--after', '0', '--count', '3', '--json', '--socket', path], { home });
  assert.deepEqual(sequencesOf(json.stdout), ['1', '2', '3']);
});

test('a lost connection is found again behind the last event: none is missed, none comes twice', async (t) => {
  const home = tempDir(t);
  const path = join(home, 'btcfed.sock');
  const node = new FakeNode();
  const start = async () => {
    const server = new ApiServer({ socketPath: path, mode: 0o600 }, node.modules);
    await server.start();
    return server;
  };
  let server: ApiServer | undefined = await start();
  let sleeps = 0;
  const run = await cli(['watch', '--after', '1', '--count', '5', '--json'], {
    home,
    onOutput: (text) => {
      if (!text.includes('"sequence":"3"')) return;
      const old = server;
      server = undefined;
      void old?.stop();
    },
    onSleep: async () => {
      sleeps += 1;
      if (sleeps === 1) node.append(eventAt(4n));
      if (sleeps !== 3) return;
      server = await start();
      node.append(eventAt(5n));
      node.append(eventAt(6n));
    },
  });
  t.after(() => server?.stop());
  assert.equal(run.exit, 0, run.stderr);
  assert.deepEqual(sequencesOf(run.stdout), ['2', '3', '4', '5', '6']);
  assert.match(run.stderr, /connection lost after event 3; connecting again/);
  assert.ok(sleeps >= 3);
});

test('the first connection must work, the token must be known, the sequence must be of this store', async (t) => {
  const home = tempDir(t);
  assert.equal((await cli(['watch'], { home })).exit, 2);
  const { path } = await startServer(t);
  const unknown = await cli(['watch', UNKNOWN, '--socket', path], { home });
  assert.deepEqual([unknown.exit, /unknown token/.test(unknown.stderr)], [1, true]);
  const ahead = await cli(['watch', '--after', '99', '--socket', path], { home });
  assert.deepEqual([ahead.exit, /ahead of the event log/.test(ahead.stderr)], [1, true]);
});

test('Ctrl-C ends it with 0', async (t) => {
  const { path, node } = await startServer(t);
  const abort = new AbortController();
  const run = await cli(['watch', '--after', '0', '--json', '--socket', path], {
    home: tempDir(t),
    abort,
    onOutput: (text) => {
      if (text.includes('"sequence":"3"')) abort.abort();
    },
  });
  assert.equal(run.exit, 0);
  assert.deepEqual(sequencesOf(run.stdout), ['1', '2', '3']);
  while (node.listeners > 0) await new Promise((resolve) => setImmediate(resolve));
});
