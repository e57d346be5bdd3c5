import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { ClassicLevel } from 'classic-level';
import type { Result } from '../../src/api/methods/index.ts';
import { IDENTITY_KEY } from '../../src/store/identity-row.ts';
import { RowReader, RowWriter } from '../../src/store/row-bytes.ts';
import { TestChain } from '../support/corpus/scenario.ts';
import { exitOf, Home } from '../support/operator.ts';

// Starts that must not succeed, and those that must although the last end was not a good one.
const cleanup = { after };
const chain = new TestChain('e2e start');
const gold = chain.deployMint(100n, { owner: chain.key('alice'), sym: 'GOLD' });
chain.mine([gold]);
const follow = [gold.tokenId()];
/** A store with a token in it, to be copied. */
const model = new Home(cleanup, { follow });

before(async () => {
  await model.json('headers', 'import', model.file('headers.bin', chain.headerBytes()));
  await model.json('import', model.file('gold.beef', chain.beef(gold)));
});

function copyOfModel(t: { after(run: () => void): void }, network: 'regtest' | 'main' = 'regtest'): Home {
  const home = new Home(t, { follow, network });
  cpSync(model.path('data'), home.path('data'), { recursive: true });
  return home;
}

/** Digests of everything in a folder but LevelDB's diary: to see that nothing was touched. */
function contents(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !/^LOG(\.old)?$/.test(entry.name));
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(folder.length), createHash('sha256').update(readFileSync(path)).digest('hex')];
    }),
  );
}

async function circulating(home: Home): Promise<string> {
  return (await home.json<Result<'token.get'>>('token', gold.tokenId())).supply.circulating;
}

test('a second daemon on the same home: exit 1, with pid and socket of the first, which is not disturbed', async (t) => {
  const home = copyOfModel(t);
  const first = await home.start();
  const second = home.spawn();
  assert.equal(await second.exit, 1);
  assert.match(
    second.log,
    new RegExp(`already running \\(pid ${first.pid}\\): another daemon answers on ${home.socket}`),
  );
  assert.equal(await circulating(home), '100');
  assert.equal(await first.stop(), 0);
});

test('two starts at once: one runs, the other says so and ends with 1', async (t) => {
  const home = copyOfModel(t);
  const both = [home.spawn(), home.spawn()];
  const loser = await Promise.race(both.map(async (daemon) => ({ daemon, exit: await daemon.exit })));
  assert.equal(loser.exit, 1);
  assert.match(loser.daemon.log, /already running|in use|another daemon/);
  const winner = both.find((daemon) => daemon !== loser.daemon)!;
  await winner.line(/event=node\.started/);
  assert.equal(await circulating(home), '100');
  assert.equal(await winner.stop(), 0);
});

test('the socket of a daemon that was killed is replaced', async (t) => {
  const home = copyOfModel(t);
  const killed = await home.start();
  assert.equal(await killed.stop('SIGKILL'), 'SIGKILL');
  assert.ok(statSync(home.socket).isSocket());
  const { exit, stderr } = await home.cli('status');
  assert.equal(exit, 2);
  assert.match(stderr, /nobody listens there \(mode 0600, owner \d+:\d+\); start it with/);
  const next = await home.start();
  assert.match(next.log, /event=api\.stale_socket/);
  assert.equal(await circulating(home), '100');
  assert.equal(await next.stop(), 0);
  assert.equal(existsSync(home.socket), false);
});

test('commands that need no daemon take the store after a kill as well', async (t) => {
  const home = copyOfModel(t);
  await (await home.start()).stop('SIGKILL');
  const { exit, stderr } = await home.cli('import', model.path('gold.beef'));
  assert.deepEqual([exit, stderr], [0, `no daemon runs; working on the data directory of ${home.dir}\n`]);
});

