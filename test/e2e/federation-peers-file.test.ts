import assert from 'node:assert/strict';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { federation, type Member, startAll, untilMesh } from '../support/federation.ts';
import { until } from '../support/operator.ts';

// peers.yaml as an operator meets it: what is learned lands in it, what is edited is taken, nothing of it is lost.

const EDIT_MS = 2_000;
const FLAT = /\s+/g;

/** An edit as most editors make it: another file is put in the place of the old one. */
function replace(member: Member, text: string): void {
  writeFileSync(`${member.peersFile}~`, text);
  renameSync(`${member.peersFile}~`, member.peersFile);
}

const textOf = (member: Member): string => readFileSync(member.peersFile, 'utf8');

const entry = (member: Member, addresses: readonly string[] = member.listen): string =>
  `  - public_key: "${member.publicKey}"\n    addresses: [${addresses.map((one) => `"${one}"`).join(', ')}]\n`;

async function untilSaved(member: Member, other: Member): Promise<void> {
  await until('the peer is in the file', () => member.savedKeys().includes(other.publicKey));
}

/** Applies an edit and waits until the daemon says that it has it; milliseconds. */
async function edit(member: Member, apply: () => void): Promise<number> {
  const from = member.running.log.length;
  const startMs = performance.now();
  apply();
  await member.running.line(/event=peers\.edited/, from);
  return Math.round(performance.now() - startMs);
}

