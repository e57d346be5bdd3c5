import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { exampleYaml } from '../../../config/example.ts';
import { startServer } from '../../support/api-server.ts';
import { cli } from '../../support/fake-io.ts';
import { FakeNode, storeError } from '../../support/fake-modules.ts';
import { tempDir } from '../../support/temp-dir.ts';

test("keygen prints a pair in the Go node's form: raw 64 and 32 bytes that belong together", async (t) => {
  const home = tempDir(t);
  const { exit, stdout } = await cli(['keygen'], { home });
  const [, privateText = '', publicText = ''] =
    /^private_key: (\S+)\npublic_key: (\S+)\n$/.exec(stdout) ?? [];
  const privateBytes = Buffer.from(privateText, 'base64');
  const publicBytes = Buffer.from(publicText, 'base64');
  assert.deepEqual([exit, privateBytes.length, publicBytes.length], [0, 64, 32]);
  assert.ok(privateBytes.subarray(32).equals(publicBytes));
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: publicBytes.toString('base64url') };
  const key = createPrivateKey({
    key: { ...jwk, d: privateBytes.subarray(0, 32).toString('base64url') },
    format: 'jwk',
  });
  const message = Buffer.from('message');
  assert.ok(verify(null, message, createPublicKey({ key: jwk, format: 'jwk' }), sign(null, message, key)));
  const json = JSON.parse((await cli(['keygen', '--json'], { home })).stdout) as Record<string, string>;
  assert.deepEqual(Object.keys(json), ['private_key', 'public_key']);
  assert.notEqual(json['private_key'], privateText);
});

test('config check: valid 0; all problems at once with file, line and key 4; missing 4', async (t) => {
  const home = tempDir(t);
  const file = join(home, 'conf.yaml');
  const missing = await cli(['config', 'check'], { home });
  assert.deepEqual([missing.exit, /does not exist/.test(missing.stderr)], [4, true]);
  writeFileSync(file, exampleYaml(''), { mode: 0o600 });
  const valid = await cli(['config', 'check'], { home });
  assert.deepEqual([valid.exit, valid.stdout], [0, `${file} is valid\n`]);
  writeFileSync(
    file,
    exampleYaml('')
      .replace(/level: .*/, 'level: loud')
      .replace(/max_peers: .*/, 'max_peers: -1'),
  );
  const invalid = await cli(['config', 'check'], { home });
  assert.equal(invalid.exit, 4);
  assert.match(invalid.stderr, /conf\.yaml:\d+:\d+: logging\.level: .*\n/);
  assert.match(invalid.stderr, /conf\.yaml:\d+:\d+: peers\.max_peers: /);
  const json = await cli(['config', 'check', 'conf.yaml', '--json'], { home });
  const verdict = JSON.parse(json.stdout) as { valid: boolean; problems: { key: string; line: number }[] };
  assert.deepEqual(
    [verdict.valid, verdict.problems.map((p) => p.key).sort()],
    [false, ['logging.level', 'peers.max_peers']],
  );
  assert.equal(json.stderr, '');
});