test('what is no socket at the path, and a path too long for one, are named', async (t) => {
  const home = copyOfModel(t);
  home.file('btcfed.sock', 'precious');
  const first = home.spawn();
  assert.equal(await first.exit, 1);
  assert.match(
    first.log,
    new RegExp(`${home.socket} is there and is no socket; move it or set rpc\\.socket`),
  );
  assert.equal(readFileSync(home.socket, 'utf8'), 'precious');
  rmSync(home.socket);
  home.configure({ follow, more: `rpc: { socket: ${'x'.repeat(120)} }` });
  const second = home.spawn();
  assert.equal(await second.exit, 1);
  assert.match(second.log, /socket/);
  assert.match(second.log, /107/);
});

test('another program that listens on the socket is left alone', async (t) => {
  const home = copyOfModel(t);
  const server = createServer((socket) => socket.end('hello\n'));
  await new Promise<void>((resolve) => server.listen(home.socket, resolve));
  t.after(() => server.close());
  const daemon = home.spawn();
  assert.equal(await daemon.exit, 1);
  assert.match(daemon.log, /already running: another daemon answers on /);
  const { exit, stderr } = await home.cli('status');
  assert.equal(exit, 2);
  assert.match(stderr, /what answers is no btcfed daemon|does not speak JSON-RPC|went away/);
});

test('a store of another network is refused by the daemon and by every command on it, and nothing is lost', async (t) => {
  const home = copyOfModel(t, 'main');
  const before = contents(home.path('data'));
  const daemon = home.spawn();
  assert.equal(await daemon.exit, 1);
  assert.match(
    daemon.log,
    /holds the regtest network, but chain\.network is main: change it back, or set another store\.path/,
  );
  for (const line of [
    ['verify'],
    ['verify', '--rebuild'],
    ['import', model.path('gold.beef')],
    ['headers', 'import', model.path('headers.bin')],
  ]) {
    const run = await home.cli(...line, '--json');
    assert.deepEqual([run.exit, run.stdout], [1, ''], line.join(' '));
    assert.match(run.stderr, /"code":"STORE_FOREIGN_NETWORK"/);
  }
  assert.deepEqual(contents(home.path('data')), before);
  home.configure({ follow, network: 'regtest' });
  await home.start();
  assert.equal(await circulating(home), '100');
});

test('a store of a newer format is refused by the daemon and by every command on it, and nothing is lost', async (t) => {
  const home = copyOfModel(t);
  await makeNewer(home.path('data'));
  const before = contents(home.path('data'));
  const daemon = home.spawn();
  assert.equal(await daemon.exit, 1);
  assert.match(
    daemon.log,
    /has format 999, this btcfed knows formats up to \d+: run the newer version that wrote it/,
  );
  for (const line of [['verify'], ['verify', '--rebuild'], ['import', model.path('gold.beef')]]) {
    const run = await home.cli(...line, '--json');
    assert.deepEqual([run.exit, run.stdout], [1, ''], line.join(' '));
    assert.match(run.stderr, /"code":"STORE_FORMAT_NEWER"/);
  }
  assert.deepEqual(contents(home.path('data')), before);
});

test('a store that is gone although one was made here is an error, not an empty index', async (t) => {
  const home = copyOfModel(t);
  rmSync(home.path('data', 'index'), { recursive: true });
  const daemon = home.spawn();
  assert.equal(await daemon.exit, 1);
  assert.match(daemon.log, /err_code=STORE_MISSING/);
  assert.equal(existsSync(home.path('data', 'index')), false);
});

test('a damaged conf.yaml: exit 1, every problem with its line, and the file stays as it is', async (t) => {
  const home = new Home(t, { follow });
  for (const text of [
    'network: { addresses: [/ip4/127.0.0.1/tcp/0] \nlogging: {\n',
    'network: { addresses: [nowhere] }\npeers: { connection_timeout: soon }\nlogging: { level: loud, format: text }\n',
    'network: { addresses: [/ip4/127.0.0.1/tcp/0] }\npeers: { connection_timeout: 10s }\nlogging: { level: info, format: text }\nnode: { private_key: c2VjcmV0c2VjcmV0 }\n',
    Buffer.from([0xff, 0xfe, 0x00, 0x0a]),
    '\u0000'.repeat(100),
    'version: 99\n',
  ]) {
    writeFileSync(home.configFile, text);
    const daemon = home.spawn();
    assert.equal(await daemon.exit, 1, String(text));
    assert.match(daemon.log, new RegExp(`^btcfed: ${home.configFile}:\\d+:\\d+: `), String(text));
    assert.doesNotMatch(daemon.log, /c2VjcmV0/);
    assert.deepEqual(readFileSync(home.configFile), Buffer.from(text));
  }
  assert.deepEqual(readdirSync(home.dir), ['conf.yaml']);
  // The same said by commands that need the configuration is exit 4.
  assert.equal((await home.cli('config', 'check')).exit, 4);
  assert.equal((await home.cli('verify')).exit, 4);
  assert.equal((await home.cli('import', model.path('gold.beef'))).exit, 4);
});

