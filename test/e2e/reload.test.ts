import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { generateKeyPair } from '../../config/index.ts';
import type { Result } from '../../src/api/methods/index.ts';
import { FakeHeadersService } from '../support/headers-service.ts';
import { type Home, until } from '../support/operator.ts';
import { madeCorpus } from '../support/operator-corpus.ts';
import { ReloadHome, reloadLines } from '../support/reload-home.ts';

// The real program, real signals, real files: what an edit of conf.yaml does to a daemon that runs.
const cleanup = { after };
type Status = Result<'node.status'>;

async function statusOf(home: Home): Promise<Status> {
  const { stdout } = await home.cli('status', '--json');
  return JSON.parse(stdout) as Status;
}

test('level, format and modules are taken by SIGHUP and by the command, which say the same; the pid stays', async (t) => {
  const home = new ReloadHome(t);
  const daemon = await home.start();
  const held = await home.held(t);
  home.edit({ level: 'warn', modules: '{ api: debug }' });
  const { exit, stdout, stderr } = await home.cli('reload');
  assert.deepEqual([exit, stderr], [0, '']);
  const lines = stdout.trimEnd().split('\n  ');
  assert.match(lines[0] ?? '', /^reloaded in \d+ ms: 2 keys changed$/);
  assert.deepEqual(lines.slice(1), ['logging.level: info -> warn', 'logging.modules: {} -> { api: debug }']);
  const levels = await home.json<Result<'log.level'>>('log', 'level');
  assert.deepEqual([levels.levels['api'], levels.levels['store']], ['debug', 'warn']);
  // Its own verdict is above the level no more, so the next one shows what level and format do.
  home.edit({ format: 'json' });
  const told = JSON.parse(await home.hangUp(daemon)) as Record<string, unknown>;
  assert.deepEqual(
    [told['level'], told['event'], told['trigger'], told['keys']],
    ['info', 'config.reloaded', 'signal', ['logging.level', 'logging.format', 'logging.modules']],
  );
  assert.match(
    String(told['text']),
    /^reloaded in \d+ ms: 3 keys changed; logging\.level: warn -> info; logging\.format: text -> json; /,
  );
  const status = await statusOf(home);
  assert.equal(status.pid, daemon.pid);
  assert.equal(status.reload?.last?.verdict, 'applied');
  assert.equal(status.configHash, status.reload?.last?.hash);
  assert.ok(held.isOpen());
});

test('an invalid file: every problem, exit 1, the same in the log; the old configuration stays and a right file is taken', async (t) => {
  const home = new ReloadHome(t);
  const daemon = await home.start();
  const before = await statusOf(home);
  const text = home.edit({ level: 'loud', maxPeers: -1, more: 'nope: 1' });
  const { exit, stdout, stderr } = await home.cli('reload');
  assert.deepEqual([exit, stdout], [1, '']);
  const problems = stderr.trimEnd().split('\n');
  assert.equal(problems[0], 'btcfed: reload refused, the running configuration stays');
  assert.match(problems[1] ?? '', /conf\.yaml:4:\d+: peers\.max_peers: /);
  assert.match(problems[2] ?? '', /conf\.yaml:5:\d+: logging\.level: .*loud.* is not known/);
  assert.match(problems[3] ?? '', /conf\.yaml:8:\d+: nope: unknown key/);
  assert.equal(problems.length, 4);
  const line = await home.hangUp(daemon);
  assert.match(line, /ERROR .*event=config\.reload_refused .*code=RELOAD_INVALID/);
  for (const problem of problems) assert.ok(line.includes(problem.slice(8).replaceAll('"', '\\"')), problem);
  const json = await home.cli('reload', '--json');
  const error = JSON.parse(json.stderr) as { code: string; data: { keys: string[]; problems: string[] } };
  assert.deepEqual(
    [json.exit, error.code, error.data.keys],
    [1, 'RELOAD_INVALID', ['peers.max_peers', 'logging.level', 'nope']],
  );
  assert.equal(error.data.problems.length, 3);
  assert.equal(home.conf(), text, 'the file is not touched');
  const gauge = async () => {
    const { text } = await (await home.client(t)).call('node.metrics', {});
    return /^btcfed_config_reload_success (\d)$/m.exec(text)?.[1];
  };
  assert.equal(await gauge(), '0');
  const now = await statusOf(home);
  assert.deepEqual([now.configHash, now.reload?.state], [before.configHash, 'idle']);
  assert.deepEqual(
    [now.reload?.last?.verdict, now.reload?.last?.code, now.reload?.earlier.length],
    ['refused', 'RELOAD_INVALID', 2],
  );
  const key = home.privateKey() ?? '';
  rmSync(home.configFile);
  assert.equal((await home.cli('reload')).exit, 1);
  home.edit({ key, maxPeers: 100 });
  assert.equal((await home.cli('reload')).exit, 0);
  assert.equal(await gauge(), '1');
});

