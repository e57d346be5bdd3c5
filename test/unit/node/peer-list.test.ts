import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { peerIdOf } from '../../../config/public-key.ts';
import { PeerList } from '../../../src/node/peer-list.ts';
import { Health } from '../../../src/observe/health.ts';
import { SILENT_LOG } from '../../../src/observe/log.ts';
import { AddressBook } from '../../../src/p2p/address-book.ts';
import { until } from '../../support/operator.ts';
import { entryText, keyOf, OWN_KEY, peer, TestClock } from '../../support/peer-file.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** Waits of a second and more pass when a test says so; those of the lock and the file really pass. */
class SlowClock extends TestClock {
  readonly waiting: { readonly ms: number; readonly run: () => void }[] = [];
  override after = (ms: number, run: () => void): (() => void) => {
    if (ms < 1_000) return new TestClock().after(ms, run);
    const timer = { ms, run };
    this.waiting.push(timer);
    return () => void this.waiting.splice(this.waiting.indexOf(timer) >>> 0, 1);
  };

  /** Of saves: not the look that comes every 30 s. */
  get waits(): readonly number[] {
    return this.waiting.map(({ ms }) => ms).filter((ms) => ms !== 30_000);
  }

  fire(): void {
    for (const { run } of this.waiting.splice(0)) run();
  }
}

async function made(t: TestContext, text?: string) {
  const folder = join(tempDir(t), 'list');
  mkdirSync(folder);
  const file = join(folder, 'peers.yaml');
  if (text !== undefined) writeFileSync(file, text);
  const clock = new SlowClock();
  const book = new AddressBook({ clock, self: peerIdOf(OWN_KEY) });
  const changed: string[] = [];
  const list = new PeerList(
    { file, ownKey: OWN_KEY },
    {
      book,
      clock,
      health: new Health({ nowMs: clock.nowMs, log: SILENT_LOG }),
      log: SILENT_LOG,
      onOperatorChange: (ids) => changed.push(...ids),
    },
  );
  t.after(() => list.stop());
  await list.start();
  const saved = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  return { list, book, clock, file, folder, changed, saved };
}

test('what is learned is saved once it has waited for more', async (t) => {
  const { list, book, clock, saved } = await made(t);
  assert.deepEqual(clock.waits, []);
  for (const n of [1, 2, 3]) book.load([peer(n)]);
  assert.deepEqual(clock.waits, [2_000]);
  clock.fire();
  await until('it is saved', () => [1, 2, 3].every((n) => saved().includes(keyOf(n))));
  assert.deepEqual(clock.waits, []);
  await list.stop();
});

test('a save that could not be made is tried again, sooner when there is news', async (t) => {
  const { list, book, clock, folder, saved } = await made(t);
  rmSync(folder, { recursive: true });
  book.load([peer(1)]);
  clock.fire();
  await until('it is tried again later', () => clock.waits.join() === '10000');
  assert.equal(list.state(), 'failed');
  book.load([peer(2)]);
  assert.deepEqual(clock.waits, [2_000]);
  clock.fire();
  await until('and again', () => clock.waits.join() === '10000');
  mkdirSync(folder);
  clock.fire();
  await until('it is saved', () => list.state() === 'ok');
  assert.ok([1, 2].every((n) => saved().includes(keyOf(n))));
  assert.deepEqual(clock.waits, []);
  await list.stop();
});

test('a stop saves what is not saved yet, also after a failure, and leaves no timer', async (t) => {
  const due = await made(t);
  due.book.load([peer(1)]);
  await due.list.stop();
  assert.ok(due.saved().includes(keyOf(1)));
  const failed = await made(t);
  rmSync(failed.folder, { recursive: true });
  failed.book.load([peer(1)]);
  failed.clock.fire();
  await until('it is tried again later', () => failed.clock.waits.length > 0);
  mkdirSync(failed.folder);
  await failed.list.stop();
  assert.ok(failed.saved().includes(keyOf(1)));
  failed.book.load([peer(2)]);
  assert.deepEqual([due.clock.waiting, failed.clock.waiting], [[], []]);
});

test('a form that must not be written is not tried again', async (t) => {
  const { list, book, clock, saved } = await made(t, 'version: 9\npeers: []\n');
  book.load([peer(1)]);
  clock.fire();
  await until('it was refused', () => list.state() === 'read_only_form');
  await list.stop();
  assert.deepEqual([clock.waits, saved()], [[], 'version: 9\npeers: []\n']);
});

test('an edit: who was added, changed or deleted is named; the book has what the file says', async (t) => {
  const { list, book, file, changed } = await made(t, `peers:\n${entryText(1)}${entryText(2)}`);
  assert.deepEqual(changed, []);
  writeFileSync(file, `peers:\n${entryText(2).replace('9000', '9001')}${entryText(3)}`);
  await list.check();
  await until('it was taken', () => changed.length > 0);
  assert.deepEqual(changed.sort(), [1, 2, 3].map((n) => peerIdOf(keyOf(n))).sort());
  assert.deepEqual(
    book.peers().map(({ peerId, addresses }) => [peerId, ...addresses]),
    [
      [peerIdOf(keyOf(2)), '/ip4/10.0.0.2/tcp/9001'],
      [peerIdOf(keyOf(3)), '/ip4/10.0.0.3/tcp/9000'],
    ],
  );
  await list.stop();
});

test('whoever asks for a look waits for it a second at most: another process may hold the lock', async (t) => {
  const { list, clock, file, saved } = await made(t, `peers:\n${entryText(1)}`);
  // Of a process that lives, in another namespace as far as anybody can tell.
  writeFileSync(`${file}.lock`, 'held');
  rmSync(file);
  let isOver = false;
  const looked = list.check().then(() => {
    isOver = true;
  });
  await until('the look waits', () => clock.waits.join() === '1000');
  assert.ok(!isOver);
  clock.fire();
  await looked;
  assert.equal(saved(), '');
  rmSync(`${file}.lock`);
  await until('it is saved once the lock is free', () => saved().includes(keyOf(1)));
});
