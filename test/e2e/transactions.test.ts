import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Result } from '../../src/api/methods/index.ts';
import { addressOf } from '../support/corpus/keys.ts';
import { TestChain } from '../support/corpus/scenario.ts';
import { p2pkh, token } from '../support/corpus/script.ts';
import type { TestTx } from '../support/corpus/testtx.ts';
import { Home } from '../support/operator.ts';

// Single transactions through the program: offered, asked for, proved to another node.
const cleanup = { after };
const chain = new TestChain('e2e transactions');
const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => chain.key(name)) as [
  ReturnType<TestChain['key']>,
  ReturnType<TestChain['key']>,
  ReturnType<TestChain['key']>,
];
const gold = chain.deployMint(1_000n, { owner: alice, sym: 'GOLD', dec: '2' });
chain.mine([gold]);
const tokenId = gold.tokenId();
const split = chain.transfer({
  from: [gold.coin(0)],
  to: [
    [bob, 600n],
    [alice, 400n],
  ],
});
chain.mine([split]);
const pay = chain.transfer({
  from: [split.coin(0)],
  to: [
    [carol, 250n],
    [bob, 350n],
  ],
});
const next = chain.transfer({ from: [pay.coin(0)], to: [[alice, 250n]] });
const home = new Home(cleanup, { follow: [tokenId] });
const headers = home.file('headers.bin', chain.headerBytes());

type Tx = Result<'tx.get'>;
type Outcome = Result<'tx.submit'>;

function sha256d(bytes: Uint8Array): string {
  const once = createHash('sha256').update(bytes).digest();
  return createHash('sha256').update(once).digest().reverse().toString('hex');
}

async function submitted(of: Home, ...argv: string[]): Promise<Outcome> {
  return of.json<Outcome>('submit', ...argv);
}

function verdicts(tx: Tx): unknown {
  return tx.tokens.map((part) => part.outputs.map((o) => [o.vout, o.amount, o.verdict, o.address]));
}

before(async () => {
  await home.start();
  await home.json('headers', 'import', headers);
});

test('submit of a file, raw: admitted, and what it moves is named', async () => {
  const outcome = await submitted(home, home.file('gold.beef', chain.beef(gold)));
  assert.deepEqual(outcome, { status: 'admitted', txid: gold.txid, tokens: [tokenId] });
  const human = await home.cli('submit', home.file('gold.beef', chain.beef(gold)));
  assert.deepEqual([human.exit, human.stdout, human.stderr], [0, `known  ${gold.txid}\n`, '']);
});

test('submit from standard input, hex with line ends and raw', async () => {
  const hex = chain.beef(split).toString('hex').replace(/.{64}/g, '$&\n').toUpperCase();
  const first = await home.cliWith({ stdin: `${hex}\n` }, 'submit', '-');
  assert.deepEqual([first.exit, first.stdout], [0, `admitted  ${split.txid}  tokens ${tokenId}\n`]);
  const again = await home.cliWith({ stdin: chain.beef(split) }, 'submit', '-');
  assert.deepEqual([again.exit, again.stdout], [0, `known  ${split.txid}\n`]);
});

test('an unmined transaction is there at once, apart from the mined ones', async () => {
  assert.equal((await submitted(home, home.file('pay.beef', chain.beef(pay)))).status, 'admitted');
  const balances = await home.json<Result<'token.balances'>>('balance', tokenId, ...addresses());
  assert.deepEqual(
    balances.items.map((b) => [b.confirmed, b.unconfirmed, b.coins]),
    [
      ['400', '0', 1],
      ['0', '350', 1],
      ['0', '250', 1],
    ],
  );
});

test('tx tells status, block, verdicts and who spent what; with --raw the bytes of that txid', async () => {
  const mined = await home.json<Tx>('tx', split.txid);
  assert.deepEqual([mined.status, mined.height, mined.index], ['active', 3, 1]);
  assert.deepEqual(
    mined.tokens[0]?.outputs.map((o) => [o.amount, o.verdict, o.spentBy]),
    [
      ['600', 'valid', pay.txid],
      ['400', 'valid', undefined],
    ],
  );
  const unmined = await home.json<Tx>('tx', pay.txid.toUpperCase(), '--raw');
  assert.deepEqual(['height' in unmined, 'blockHash' in unmined], [false, false]);
  assert.equal(sha256d(Buffer.from(unmined.raw ?? '', 'hex')), pay.txid);
  const human = await home.cli('tx', pay.txid);
  assert.match(human.stdout, new RegExp(`^txid +${pay.txid}\nstatus +active\nblock +unmined\n`));
  assert.match(
    human.stdout,
    new RegExp(`\ntoken ${tokenId}: in 600, lost 0\n {2}0 {2}transfer {2}250 {2}valid `),
  );
});

test('what is unknown is said to be, by tx and by beef', async () => {
  for (const command of ['tx', 'beef']) {
    const { exit, stdout, stderr } = await home.cli(command, next.txid);
    assert.deepEqual([exit, stdout, stderr], [1, '', `btcfed: unknown transaction: ${next.txid}\n`]);
  }
});