test('keys that need a restart refuse the whole file by name: exit 1; the same file again without them is taken', async (t) => {
  const home = new ReloadHome(t);
  await home.start();
  home.edit({ level: 'debug', network: 'test', more: 'store: { cache_mb: 5 }' });
  const { exit, stderr } = await home.cli('reload');
  assert.equal(exit, 1);
  assert.deepEqual(stderr.match(/[a-z]+\.[a-z_]+(?= needs a restart)/g), ['chain.network', 'store.cache_mb']);
  const { levels } = await home.json<Result<'log.level'>>('log', 'level');
  assert.equal(levels['node'], 'info', 'nothing of it was taken');
  home.edit({ level: 'debug' });
  assert.equal((await home.cli('reload')).exit, 0);
});

test('nothing changed is said, and is a success', async (t) => {
  const home = new ReloadHome(t);
  const daemon = await home.start();
  const { exit, stdout } = await home.cli('reload');
  assert.equal(exit, 0);
  assert.match(stdout, /^nothing changed \(in \d+ ms\)\n$/);
  assert.match(await home.hangUp(daemon), /INFO .*verdict=unchanged .*nothing changed/);
});

test('another identity is refused whole; neither key is in any output', async (t) => {
  const home = new ReloadHome(t);
  const daemon = await home.start();
  const own = home.privateKey() ?? '';
  const other = generateKeyPair((count) => Buffer.alloc(count, 9)).privateKey;
  const said: string[] = [];
  for (const key of [other, `${other.slice(0, -2)}A=`, own.toLowerCase()]) {
    home.edit({ level: 'debug', key });
    for (const args of [['reload'], ['reload', '--json'], ['config', 'check']]) {
      const run = await home.cli(...args);
      said.push(run.stdout, run.stderr);
      if (args[0] === 'reload') assert.notEqual(run.exit, 0, key);
    }
    said.push(await home.hangUp(daemon));
  }
  const client = await home.client(t);
  for (const method of ['config.get', 'node.status', 'config.check', 'rpc.discover'] as const) {
    said.push(JSON.stringify(await client.call(method, {})));
  }
  assert.match(said.join('\n'), /node\.private_key needs a restart/);
  const heard = said.join('\n') + daemon.log;
  for (const key of [own, other]) {
    const seed = Buffer.from(key, 'base64').subarray(0, 32);
    for (const text of [key, seed.toString('hex'), seed.toString('base64').slice(0, 42)]) {
      assert.ok(!heard.includes(text));
    }
  }
  const { levels } = await home.json<Result<'log.level'>>('log', 'level');
  assert.equal(levels['node'], 'info');
  // The home looks for its own key in all outputs once more when it ends.
  home.edit({ key: own });
});

