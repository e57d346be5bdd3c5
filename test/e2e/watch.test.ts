import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { after, before, test } from 'node:test';
import type { Result } from '../../src/api/methods/index.ts';
import { addressOf } from '../support/corpus/keys.ts';
import { TestChain } from '../support/corpus/scenario.ts';
import type { Coin } from '../support/corpus/testtx.ts';
import { type Daemon, exitOf, Home, until } from '../support/operator.ts';

type Event = Result<'events.since'>['items'][number];

// The event log of one home, watched while transactions come in and the daemon comes and goes.
const cleanup = { after };
const chain = new TestChain('e2e watch');
const alice = chain.key('alice');
const bob = chain.key('bob');
const gold = chain.deployMint(1_000n, { owner: alice, sym: 'GOLD', dec: '2' });
const tin = chain.deployMint(50n, { owner: alice, sym: 'TIN' });
chain.mine([gold, tin]);
const home = new Home(cleanup, { follow: [gold.tokenId(), tin.tokenId()] });
let daemon: Daemon;
/** The coin that the next payment spends. */
let purse: Coin = gold.coin(0);

before(async () => {
  daemon = await home.start();
  await home.json('headers', 'import', home.file('headers.bin', chain.headerBytes()));
  await submit(chain.beef(gold));
  await submit(chain.beef(tin));
});

async function submit(beef: Uint8Array): Promise<void> {
  const outcome = await home.json<Result<'tx.submit'>>('submit', home.file('next.beef', beef));
  assert.equal(outcome.status, 'admitted');
}

/** One more unmined transfer of the whole purse: two events, spent and created. */
function payment(): { readonly txid: string; readonly beef: Buffer } {
  const amount = BigInt(purse.tx.outputs[purse.vout]?.token?.amt ?? 0n);
  const tx = chain.transfer({ from: [purse], to: [[bob, amount]] });
  purse = tx.coin(0);
  return { txid: tx.txid, beef: chain.beef(tx) };
}

/** A watch of this home as a process, with the events that it has printed. */
class Watch {
  readonly child: ChildProcess;
  readonly events: Event[] = [];
  stderr = '';
  #text = '';

  constructor(...argv: string[]) {
    this.child = home.spawnCli({}, 'watch', '--json', ...argv);
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#text + text).split('\n');
      this.#text = lines.pop() ?? '';
      this.events.push(...lines.map((line) => JSON.parse(line) as Event));
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
  }

  async stop(): Promise<void> {
    const end = exitOf(this.child);
    this.child.kill('SIGINT');
    assert.equal(await end, 0);
  }
}

