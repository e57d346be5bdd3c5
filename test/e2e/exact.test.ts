import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { RpcClient } from '../../src/api/client.ts';
import type { Result } from '../../src/api/methods/index.ts';
import { u32 } from '../support/corpus/bytes.ts';
import { addressOf } from '../support/corpus/keys.ts';
import { type ReferenceToken, referenceState } from '../support/corpus/reference.ts';
import { TestChain } from '../support/corpus/scenario.ts';
import { anyone, cosign, p2pkh, token } from '../support/corpus/script.ts';
import type { TestTx } from '../support/corpus/testtx.ts';
import { Home, until } from '../support/operator.ts';
import { madeCorpus, sum } from '../support/operator-corpus.ts';

// Every figure that the socket tells, against a model that shares no code with the program.
const cleanup = { after };
const chain = new TestChain('e2e exact', { purseCoins: 120 });
const [alice, bob, carol, issuer, cosigner] = ['alice', 'bob', 'carol', 'issuer', 'cosigner'].map((name) =>
  chain.key(name),
) as [
  ReturnType<TestChain['key']>,
  ReturnType<TestChain['key']>,
  ReturnType<TestChain['key']>,
  ReturnType<TestChain['key']>,
  ReturnType<TestChain['key']>,
];
const MOST = 2n ** 64n - 1n;

const gold = chain.deployMint(MOST, { owner: alice, sym: 'GOLD', dec: '18' });
const silver = chain.deployAuth({ owner: issuer, sym: 'SILV' });
chain.mine([gold, silver]);
const GOLD = gold.tokenId();
const SILVER = silver.tokenId();
// Three times the largest amount there is: sums are wider than one amount.
const mints: TestTx[] = [];
let authority = silver.coin(0);
for (let i = 0; i < 3; i += 1) {
  const tx = chain.mint({
    from: [authority],
    to: [
      [carol, MOST],
      [alice, BigInt(i)],
    ],
    heir: issuer,
  });
  authority = tx.coin(2);
  mints.push(tx);
}
const halves = chain.transfer({
  from: [gold.coin(0)],
  to: [
    [alice, 2n ** 63n],
    [bob, 2n ** 63n - 1n],
  ],
});
chain.mine([...mints, halves]);
const locks = chain.build({
  inputs: [halves.coin(1)],
  outputs: [
    { lock: cosign(bob, cosigner), token: token.transfer(GOLD, 1_000n) },
    { lock: anyone(), token: token.transfer(GOLD, 2_000n) },
    { lock: p2pkh(bob), token: token.transfer(GOLD, 2n ** 63n - 3_001n) },
  ],
});
chain.mine([locks]);
const trunk = chain.tip;
// On the branch that loses: a payment that comes back on the other, and one that does not.
const moved = chain.transfer({ from: [halves.coin(0)], to: [[carol, 2n ** 63n]] });
const undone = chain.transfer({ from: [mints[0]!.coin(0)], to: [[bob, MOST]] });
const lost = chain.mine([moved, undone], { on: trunk });
const robbed = chain.transfer({ from: [locks.coin(2)], to: [[carol, 2n ** 63n - 3_001n]] });
const rival = chain.doubleSpend(robbed, { to: alice });
const lostTip = chain.mine([robbed], { on: lost });
const won = chain.mine([rival, moved], { on: trunk });
const wonTip = chain.mineEmpty(2, won);
// Unmined: a burn, a merge of all three mints, a chain, an amount too much.
const burn = chain.burn(7n, { from: [locks.coin(0)], to: [[alice, 993n]] });
const merge = chain.transfer({
  from: [mints[1]!.coin(0), mints[2]!.coin(0)],
  to: [
    [alice, MOST],
    [bob, MOST],
  ],
});
const hops = chain.transferChain(moved.coin(0), [alice, bob, carol]);
const greedy = chain.transfer({
  from: [merge.coin(1)],
  to: [
    [carol, MOST],
    [carol, 1n],
  ],
});
const all = [
  gold,
  silver,
  ...mints,
  halves,
  locks,
  moved,
  undone,
  robbed,
  rival,
  burn,
  merge,
  ...hops,
  greedy,
];

type Entry = readonly [
  txid: string,
  height: number | undefined,
  index: number | undefined,
  received: string,
  sent: string,
];

/** Unmined ones are in order of arrival: with `arrival` unknown, of their ids. */
function ordered(entries: readonly Entry[], isArrivalKnown: boolean): readonly Entry[] {
  if (isArrivalKnown) return entries;
  const mined = entries.filter(([, height]) => height !== undefined);
  const unmined = entries.filter(([, height]) => height === undefined);
  return [...mined, ...unmined.sort(([a], [b]) => (a < b ? -1 : 1))];
}