test('100 SIGHUPs in a second while the file changes: few reloads, none overlaps, the last file wins', async (t) => {
  const home = new ReloadHome(t);
  const daemon = await home.start();
  for (let i = 1; i <= 100; i += 1) {
    home.edit(i % 7 === 0 ? { level: 'loud' } : { maxPeers: i });
    daemon.child.kill('SIGHUP');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  home.edit({ maxPeers: 777, follow: [`${'ab'.repeat(32)}_0`] });
  const line = await home.hangUp(daemon);
  await until('the last file is in effect', async () => {
    const { entries } = await (await home.client(t)).call('config.get', { key: 'peers.max_peers' });
    return entries[0]?.value === 777;
  });
  assert.ok(line.includes('config.reload'));
  const status = await statusOf(home);
  assert.deepEqual([status.pid, status.tokensFollowed, status.reload?.state], [daemon.pid, 1, 'idle']);
  const told = reloadLines(daemon);
  assert.ok(told.length < 60, `${told.length} reloads`);
  const numbers = told.map((each) => Number(/op=reload-(\d+)/.exec(each)?.[1]));
  assert.deepEqual(
    numbers,
    numbers.map((_, i) => i + 1),
    'one after the other',
  );
  assert.equal(await daemon.stop(), 0);
});

test('SIGTERM during a reload, at whatever moment: exit 0, and the file is whole', async (t) => {
  const home = new ReloadHome(t);
  for (const waitMs of [0, 1, 3, 10, 40, 60]) {
    const daemon = await home.start();
    const text = home.edit({ maxPeers: 100 + waitMs, level: waitMs % 2 === 0 ? 'debug' : 'info' });
    for (let i = 0; i < 3; i += 1) daemon.child.kill('SIGHUP');
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    assert.equal(await daemon.stop(), 0, daemon.log);
    assert.equal(home.conf(), text);
    assert.doesNotMatch(daemon.log, /node\.fault|node\.stop_failed/);
  }
});

test('a reload that a stop overtakes is refused as that', async (t) => {
  const home = new ReloadHome(t);
  const daemon = await home.start();
  const client = await home.client(t);
  // Young enough to be waited for.
  home.edit({ level: 'debug' });
  const refused = client.call('node.reload', {}).then(
    () => 'answered',
    (error: { code?: string }) => error.code,
  );
  daemon.child.kill('SIGTERM');
  assert.equal(await daemon.exit, 0);
  assert.ok(['SHUTTING_DOWN', 'answered', 'CONNECTION_LOST'].includes(String(await refused)));
});

for (const event of ['node.starting', 'store.opened', 'api.listening']) {
  test(`SIGHUP at ${event} is queued, not lost, not fatal`, async (t) => {
    const home = new ReloadHome(t);
    const daemon = home.spawn();
    await daemon.line(new RegExp(`event=${event.replace('.', '\\.')}`));
    home.edit({ maxPeers: 42 });
    daemon.child.kill('SIGHUP');
    const line = await daemon.line(/event=config\.reload/);
    assert.match(line, /event=config\.reloaded .*trigger=signal/);
    const { entries } = await (await home.client(t)).call('config.get', { key: 'peers.max_peers' });
    assert.equal(entries[0]?.value, 42);
  });
}

test('SIGHUP while the program is being loaded does not end it', async (t) => {
  const home = new ReloadHome(t);
  const code = `
    import { registerHooks } from 'node:module';
    import { isMainThread } from 'node:worker_threads';
    registerHooks({ load(url, context, next) {
      if (isMainThread && /node\\/(daemon|core|reload)\\./.test(url)) process.kill(process.pid, 'SIGHUP');
      return next(url, context);
    } });`;
  const daemon = await home.start({ NODE_OPTIONS: `--import ${home.file('preload.mjs', code)}` });
  assert.equal(await daemon.stop(), 0);
});

test('a file cut at any length is refused, or is a whole file; nothing is half applied', async (t) => {
  const home = new ReloadHome(t);
  await home.start();
  const client = await home.client(t);
  const whole = home.text({ level: 'debug', maxPeers: 50, follow: [`${'ab'.repeat(32)}_0`] });
  const shown = async () => {
    const { entries } = await client.call('config.get', {});
    return JSON.stringify(entries.map(({ key, value }) => [key, value]));
  };
  let running = await shown();
  let refused = 0;
  for (let cut = 0; cut < whole.length; cut += 41) {
    home.edit(whole.slice(0, cut));
    const check = await client.call('config.check', {});
    const taken = await client.call('node.reload', {}).then(
      () => true,
      () => false,
    );
    const now = await shown();
    if (!taken) {
      refused += 1;
      assert.equal(now, running, `cut at ${cut}`);
    } else assert.ok(check.valid, `cut at ${cut}`);
    running = now;
  }
  assert.ok(refused >= 10, `${refused} refused`);
  home.edit(whole);
  await client.call('node.reload', {});
  assert.ok((await shown()).includes('["peers.max_peers",50]'));
});

test('a file that is still being written is taken when it is whole', async (t) => {
  const home = new ReloadHome(t);
  await home.start();
  const client = await home.client(t);
  const text = home.text({ follow: [`${'ab'.repeat(32)}_0`] });
  // Valid by itself, since all that follows has defaults: only waiting tells.
  const half = text.indexOf('tokens:');
  writeFileSync(home.configFile, text.slice(0, half));
  const reload = client.call('node.reload', {});
  await new Promise((resolve) => setTimeout(resolve, 20));
  writeFileSync(home.configFile, text);
  const { changes } = await reload;
  assert.deepEqual(
    changes.map(({ key }) => key),
    ['tokens.follow'],
  );
});

test('tokens: one that is followed no longer keeps its data and is answered as not followed; followed again, it is there', async (t) => {
  const corpus = madeCorpus(cleanup, { seed: 'e2e reload', transfers: 400, owners: 10 });
  const other = `${'cd'.repeat(32)}_1`;
  const home = new ReloadHome(t, { follow: [] });
  const daemon = await home.start();
  await home.json('headers', 'import', corpus.headers);
  const notFollowed = async () => {
    const { exit, stderr } = await home.cli('token', corpus.tokenId, '--json');
    return exit === 0 ? undefined : (JSON.parse(stderr) as { code: string }).code;
  };
  assert.equal(await notFollowed(), 'TOKEN_UNKNOWN');
  home.edit({ follow: [corpus.tokenId, other] });
  assert.equal((await home.cli('reload')).exit, 0);
  assert.equal((await home.cli('import', corpus.history)).exit, 0);
  const figures = async () => {
    const { sync, ...token } = await home.json<Result<'token.get'>>('token', corpus.tokenId);
    return [token, sync?.commitment];
  };
  const before = await figures();
  home.edit({ follow: [other], block: [corpus.tokenId] });
  const { stdout } = await home.cli('reload');
  assert.ok(stdout.includes(`tokens.follow: - ${JSON.stringify(corpus.tokenId)}`), stdout);
  assert.equal(await notFollowed(), 'TOKEN_NOT_FOLLOWED');
  assert.equal(
    (await home.json<Result<'node.status'>>('status', '--json').catch(() => statusOf(home))).tokensFollowed,
    1,
  );
  // Not indexed any further, but kept whole.
  home.edit({ follow: [other, corpus.tokenId] });
  assert.equal((await home.cli('reload')).exit, 0);
  await daemon.line(/event=tokens\.evaluated/);
  await until('it is answered for', async () => (await notFollowed()) === undefined);
  assert.deepEqual(await figures(), before);
  const report = await home.json<Result<'store.verify'>>('verify');
  assert.equal(report.problemCount, 0);
  assert.equal((await home.cli('import', corpus.transfers)).exit, 0);
  const whole = await home.json<Result<'token.get'>>('token', corpus.tokenId);
  assert.equal(whole.supply.circulating, String(corpus.supply));
});

test('header sources: a new one is asked at once, a removed one no more', async (t) => {
  const corpus = madeCorpus(cleanup, { seed: 'e2e reload headers', transfers: 5, owners: 2 });
  const headers = readFileSync(corpus.headers);
  const [first, second] = [await FakeHeadersService.start(), await FakeHeadersService.start()];
  for (const service of [first, second]) {
    t.after(() => service.close());
    service.mode = 'failing';
  }
  second.mode = 'ok';
  second.token = 'very-secret-token';
  second.setChain(headers, 1);
  const home = new ReloadHome(t, { sources: `[{ url: "${first.url}" }]` });
  const daemon = await home.start();
  await until('the first is asked', () => first.requests.length > 0);
  home.edit({ sources: `[{ url: "${second.url}", token: ${second.token} }]` });
  assert.equal((await home.cli('reload')).exit, 0);
  const asked = first.requests.length;
  await until(
    'the second gave its headers',
    async () => (await statusOf(home)).tip.height === corpus.tipHeight,
  );
  home.edit({ sources: '[]' });
  const run = await home.cli('reload');
  assert.equal(run.exit, 0);
  assert.equal(first.requests.length, asked);
  assert.ok(!(daemon.log + run.stdout).includes(second.token));
});

test('a level set by hand lasts until the reload, also of an unchanged file', async (t) => {
  const home = new ReloadHome(t);
  await home.start();
  const levelOf = async () => (await home.json<Result<'log.level'>>('log', 'level')).levels['api'];
  await home.json('log', 'level', 'api', 'debug');
  assert.equal(await levelOf(), 'debug');
  home.edit({ level: 'loud' });
  assert.equal((await home.cli('reload')).exit, 1);
  assert.equal(await levelOf(), 'debug', 'a refused reload changes nothing');
  home.edit({});
  assert.equal((await home.cli('reload')).exit, 0);
  assert.equal(await levelOf(), 'info');
});

test('a change of the file is announced with what a reload would say, once, and nothing is applied', async (t) => {
  const home = new ReloadHome(t);
  const daemon = await home.start();
  home.edit({ level: 'debug' });
  assert.match(
    await daemon.line(/event=config\.file_changed/),
    /send SIGHUP or run `btcfed reload` .*keys=logging\.level/,
  );
  const { levels } = await home.json<Result<'log.level'>>('log', 'level');
  assert.equal(levels['node'], 'info');
  home.edit({ level: 'loud' });
  const refusable = await daemon.line(/event=config\.file_refusable/);
  assert.match(refusable, /a reload would refuse it .*logging\.level: .*loud.* is not known/);
  const from = daemon.log.length;
  home.edit({ more: 'store: { cache_mb: 8 }' });
  assert.match(
    await daemon.line(/event=config\.file_/, from),
    /refusable .*a restart is needed for store\.cache_mb/,
  );
  home.edit({ level: 'warn' });
  const { exit } = await home.cli('reload');
  assert.equal(exit, 0);
});