test('a home that does not exist, or is a file, or a conf.yaml that is a folder: exit 1 with the reason', async (t) => {
  const home = new Home(t);
  const file = home.file('file', '');
  mkdirSync(home.path('odd', 'conf.yaml'), { recursive: true });
  for (const [dir, said] of [
    [home.path('none'), /the folder does not exist \(ENOENT\)/],
    [file, /its folder is a file \(ENOTDIR\)/],
    [home.path('odd'), /is not a regular file/],
  ] as const) {
    const { exit, stdout, stderr } = await home.cli('run', '--home', dir);
    assert.deepEqual([exit, stdout], [1, '']);
    assert.match(stderr, said);
  }
});

test('a conf.yaml that others can read is told, and one without a key gets one and keeps its comments', async (t) => {
  const home = new Home(t);
  home.file(
    'conf.yaml',
    `# mine\n${'network: { addresses: [/ip4/127.0.0.1/tcp/0] } # here\npeers: { connection_timeout: 10s }\nlogging: { level: info, format: text }\nchain: { network: regtest }\n'}`,
  );
  chmodSync(home.configFile, 0o644);
  const daemon = await home.start();
  assert.match(
    readFileSync(home.configFile, 'utf8'),
    /^# mine\nnetwork: .* # here\n[\s\S]*private_key: "[^"]{88}"/,
  );
  assert.equal(await daemon.stop(), 0);
  chmodSync(home.configFile, 0o644);
  const again = await home.start();
  assert.match(again.log, /the file holds the private key and has mode 0644/);
});

test('rpc.mode "0660" opens the socket to the group; rpc.socket moves it, and commands find it', async (t) => {
  const home = new Home(t, { follow, more: 'rpc: { socket: other.sock, mode: "0660" }' });
  await home.start();
  assert.equal(statSync(home.path('other.sock')).mode & 0o777, 0o660);
  assert.equal(existsSync(home.socket), false);
  // Not `status`, which is degraded soon: there are no headers.
  assert.equal((await home.cli('tokens')).exit, 0);
  assert.equal(
    (await home.cliWith({ env: { BTCFED_HOME: '/' } }, 'tokens', '--socket', home.path('other.sock'))).exit,
    0,
  );
});

test('the home is --home, else $BTCFED_HOME, else the current directory', async (t) => {
  const home = copyOfModel(t);
  await home.start();
  const elsewhere = { env: { BTCFED_HOME: '/' }, cwd: '/' };
  assert.equal((await home.cliWith(elsewhere, 'status')).exit, 2);
  assert.equal((await home.cliWith(elsewhere, 'status', '--home', home.dir)).exit, 0);
  assert.equal((await home.cliWith({ env: { BTCFED_HOME: '' }, cwd: home.dir }, 'status')).exit, 0);
});

test('an import while a daemon runs uses it, also with the data directory at hand', async (t) => {
  const home = copyOfModel(t);
  const daemon = await home.start();
  const { exit, stderr, stdout } = await home.cli('import', model.path('gold.beef'), '--json');
  assert.deepEqual([exit, stderr], [0, `through the daemon on ${home.socket}\n`]);
  assert.equal((JSON.parse(stdout) as { via: string }).via, 'daemon');
  await daemon.line(/event=api\.import_done .*known=1/);
});