describe('peers.yaml', { concurrency: 2 }, () => {
  test('learned peers survive a kill right after they were saved, and are dialled after the restart', async (t) => {
    const [a, b, c] = (await federation(t, 3)) as [Member, Member, Member];
    b.list(a);
    c.list(b);
    await startAll([a, b, c]);
    await untilMesh([a, b, c]);
    await untilSaved(a, c);
    await Promise.all([a.kill(), b.kill(), c.kill()]);
    const saved = textOf(a);
    await a.start();
    assert.deepEqual([...(await a.known())].sort(), [b.peerId, c.peerId].sort());
    assert.deepEqual(await a.connected(), [], 'nobody counts as connected after a restart');
    assert.equal(textOf(a), saved);
    // Nobody but the restarted one knows where both are: who comes back is found by it.
    c.unlist(b);
    await c.start();
    await untilMesh([a, c]);
  });

  test('an edit by hand: known within 2 s, applied, and kept by the next save with comments, order and unknown keys', async (t) => {
    const [a, b, c, d] = (await federation(t, 4)) as [Member, Member, Member, Member];
    d.list(a);
    const head = '# the peers of our friends\nversion: 1\nnote: "ask Ann"\npeers:\n';
    const friend = `  # Ann's\n${entry(b)}    site: "north" # rack 4\n`;
    replace(a, head + friend);
    await startAll([a, b, c]);
    await untilMesh([a, b]);
    const added = await edit(a, () => replace(a, `${head + friend}\n  # new since today\n${entry(c)}`));
    t.diagnostic(`an entry added: known after ${added} ms`);
    assert.ok(added <= EDIT_MS, `${added} ms`);
    await until('the added one is connected', async () => (await a.connected()).length === 2);
    assert.equal((await a.peer(c.peerId))?.source, 'operator');
    await d.start();
    await untilSaved(a, d);
    const text = textOf(a);
    assert.ok(text.startsWith(`${head + friend}\n  # new since today\n${entry(c)}`), text);
    // Changed in place, as some editors do: the second one moves, the first gets another address beside its own.
    const moved = [...b.listen, `/dns4/localhost/tcp/${b.port}`];
    const changed = await edit(a, () => writeFileSync(a.peersFile, text.replace(entry(b), entry(b, moved))));
    t.diagnostic(`an address added: known after ${changed} ms`);
    assert.ok(changed <= EDIT_MS, `${changed} ms`);
    assert.deepEqual((await a.peer(b.peerId))?.addresses, moved);
    assert.equal((await a.peer(d.peerId))?.source, 'exchange', 'what was learned stays learned');
    assert.match(textOf(a), /site: "north" # rack 4/);
  });

  test('a peer that the operator deletes is left alone, and no hearsay brings it back', async (t) => {
    const [a, b, c] = (await federation(t, 3)) as [Member, Member, Member];
    a.list(b);
    a.list(c);
    b.list(c);
    await startAll([a, b, c]);
    await untilMesh([a, b, c]);
    await edit(a, () => a.unlist(c));
    await c.stop();
    await until('it is forgotten', async () => !(await a.known()).includes(c.peerId));
    // Its own dials and what others tell: three rounds of exchange pass.
    const rounds = async (): Promise<number> =>
      (await a.metrics()).get('btcfed_exchange_unchanged_total') ?? 0;
    const asked = async (): Promise<number> => {
      const series = await a.metrics();
      const requests = series.get('btcfed_exchange_requests_total{direction="outbound",result="ok"}') ?? 0;
      return requests + (await rounds());
    };
    const first = await asked();
    await until('three rounds have passed', async () => (await asked()) >= first + 3);
    assert.deepEqual(await a.known(), [b.peerId]);
    assert.deepEqual(a.savedKeys(), [b.publicKey]);
  });

  test('entries in error are named with line and reason and stay in the file; the others are used', async (t) => {
    const [a, b, c] = (await federation(t, 3)) as [Member, Member, Member];
    c.list(a);
    const text = [
      'peers:',
      '  - public_key: "too short"',
      '    addresses: ["/ip4/127.0.0.1/tcp/9000"]',
      `  - public_key: "${c.publicKey.slice(0, -2)}B="`,
      '    addresses: ["/ip4/127.0.0.1/tcp/9001"]',
      entry(b).trimEnd(),
      '  - addresses: ["/ip4/127.0.0.1/tcp/9002"]',
      '  - public_key: "Ck3dcezlrZTpilJTUh2XeQbNiDUWYRpk8LVkkeaGcpM="',
      '    addresses: ["/ip4/127.0.0.1/tcp/0"]',
      entry(b).trimEnd(),
      '',
    ].join('\n');
    replace(a, text);
    await startAll([a, b, c]);
    await untilMesh([a, b, c]);
    const skipped = a.running.log.split('\n').filter((line) => line.includes('event=peers.entry_skipped'));
    const places = skipped.map((line) => Number(/peers\.yaml:(\d+)/.exec(line)?.[1]));
    assert.deepEqual(places, [2, 4, 8, 10], skipped.join('\n'));
    assert.ok(!a.running.log.includes('too short'), 'no key, not even a wrong one, is shown');
    assert.equal((await a.network()).operator, 1);
    await untilSaved(a, c);
    assert.ok(textOf(a).startsWith(text), 'left as they are');
  });

  test('a damaged file: kept byte for byte, the newest backup serves, the node runs and says so', async (t) => {
    const [a, b, c] = (await federation(t, 3)) as [Member, Member, Member];
    a.list(b);
    c.list(b);
    await startAll([a, b, c]);
    await untilMesh([a, b, c]);
    await untilSaved(a, c);
    await a.stop();
    const damaged = Buffer.concat([Buffer.from('peers:\n  - public_key: "'), Buffer.alloc(64, 0)]);
    writeFileSync(a.peersFile, damaged);
    const daemon = await a.start();
    const line = await daemon.line(/event=peers\.damaged/);
    const copy = /copy=(\S+)/.exec(line)?.[1] ?? '';
    assert.deepEqual(readFileSync(copy.startsWith('/') ? copy : a.home.path(copy)), damaged);
    await until('the peer of the backup is connected', async () =>
      (await a.connected()).some(({ peerId }) => peerId === b.peerId),
    );
    await daemon.line(/event=peers\.recovered/);
    assert.ok(a.savedKeys().includes(b.publicKey));
    await untilMesh([a, b, c]);
    await untilSaved(a, c);
  });

  test('a file that turns into something that is no YAML while it runs is left alone, and told until it is put right', async (t) => {
    const [a, b] = (await federation(t, 2)) as [Member, Member];
    a.list(b);
    await startAll([a, b]);
    await untilMesh([a, b]);
    const text = 'peers: [\n  - half an edit';
    replace(a, text);
    await a.running.line(/event=peers\.damaged/);
    const warnings = async (): Promise<readonly string[]> =>
      (await a.call('node.status', {})).health.map(({ code }) => code);
    assert.ok((await warnings()).includes('PEERS_NOT_SAVED'), (await warnings()).join());
    assert.equal((await a.connected()).length, 1, 'nobody is dropped for it');
    assert.equal(textOf(a), text);
    a.writePeers();
    await until('the warning ends', async () => !(await warnings()).includes('PEERS_NOT_SAVED'));
    assert.equal((await a.connected()).length, 1);
  });

  test('a save that is due when SIGTERM comes is made: exit 0', async (t) => {
    const [a, b] = (await federation(t, 2)) as [Member, Member];
    b.list(a);
    await startAll([a, b]);
    await a.running.line(new RegExp(`event=peer\\.learned peer=${b.peerId}`));
    await a.stop();
    assert.ok(a.savedKeys().includes(b.publicKey));
    assert.deepEqual(globSync('*{.tmp,.lock,~}*', { cwd: a.home.dir }), [], 'nothing half is left');
  });

  test('a folder of the list that goes away is told once and harms nothing; it is saved again when it is back', async (t) => {
    const [a, b, c] = (await federation(t, 3)) as [Member, Member, Member];
    mkdirSync(a.home.path('lists'));
    a.configure({ peers: '  file: lists/peers.yaml' });
    b.list(a);
    c.list(a);
    await startAll([a, b]);
    await untilMesh([a, b]);
    const file = a.home.path('lists', 'peers.yaml');
    await until('it is saved', () => existsSync(file) && readFileSync(file, 'utf8').includes(b.publicKey));
    rmSync(a.home.path('lists'), { recursive: true });
    await c.start();
    await a.running.line(/event=peers\.not_saved/);
    await untilMesh([a, b, c]);
    mkdirSync(a.home.path('lists'));
    await a.running.line(/event=peers\.saved_again/);
    const saved = readFileSync(file, 'utf8');
    for (const { publicKey } of [b, c]) assert.ok(saved.includes(publicKey));
    const told = a.running.log.match(/event=peers\.not_saved/g) ?? [];
    assert.equal(told.length, 1, 'once a change of state');
  });

  test('the file of a Go node is read as it is and stays so, but for what is learned', async (t) => {
    const [a, b, c] = (await federation(t, 3)) as [Member, Member, Member];
    c.list(a);
    const text = `peers:\n  - public_key: ${b.publicKey}\n    addresses:\n      - /ip4/127.0.0.1/tcp/${b.port}\n    connection_timeout: 10s\n    max_retries: 3\n`;
    replace(a, text);
    await startAll([a, b, c]);
    await untilMesh([a, b, c]);
    await untilSaved(a, c);
    assert.ok(textOf(a).replace(FLAT, ' ').startsWith(text.trimEnd().replace(FLAT, ' ')), textOf(a));
  });
});