test('config show: all values, secrets redacted, with their sources on request', async (t) => {
  const home = tempDir(t);
  const { stdout } = await cli(['keygen', '--json'], { home });
  const { private_key: key } = JSON.parse(stdout) as { private_key: string };
  writeFileSync(join(home, 'conf.yaml'), exampleYaml(key), { mode: 0o600 });
  const plain = await cli(['config', 'show'], { home });
  assert.equal(plain.exit, 0);
  assert.match(plain.stdout, /private_key: .*\[redacted\]/);
  const sources = await cli(['config', 'show', '--sources'], { home });
  assert.match(sources.stdout, /level: info +# .*conf\.yaml:\d+, live/);
  const json = await cli(['config', 'show', '--json'], { home });
  const { entries } = JSON.parse(json.stdout) as { entries: { key: string; reload: string }[] };
  assert.equal(entries.find((e) => e.key === 'rpc.socket')?.reload, 'restart');
  for (const run of [plain, sources, json]) {
    assert.equal(`${run.stdout}${run.stderr}`.includes(key), false, 'the key is in no output');
  }
  writeFileSync(join(home, 'conf.yaml'), 'nope: 1\n');
  assert.equal((await cli(['config', 'show'], { home })).exit, 4);
});

test('headers import: through a daemon in pieces, or on the data directory when none runs; it says which', async (t) => {
  const { path, node } = await startServer(t);
  const home = tempDir(t);
  const file = join(home, 'headers.bin');
  const bytes = Buffer.alloc(80 * 20_000);
  for (let i = 0; i < 20_000; i++) bytes.writeUInt32LE(i + 1, i * 80);
  writeFileSync(file, bytes);
  const run = await cli(['headers', 'import', file, '--socket', path], { home });
  assert.equal(run.exit, 0);
  assert.match(run.stderr, /through the daemon on/);
  assert.match(run.stdout, /20000 headers: 20000 added, 0 known\ntip 120/);
  assert.ok(node.headers.length > 1 && node.headers.every((piece) => piece.length <= 524_240));
  assert.ok(Buffer.concat(node.headers).equals(bytes));

  const local = new FakeNode();
  const direct = await cli(['headers', 'import', file, '--json'], { home, local });
  assert.equal(direct.exit, 0);
  assert.match(direct.stderr, /no daemon runs; working on the data directory of/);
  assert.equal((JSON.parse(direct.stdout) as { via: string }).via, 'local');
  assert.deepEqual([direct.localOpened, direct.localClosed], [1, 1]);
  assert.ok(Buffer.concat(local.headers).equals(bytes));
});

test('headers import names a bad header by its number in the file, and a damaged file', async (t) => {
  const home = tempDir(t);
  const file = join(home, 'headers.bin');
  writeFileSync(file, Buffer.alloc(80 * 10_000));
  const local = new FakeNode();
  let calls = 0;
  const good = local.importHeaders;
  local.importHeaders = async (bytes) => {
    calls += 1;
    if (calls < 2) return good(bytes);
    throw Object.assign(new Error('hash above the target'), { code: 'POW_FAILED', data: { index: 3 } });
  };
  const bad = await cli(['headers', 'import', file, '--json'], { home, local });
  const error = JSON.parse(bad.stderr.trim().split('\n').at(-1) ?? '') as {
    code: string;
    data: { header: number };
  };
  assert.deepEqual(
    [bad.exit, error.code, error.data.header, bad.localClosed],
    [1, 'FILE_DAMAGED', 6553 + 3, 1],
  );
  writeFileSync(file, Buffer.alloc(81));
  const cut = await cli(['headers', 'import', file], { home, local: new FakeNode() });
  assert.deepEqual([cut.exit, /not a whole number of 80-byte headers/.test(cut.stderr)], [1, true]);
  assert.equal((await cli(['headers', 'import', join(home, 'none')], { home })).exit, 1);
});

test('verify: 0 without problems, 1 with, rebuild passed on, progress only on a terminal', async (t) => {
  const home = tempDir(t);
  const local = new FakeNode();
  const repairs: boolean[] = [];
  const onOpenLocal = (repair: boolean) => void repairs.push(repair);
  const fine = await cli(['verify'], { home, local, onOpenLocal });
  assert.deepEqual([fine.exit, /no problems/.test(fine.stdout), fine.stderr.includes('%')], [0, true, false]);
  const tty = await cli(['verify'], { home, local, tty: true });
  assert.ok(tty.stderr.includes('50%') && tty.stderr.endsWith('\r\u001b[K'));
  let rebuild: boolean | undefined;
  local.verify = async (opts) => {
    rebuild = opts.rebuild;
    const problems = [{ code: 'STORE_ROW_DAMAGED', what: 'row b/1' }];
    return { rows: 5, transactions: 1, problemCount: 7, problems, stateDigest: 'ab'.repeat(32) };
  };
  const bad = await cli(['verify', '--rebuild'], { home, local, onOpenLocal });
  assert.deepEqual([bad.exit, rebuild], [1, true]);
  assert.deepEqual(repairs, [false, true], 'a damaged store must open to be rebuilt');
  assert.match(bad.stdout, /7 problems:\n {2}STORE_ROW_DAMAGED {2}row b\/1\n {2}and 6 more/);
});

test('verify --rebuild that lost transactions says so, with their names, exit 1', async (t) => {
  const home = tempDir(t);
  const local = new FakeNode();
  let accepted: boolean | undefined;
  const txids = ['aa'.repeat(32), 'bb'.repeat(32)];
  local.verify = async (opts) => {
    accepted = opts.acceptLoss;
    const report = { rows: 5, transactions: 1, problemCount: 0, problems: [], stateDigest: 'ab'.repeat(32) };
    return opts.acceptLoss ? report : { ...report, lost: { count: 3, txids, uncertain: false } };
  };
  const human = await cli(['verify', '--rebuild'], { home, local });
  assert.equal(human.exit, 1);
  assert.match(human.stdout, /3 transactions lost: import or sync them again/);
  assert.ok(human.stdout.includes(`  ${txids[0]}\n  ${txids[1]}\n  and 1 more\n`));
  const json = await cli(['verify', '--rebuild', '--json'], { home, local });
  assert.equal(json.exit, 1);
  assert.deepEqual(JSON.parse(json.stdout).lost, { count: 3, txids, uncertain: false });
  const taken = await cli(['verify', '--rebuild', '--accept-loss'], { home, local });
  assert.deepEqual([taken.exit, accepted], [0, true]);
  assert.equal((await cli(['verify', '--accept-loss'], { home, local })).exit, 3);
});

test('a data directory that cannot be opened: its error, exit 1; a socket given by hand is not replaced by it', async (t) => {
  const home = tempDir(t);
  const locked = storeError('STORE_LOCKED', 'the store is in use by another process');
  const run = await cli(['verify', '--json'], { home, local: locked });
  assert.equal(run.exit, 1);
  assert.ok(run.stderr.includes('"code":"STORE_LOCKED"'));
  const other = await cli(['verify', '--socket', join(home, 'other.sock')], { home });
  assert.deepEqual([other.exit, other.localOpened], [2, 0]);
});

test('a fault of ours is told as one, with its stack, exit 1', async (t) => {
  const home = tempDir(t);
  const run = await cli(['verify'], { home, local: new TypeError('x is not a function') });
  assert.deepEqual([run.exit, run.stdout], [1, '']);
  assert.match(run.stderr, /unexpected fault: TypeError: x is not a function[\s\S]*at /);
});

test('examples of the corpus of a file with a home that has no configuration leave nothing behind', async (t) => {
  const home = tempDir(t);
  await cli(['status'], { home });
  assert.throws(() => readFileSync(join(home, 'conf.yaml')), /ENOENT/);
});