test('two commands on one data directory: the second is refused, not mixed in', async (t) => {
  const home = copyOfModel(t);
  const level = new ClassicLevel(home.path('data', 'index'));
  await level.open();
  t.after(() => level.close());
  const { exit, stderr } = await home.cli('import', model.path('gold.beef'));
  assert.equal(exit, 1);
  assert.match(stderr, /is in use: btcfed is already running on this home/);
});

test('a reader that goes away ends a command quietly', async (t) => {
  const home = copyOfModel(t);
  await home.start();
  const child = home.spawnCli({}, 'rpc', 'rpc.discover');
  child.stdout?.destroy();
  assert.equal(await exitOf(child), 0);
});

/** What a later version would leave: its number in the identity row and in the marker. */
async function makeNewer(data: string): Promise<void> {
  const level = new ClassicLevel<Buffer, Buffer>(join(data, 'index'), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  });
  const r = RowReader.open(IDENTITY_KEY, (await level.get(IDENTITY_KEY))!);
  r.u32();
  const w = new RowWriter().begin().u32(999).text(r.text()).text(r.text());
  await level.put(IDENTITY_KEY, w.text(r.text()).seal(IDENTITY_KEY));
  await level.close();
  const path = join(data, 'store.json');
  const { sum: _, ...marker } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  const newer = { ...marker, format: 999 };
  writeFileSync(path, `${JSON.stringify({ ...newer, sum: crc32(JSON.stringify(newer)) })}\n`);
}

test('verify of a home without conf.yaml is an error that writes nothing there', async (t) => {
  const home = new Home(t);
  for (const line of [['verify'], ['verify', '--rebuild']]) {
    const { exit, stderr } = await home.cli(...line);
    assert.equal(exit, 1);
    assert.ok(stderr.includes(`${home.dir} is no home of btcfed: it has no conf.yaml`), stderr);
  }
  assert.deepEqual(readdirSync(home.dir), []);
});

test('what only looks makes no store, and what cannot read its file makes none either', async (t) => {
  const home = new Home(t, {});
  for (const line of [['verify'], ['verify', '--rebuild'], ['headers', 'tip']]) {
    const { exit, stderr } = await home.cli(...line);
    assert.equal(exit, 1, line.join(' '));
    assert.ok(stderr.includes(home.path('data')), stderr);
  }
  const missing = home.path('missing.bin');
  const imported = await home.cli('import', missing);
  assert.deepEqual([imported.exit, imported.stdout], [1, `damaged: ${missing} cannot be read: ENOENT\n`]);
  const headers = await home.cli('headers', 'import', missing);
  assert.deepEqual([headers.exit, headers.stderr], [1, `btcfed: ${missing}: cannot be read: ENOENT\n`]);
  assert.deepEqual(readdirSync(home.dir), ['conf.yaml']);
});

test('headers tip without a daemon, and import from standard input', async (t) => {
  const chain = new TestChain('e2e local');
  const deploy = chain.deployMint(5n, { owner: chain.key('alice') });
  chain.mine([deploy]);
  const home = new Home(t, { follow: [deploy.tokenId()] });
  await home.json('headers', 'import', home.file('headers.bin', chain.headerBytes()));
  const tip = await home.json<{ height: number; hash: string }>('headers', 'tip');
  assert.deepEqual([tip.height, tip.hash], [chain.tip.height, chain.tip.hash]);
  const beef = chain.beef(deploy);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(beef.length);
  for (const [stdin, status] of [
    [Buffer.concat([length, beef, length, beef]), 'admitted'],
    [beef, 'known'],
    [beef.toString('hex'), 'known'],
  ] as const) {
    const run = await home.cliWith({ stdin }, 'import', '-', '--json');
    assert.equal(run.exit, 0, run.stderr);
    assert.ok((JSON.parse(run.stdout) as Record<string, number>)[status]! > 0, run.stdout);
  }
  const none = await home.cliWith({ stdin: '' }, 'import', '-');
  assert.equal(none.exit, 1);
  assert.match(none.stdout, /damaged: standard input: is empty/);
});