function sequences(events: readonly Event[]): number[] {
  return events.map((event) => Number(event.sequence));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

test('all events from the first: gapless, and what they say adds up to the balances', async () => {
  await submit(payment().beef);
  const { exit, stdout } = await home.cli('watch', '--after', '0', '--count', '4', '--json');
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
  assert.deepEqual([exit, sequences(events)], [0, [1, 2, 3, 4]]);
  const held = new Map<string, bigint>();
  for (const { type, token, address, amount } of events) {
    const id = `${token} ${address}`;
    held.set(id, (held.get(id) ?? 0n) + (type.startsWith('created') ? 1n : -1n) * BigInt(amount));
  }
  for (const [id, amount] of held) {
    const [token = '', address = ''] = id.split(' ');
    const { total } = await home.json<Result<'token.balance'>>('balance', token, address);
    assert.equal(total, String(amount));
  }
  assert.deepEqual(
    events.map((event) => [event.type, event.height, event.index]),
    [
      ['created', 2, 1],
      ['created', 2, 2],
      ['spent', undefined, undefined],
      ['created', undefined, undefined],
    ],
  );
});

test('events for people: sequence, what, amount with symbol, who, where', async () => {
  const { stdout } = await home.cli('watch', gold.tokenId(), '--after', '0', '--count', '1');
  const address = addressOf(alice.hash160);
  assert.equal(stdout, `1  created  deploy+mint  10.00 GOLD  ${address}  ${gold.tokenId()}  2:1\n`);
});

test('a watch of one token leaves the others out', async () => {
  const { stdout } = await home.cli('watch', tin.tokenId(), '--after', '0', '--count', '1', '--json');
  assert.deepEqual([sequences([JSON.parse(stdout) as Event])], [[2]]);
});

test('pages of events.since go on where the one before ended', async () => {
  const seen: number[] = [];
  for (let after = '0'; ; ) {
    const page = await home.json<Result<'events.since'>>(
      'rpc',
      'events.since',
      JSON.stringify({ after, limit: 3 }),
    );
    seen.push(...sequences(page.items));
    after = page.next;
    if (after === page.sequence) break;
  }
  assert.deepEqual(seen, range(1, seen.length));
  assert.equal(seen.length, 4);
});

test('live, over a restart and over a kill -9: each event once, none missed, in order', async () => {
  const watch = new Watch('--after', '0');
  await until('what was there is printed', () => watch.events.length === 4);
  await submit(payment().beef);
  await until('it comes live', () => watch.events.length === 6);
  assert.equal(await daemon.stop(), 0);
  await until('the loss is told', () => /connection lost after event 6; connecting again/.test(watch.stderr));
  daemon = await home.start();
  await submit(payment().beef);
  await until('it is there after the restart', () => watch.events.length === 8);
  assert.equal(await daemon.stop('SIGKILL'), 'SIGKILL');
  daemon = await home.start();
  await submit(payment().beef);
  await until('it is there after the kill', () => watch.events.length === 10);
  assert.deepEqual(sequences(watch.events), range(1, 10));
  await watch.stop();
});

test('events that came while nobody watched are told to who asks from where it was', async () => {
  const before = (await home.json<Result<'node.status'>>('status')).store.sequence;
  await submit(payment().beef);
  const { stdout } = await home.cli('watch', '--after', before, '--count', '2', '--json');
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
  assert.deepEqual(sequences(events), range(Number(before) + 1, Number(before) + 2));
});

test('a block that comes later, and one that is undone, are events with the place they speak of', async () => {
  const before = (await home.json<Result<'node.status'>>('status')).store.sequence;
  const fork = chain.tip;
  const tx = chain.transfer({ from: [tin.coin(0)], to: [[bob, 50n]] });
  await submit(chain.beef(tx));
  const block = chain.mine([tx]);
  await home.json('headers', 'import', home.file('more.bin', block.header.bytes));
  await submit(chain.beef(tx));
  const balance = async () => {
    const b = await home.json<Result<'token.balance'>>('balance', tin.tokenId(), addressOf(bob.hash160));
    return [b.confirmed, b.unconfirmed];
  };
  assert.deepEqual(await balance(), ['50', '0']);
  const branch = chain.mineEmpty(2, fork);
  const other = chain.headerBytes({ tip: branch, from: fork.height + 1 });
  const undone = await home.json<{ undone: unknown }>('headers', 'import', home.file('branch.bin', other));
  assert.deepEqual(undone.undone, [{ from: block.height, to: block.height }]);
  assert.deepEqual(await balance(), ['0', '50']);
  const { stdout } = await home.cli('watch', tin.tokenId(), '--after', before, '--count', '6', '--json');
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
  assert.deepEqual(sequences(events), range(Number(before) + 1, Number(before) + 6));
  const told = events.map((event) => `${event.type} ${event.height ?? 'unmined'}`).sort();
  assert.deepEqual(told, [
    'created unmined',
    `createdMined ${block.height}`,
    `createdUnmined ${block.height}`,
    'spent unmined',
    `spentMined ${block.height}`,
    `spentUnmined ${block.height}`,
  ]);
});

test('a sequence of another store is refused; so is a token that is not known', async () => {
  const ahead = await home.cli('watch', '--after', '999999');
  assert.equal(ahead.exit, 1);
  assert.match(ahead.stderr, /the last event is \d+; this is another store/);
  const unknown = await home.cli('watch', `${'0'.repeat(64)}_0`);
  assert.deepEqual([unknown.exit, unknown.stdout], [1, '']);
  assert.match(unknown.stderr, /^btcfed: unknown token: /);
});