test('beef as hex on stdout and as bytes in a file is the same atomic BEEF', async () => {
  const hex = (await home.cli('beef', pay.txid)).stdout.trim();
  assert.match(hex, /^01010101/);
  const file = home.path('out.beef');
  const { exit, stdout } = await home.cli('beef', pay.txid, '--out', file);
  assert.deepEqual([exit, stdout], [0, `${hex.length / 2} bytes written to ${file}\n`]);
  assert.equal(readFileSync(file).toString('hex'), hex);
  const nowhere = await home.cli('beef', pay.txid, '--out', home.path('no', 'such', 'folder'));
  assert.deepEqual(
    [nowhere.exit, nowhere.stderr],
    [1, `btcfed: ${home.path('no', 'such', 'folder')} cannot be written: ENOENT\n`],
  );
});

test('the BEEFs of a history, piped into another home with the same headers, give the same verdicts', async (t) => {
  const other = new Home(t, { follow: [tokenId] });
  await other.json('headers', 'import', headers);
  const files: string[] = [];
  // The youngest first: each waits for the history before it, until the deploy decides all.
  for (const tx of [pay, split, gold]) {
    const hex = (await home.cli('beef', tx.txid)).stdout;
    files.push(other.file(`${tx.txid}.hex`, hex));
  }
  const first = JSON.parse((await other.cli('import', files[0]!, '--json')).stdout) as { samples: Outcome[] };
  assert.deepEqual(
    [first.samples[0]?.status, first.samples[0]?.waitingFor, first.samples[0]?.missing],
    ['pending', 'history', [`${gold.txid}_0`]],
  );
  const rest = await other.cli('import', ...files);
  assert.equal(rest.exit, 0);
  await other.start();
  for (const tx of [gold, split, pay]) {
    const [here, there] = [await home.json<Tx>('tx', tx.txid), await other.json<Tx>('tx', tx.txid)];
    assert.deepEqual(verdicts(there), verdicts(here));
    assert.deepEqual([there.status, there.height, there.index], [here.status, here.height, here.index]);
  }
  assert.deepEqual(await supply(other), await supply(home));
});

test('a double spend is kept as a conflict, refused with 1, and takes nothing', async () => {
  const thief = chain.doubleSpend(pay);
  const before = await supply(home);
  const { exit, stdout } = await home.cli('submit', home.file('thief.beef', chain.beef(thief)));
  assert.deepEqual([exit, stdout], [1, `conflict  ${thief.txid}  conflicts with ${pay.txid}\n`]);
  const tx = await home.json<Tx>('tx', thief.txid);
  assert.deepEqual([tx.status, tx.conflictsWith], ['conflicted', [pay.txid]]);
  assert.deepEqual(await supply(home), before);
});

test('a child before its parent waits, is named with what it misses, and is decided by the parent alone', async () => {
  const parent = chain.transfer({ from: [split.coin(1)], to: [[carol, 400n]] });
  const child = chain.transfer({ from: [parent.coin(0)], to: [[bob, 400n]] });
  const alone = await submitted(home, home.file('child.beef', chain.beef(child, { parents: 'none' })));
  assert.deepEqual([alone.status, alone.waitingFor], ['pending', 'parents']);
  assert.ok(alone.missing?.includes(`${parent.txid}_0`));
  const held = await home.json<Tx>('tx', child.txid);
  assert.equal(held.status, 'waiting');
  assert.ok(held.missingParents.includes(parent.txid));
  await submitted(home, home.file('parents.beef', beefOfParents(child, parent)));
  const decided = await home.json<Tx>('tx', child.txid);
  assert.deepEqual([decided.status, verdicts(decided)], ['active', [[[0, '400', 'valid', addresses()[1]]]]]);
});

test('a transaction that creates tokens out of nothing is refused with its reason', async () => {
  const greedy = chain.transfer({ from: [pay.coin(1)], to: [[carol, 351n]] });
  const forged = chain.build({ outputs: [{ lock: p2pkh(carol), token: token.transfer(tokenId, 5n) }] });
  const before = await supply(home);
  const { exit, stdout } = await home.cli('submit', home.file('forged.beef', chain.beef(forged)), '--json');
  assert.deepEqual([exit, (JSON.parse(stdout) as Outcome).code], [1, 'TOKEN_INVALID']);
  // Spending tokens without enough of them loses those spent: it is kept, its outputs are worth nothing.
  await submitted(home, home.file('greedy.beef', chain.beef(greedy)));
  const tx = await home.json<Tx>('tx', greedy.txid);
  assert.deepEqual(
    tx.tokens.map((part) => [part.valueIn, part.lost, part.outputs.map((o) => o.verdict)]),
    [['350', '350', ['invalid']]],
  );
  const now = await supply(home);
  assert.deepEqual(
    [now.issued, now.lost, now.circulating],
    [before.issued, String(BigInt(before.lost) + 350n), String(BigInt(before.circulating) - 350n)],
  );
});

function addresses(): string[] {
  return [alice, bob, carol].map((key) => addressOf(key.hash160));
}

async function supply(of: Home): Promise<Result<'token.get'>['supply']> {
  return (await of.json<Result<'token.get'>>('token', tokenId)).supply;
}

/** Everything unmined that a transaction needs, but not itself. */
function beefOfParents(tx: TestTx, subject: TestTx): Buffer {
  const others = tx.parents.filter((parent) => parent !== subject);
  return chain.beef([...others, subject]);
}