/** Holders, coins, histories and supply of a token as the socket tells them, in the model's form. */
async function told(rpc: RpcClient, tokenId: string, isArrivalKnown: boolean) {
  const info = await rpc.call('token.get', { token: tokenId });
  const holders = (await rpc.call('token.holders', { token: tokenId, limit: 1000 })).items;
  const coins = (await rpc.call('token.utxos', { token: tokenId, limit: 1000 })).items;
  const { items } = await rpc.call('token.balances', {
    token: tokenId,
    addresses: holders.map((h) => h.address),
  });
  const histories = new Map<string, readonly Entry[]>();
  for (const { address } of holders) {
    const page = await rpc.call('token.history', { token: tokenId, address, limit: 1000 });
    const entries = page.items.map((e): Entry => [e.txid, e.height, e.index, e.received, e.sent]);
    histories.set(address, ordered(entries, isArrivalKnown));
  }
  return {
    supply: info.supply,
    undecided: info.undecided,
    coinsCounted: info.coins,
    holders: new Map(holders.map((h) => [h.address, h.balance])),
    balances: new Map(items.map((b) => [b.address, [b.confirmed, b.unconfirmed, b.coins]])),
    coins: new Map(coins.map((c) => [c.outpoint, [c.amount, c.lock, c.address, c.height, c.index]])),
    histories,
  };
}

function nameOf(owner: string): string {
  return owner.length === 40 ? addressOf(Buffer.from(owner, 'hex')) : owner;
}

function expected(model: ReferenceToken, isArrivalKnown: boolean): Awaited<ReturnType<typeof told>> {
  const { issued, burned, lost: gone, circulating } = model.supply;
  const owners = [...model.balances].filter(([, b]) => b.confirmed + b.unconfirmed > 0n);
  return {
    supply: {
      issued: String(issued),
      burned: String(burned),
      lost: String(gone),
      circulating: String(circulating),
    },
    undecided: model.undecided.size,
    coinsCounted: model.coins.length + model.authorities.length,
    holders: new Map(owners.map(([owner, b]) => [nameOf(owner), String(b.confirmed + b.unconfirmed)])),
    balances: new Map(
      owners.map(([owner, b]) => [nameOf(owner), [String(b.confirmed), String(b.unconfirmed), b.coins]]),
    ),
    coins: new Map(
      // An authority is an unspent output of the token, too: its amount is 0.
      [...model.coins, ...model.authorities].map((c) => [
        c.outpoint,
        [String(c.amt), c.lockType, nameOf(c.owner), c.position?.height, c.position?.index],
      ]),
    ),
    histories: new Map(
      owners.map(([owner]) => {
        const entries = (model.history.get(owner) ?? []).map(
          (e): Entry => [e.txid, e.position?.height, e.position?.index, String(e.received), String(e.sent)],
        );
        return [nameOf(owner), ordered(entries, isArrivalKnown)];
      }),
    ),
  };
}

async function assertAsModel(
  home: Home,
  t: { after(run: () => Promise<void>): void },
  arrived: readonly TestTx[],
  isArrivalKnown = true,
): Promise<void> {
  const rpc = await home.client(t);
  await until('all is settled', async () => {
    const { ingest } = await rpc.call('node.status', {});
    return ingest.queued + ingest.inFlight === 0;
  });
  const model = referenceState(chain.view(arrived, { tip: wonTip }));
  for (const tokenId of [GOLD, SILVER]) {
    assert.deepEqual(
      await told(rpc, tokenId, isArrivalKnown),
      expected(model.tokens.get(tokenId)!, isArrivalKnown),
    );
  }
  const report = await rpc.call('store.verify', {});
  assert.deepEqual([report.problemCount, report.problems], [0, []]);
}

function framed(beefs: readonly Buffer[]): Buffer {
  return Buffer.concat(beefs.flatMap((beef) => [u32(beef.length), beef]));
}

test('blocks, a reorganisation, conflicts, burns, mints, other locks, sums above 2^64: as the model says', async (t) => {
  const home = new Home(t, { follow: [GOLD, SILVER] });
  await home.start();
  const headers = async (name: string, bytes: Buffer) =>
    home.json<{ undone: unknown[] }>('headers', 'import', home.file(name, bytes));
  const bring = async (...beefs: Buffer[]) => home.cli('import', home.file('next.bin', framed(beefs)));
  await headers('trunk', chain.headerBytes({ tip: trunk }));
  assert.equal((await bring(...[gold, silver, ...mints, halves, locks].map((tx) => chain.beef(tx)))).exit, 0);
  await headers('lost', chain.headerBytes({ tip: lostTip, from: trunk.height + 1 }));
  assert.equal(
    (await bring(...[moved, undone, robbed].map((tx) => chain.beef(tx, { tip: lostTip })))).exit,
    0,
  );
  const { undone: gone } = await headers('won', chain.headerBytes({ tip: wonTip, from: trunk.height + 1 }));
  assert.deepEqual(gone, [{ from: lost.height, to: lostTip.height }]);
  const rest = [rival, moved, burn, merge, ...hops, greedy].map((tx) => chain.beef(tx, { tip: wonTip }));
  const last = await bring(...rest);
  assert.match(last.stdout, /rejected +0\n/);
  await assertAsModel(home, t, all);
  const owned = await home.json<Result<'token.utxos'>>('utxos', SILVER, addressOf(issuer.hash160));
  assert.deepEqual(
    owned.items.map((c) => [c.op, c.amount]),
    [['auth', '0']],
  );
  const conflict = await home.json<Result<'tx.get'>>('tx', robbed.txid);
  assert.deepEqual([conflict.status, conflict.conflictsWith], ['conflicted', [rival.txid]]);
  const human = await home.cli('token', SILVER);
  assert.match(human.stdout, new RegExp(`\nissued +${3n * MOST + 3n} SILV\n`));
  const decimals = await home.cli('balance', GOLD, addressOf(alice.hash160));
  assert.match(decimals.stdout, / \d+\.\d{18} GOLD /);
});

test('the same in any order, with duplicates and in every BEEF form, headers last: as the model says', async (t) => {
  const home = new Home(t, { follow: [GOLD, SILVER] });
  // Without the loser of the conflict, for which the order would count.
  const txs = all.filter((tx) => tx !== robbed);
  const beefs = txs.flatMap((tx, i) => [
    chain.beef(tx, {
      tip: wonTip,
      version: i % 2 === 0 ? 2 : 1,
      atomic: i % 3 === 0,
      order: 'shuffled',
      shuffleSeed: `${i}`,
      duplicates: i % 4 === 1,
    }),
    chain.beef(tx, { tip: wonTip, version: 2, parents: 'all', order: 'children-first', compound: false }),
  ]);
  const order = chain.prng.shuffle(beefs);
  const { stdout } = await home.cli('import', home.file('all.bin', framed(order)));
  assert.match(stdout, /rejected +0\n/);
  await home.json('headers', 'import', home.file('headers', chain.headerBytes({ tip: wonTip })));
  await home.start();
  await assertAsModel(home, t, txs, false);
});

test('a generated corpus of two tokens, half of it mined: confirmed and unconfirmed as its facts say', async (t) => {
  const { facts, headers, history, transfers } = madeCorpus(cleanup, {
    seed: 'e2e exact',
    transfers: 120,
    owners: 70,
    tokens: 2,
    minedShare: 0.5,
  });
  const home = new Home(t, { follow: facts.tokens.map((of) => of.tokenId) });
  await home.start();
  await home.json('headers', 'import', headers);
  assert.equal((await home.cli('import', history, transfers)).exit, 0);
  const rpc = await home.client(t);
  for (const of of facts.tokens) {
    const addresses = Object.keys(of.balances);
    const { items } = await rpc.call('token.balances', { token: of.tokenId, addresses });
    assert.deepEqual(Object.fromEntries(items.map((b) => [b.address, b.total])), of.balances);
    const confirmed = items.filter((b) => b.confirmed !== '0').map((b) => [b.address, b.confirmed]);
    assert.deepEqual(Object.fromEntries(confirmed), of.confirmed);
    const page = await rpc.call('token.history', { token: of.tokenId, limit: 1000 });
    const places = page.items.map((e) => (e.height ?? Number.POSITIVE_INFINITY) * 1e6 + (e.index ?? 0));
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    );
    assert.equal(String(sum(page.items.map((e) => BigInt(e.change)))), of.supply);
    assert.equal(
      page.items.filter((e) => e.height === undefined).length,
      of.transfers - minedTransfers(of.confirmed),
    );
  }
});

/** Each transfer of the corpus moves a coin of 1000. */
function minedTransfers(confirmed: Readonly<Record<string, string>>): number {
  return Number(sum(Object.values(confirmed).map(BigInt)) / 1000n);
}
