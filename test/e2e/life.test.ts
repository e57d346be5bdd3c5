import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Result } from '../../src/api/methods/index.ts';
import { type Daemon, Home, until } from '../support/operator.ts';
import { operatorCorpus, sum } from '../support/operator-corpus.ts';

// One operator's days with one home, in order: what a test does, the next ones find.
const cleanup = { after };
const corpus = operatorCorpus(cleanup);
const { tokenId } = corpus;
const home = new Home(cleanup);
let daemon: Daemon;

type Summary = Record<'offered' | 'admitted' | 'known' | 'pending' | 'conflict' | 'rejected', number> & {
  via: string;
  files: number;
};
type Balances = Result<'token.balances'>;

async function status(): Promise<Result<'node.status'>> {
  return JSON.parse((await home.cli('status', '--json')).stdout) as Result<'node.status'>;
}

/** Balances of all addresses of the facts, a hundred a call. */
async function allBalances(of: Home): Promise<Balances['items']> {
  const addresses = [...corpus.unconfirmed.keys()];
  const items: Balances['items'] = [];
  for (let at = 0; at < addresses.length; at += 100) {
    const page = addresses.slice(at, at + 100);
    const answer = await of.json<Balances>('balance', tokenId, ...page);
    items.push(...answer.items);
  }
  return items;
}

before(() => {
  // Which corpus it was decides what a failure means.
  process.stderr.write(`corpus: ${corpus.origin}\n`);
});

test('run in an empty home writes conf.yaml for its owner alone, makes the store, and listens', async () => {
  daemon = await home.start();
  assert.equal(statSync(home.configFile).mode & 0o777, 0o600);
  assert.equal(statSync(home.socket).mode & 0o777, 0o600);
  assert.equal(statSync(home.path('data')).mode & 0o777, 0o700);
  assert.match(home.privateKey() ?? '', /^[A-Za-z0-9+/]{86}==$/);
  assert.match(daemon.log, /event=config\.created/);
  const checked = await home.cli('config', 'check');
  assert.deepEqual([checked.exit, checked.stdout], [0, `${home.configFile} is valid\n`]);
});

test('status of a fresh node is degraded, and says what to do', async () => {
  const { exit, stdout } = await home.cli('status');
  assert.equal(exit, 1);
  assert.match(stdout, /^btcfed \S+ .*running, degraded {2}main {2}pid \d+/);
  assert.match(stdout, /TOKENS_NONE_FOLLOWED {2}no token is followed: .*tokens\.follow/);
});

test('SIGTERM stops it with 0 and takes the socket away; the written key stays as it is', async () => {
  const before = readFileSync(home.configFile, 'utf8');
  assert.equal(await daemon.stop(), 0);
  assert.equal(existsSync(home.socket), false);
  daemon = await home.start();
  assert.equal(readFileSync(home.configFile, 'utf8'), before);
  assert.doesNotMatch(daemon.log, /event=config\.created/);
  assert.equal(await daemon.stop('SIGINT'), 0);
});

test('following a token is an edit of conf.yaml and a restart; another network gets a store of its own', async () => {
  home.configure({ network: 'regtest', follow: [tokenId], more: 'store: { path: regtest }' });
  daemon = await home.start();
  const { network, health, tokens, degraded } = await status();
  assert.deepEqual([network, health, degraded], ['regtest', [], false]);
  assert.deepEqual(
    tokens.map((t) => [t.token, t.state, t.transactions]),
    [[tokenId, 'empty', 0]],
  );
});

test('wait tells when the daemon serves', async () => {
  const { exit, stdout } = await home.cli('wait', '--timeout', '10s');
  assert.equal(exit, 0);
  assert.match(stdout, new RegExp(`^running \\(pid ${daemon.pid}\\) after `));
});

test('headers import counts added and known ones, and again changes nothing', async () => {
  const headers = statSync(corpus.headers).size / 80;
  const first = await home.json('headers', 'import', corpus.headers);
  assert.deepEqual(
    [first['via'], first['headers'], first['added'], first['known']],
    ['daemon', headers, headers - 1, 1],
  );
  const again = await home.cli('headers', 'import', corpus.headers);
  assert.match(
    again.stdout,
    new RegExp(`^${headers} headers: 0 added, ${headers} known\ntip ${corpus.tipHeight} `),
  );
  const tip = await home.json('headers', 'tip');
  assert.deepEqual([tip['height'], tip['baseHeight']], [corpus.tipHeight, 0]);
  const header = await home.json('rpc', 'headers.get', `{"height": ${corpus.tipHeight}}`);
  assert.equal(header['hash'], tip['hash']);
});

test('import of history and transfers through the daemon admits everything', async () => {
  const { exit, stdout, stderr } = await home.cli('import', corpus.history, corpus.transfers);
  const all = corpus.frames.history + corpus.frames.transfers;
  assert.equal(exit, 0);
  assert.match(stderr, new RegExp(`^through the daemon on ${home.socket}\n$`));
  assert.match(stdout, new RegExp(`^${all} transactions in 2 files `));
  assert.match(
    stdout,
    new RegExp(`admitted +${all}\n +known +0\n +pending +0\n +conflict +0\n +rejected +0\n$`),
  );
});

test('import a second time knows everything and changes nothing', async () => {
  const { sequence, transactions } = (await status()).store;
  const summary = await home.json<Summary>('import', corpus.history, corpus.transfers);
  assert.deepEqual([summary.known, summary.admitted, summary.via], [summary.offered, 0, 'daemon']);
  const { store } = await status();
  assert.deepEqual([store.sequence, store.transactions], [sequence, transactions]);
});

test('every balance is that of the facts', async () => {
  const items = await allBalances(home);
  assert.deepEqual(
    new Map(items.map((b) => [b.address, BigInt(b.unconfirmed)])),
    new Map(corpus.unconfirmed),
  );
  for (const b of items) assert.equal(BigInt(b.total), BigInt(b.confirmed) + BigInt(b.unconfirmed));
});

test('balance for people: symbol, decimals, coins, and the event it is true for', async () => {
  const [[address = '', amount = 0n] = []] = corpus.unconfirmed;
  const { exit, stdout } = await home.cli('balance', tokenId, address);
  const [head, row, sequence] = stdout.split('\n');
  assert.equal(exit, 0);
  assert.match(head ?? '', /^address +total +confirmed +unconfirmed +coins$/);
  const text = `${amount / 100n}.${String(amount % 100n).padStart(2, '0')}`;
  assert.match(row ?? '', new RegExp(`^${address} +\\S+ BENCH +\\S+ +${text.replace('.', '\\.')} +\\d+$`));
  assert.equal(sequence, `sequence ${(await status()).store.sequence}`);
});

test('the token: supply, none of it lost or burned', async () => {
  const token = await home.json<Result<'token.get'>>('token', tokenId);
  const supply = String(corpus.supply);
  assert.deepEqual(token.supply, { issued: supply, burned: '0', lost: '0', circulating: supply });
  assert.deepEqual([token.symbol, token.decimals, token.state, token.undecided], ['BENCH', 2, 'indexed', 0]);
  const list = await home.json<Result<'token.list'>>('tokens');
  // The commitment is in the answer about one token alone, and computed for it.
  const { sequence: _, sync, ...listed } = token;
  const [item] = list.items;
  assert.deepEqual({ ...item, sync: undefined }, { ...listed, sync: undefined });
  assert.equal(list.items.length, 1);
  assert.equal(item?.sync?.state, 'alone');
  assert.deepEqual([sync?.state, sync?.commitment?.height], ['alone', (await status()).tip.height]);
});

test('holders by pages to the end: each once, the largest first, together the supply', async () => {
  const seen: { address: string; balance: bigint }[] = [];
  let cursor: string | undefined;
  do {
    const more = cursor === undefined ? [] : ['--cursor', cursor];
    const page = await home.json<Result<'token.holders'>>('holders', tokenId, '--limit', '20', ...more);
    assert.ok(page.items.length <= 20);
    seen.push(...page.items.map((h) => ({ address: h.address, balance: BigInt(h.balance) })));
    cursor = page.cursor;
  } while (cursor !== undefined);
  assert.equal(new Set(seen.map((h) => h.address)).size, seen.length);
  assert.equal(sum(seen.map((h) => h.balance)), corpus.supply);
  for (let i = 1; i < seen.length; i += 1) assert.ok(seen[i - 1]!.balance >= seen[i]!.balance);
  const token = await home.json<Result<'token.get'>>('token', tokenId);
  assert.equal(token.holders, seen.length);
});

test('coins of everyone by pages to the end: each once, mined and unmined ones as the facts say', async (t) => {
  const rpc = await home.client(t);
  const coins = new Map<string, Result<'token.utxos'>['items'][number]>();
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await rpc.call('token.utxos', { token: tokenId, limit: 97, ...(cursor ? { cursor } : {}) });
    for (const coin of page.items) coins.set(coin.outpoint, coin);
    pages += 1;
    cursor = page.cursor;
  } while (cursor !== undefined);
  const token = await rpc.call('token.get', { token: tokenId });
  assert.equal(coins.size, token.coins);
  assert.equal(pages, Math.ceil(token.coins / 97));
  const mined = [...coins.values()].filter((coin) => coin.height !== undefined);
  assert.equal(sum(mined.map((coin) => BigInt(coin.amount))), corpus.confirmedSum);
  assert.equal(sum([...coins.values()].map((coin) => BigInt(coin.amount))), corpus.supply);
});

test('coins of one address sum up to its balance, on one page, on many, and with --all', async () => {
  const [[address = '', amount = 0n] = []] = [...corpus.unconfirmed].sort((a, b) => (a[1] < b[1] ? 1 : -1));
  const { total, coins } = await home.json<Result<'token.balance'>>('balance', tokenId, address);
  const whole = await home.json<Result<'token.utxos'>>('utxos', tokenId, address, '--limit', '1000');
  assert.deepEqual([whole.items.length, 'cursor' in whole], [coins, false]);
  const { stdout, stderr, exit } = await home.cli(
    'utxos',
    tokenId,
    address,
    '--all',
    '--limit',
    '7',
    '--json',
  );
  const pages = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Result<'token.utxos'>);
  assert.deepEqual([exit, stderr, pages.length], [0, '', Math.ceil(coins / 7)]);
  const items = pages.flatMap((page) => page.items);
  assert.deepEqual(items, whole.items);
  assert.equal(String(sum(items.map((coin) => BigInt(coin.amount)))), total);
  const unmined = items.filter((coin) => coin.height === undefined);
  assert.equal(sum(unmined.map((coin) => BigInt(coin.amount))), amount);
});

test('history by pages to the end: chronological, each transaction once, unmined ones last', async (t) => {
  const rpc = await home.client(t);
  const entries: Result<'token.history'>['items'] = [];
  let cursor: string | undefined;
  do {
    const page = await rpc.call('token.history', {
      token: tokenId,
      limit: 89,
      ...(cursor ? { cursor } : {}),
    });
    entries.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== undefined);
  assert.equal(entries.length, corpus.frames.history + corpus.frames.transfers);
  assert.equal(new Set(entries.map((e) => e.txid)).size, entries.length);
  const places = entries.map((e) =>
    e.height === undefined ? Number.POSITIVE_INFINITY : e.height * 1e6 + (e.index ?? 0),
  );
  for (let i = 1; i < places.length; i += 1) assert.ok(places[i - 1]! <= places[i]!, entries[i]?.txid);
  assert.equal(places.filter((place) => place === Number.POSITIVE_INFINITY).length, corpus.frames.transfers);
  assert.equal(new Set(places.filter(Number.isFinite)).size, corpus.frames.history);
  assert.equal(sum(entries.map((e) => BigInt(e.change))), corpus.supply);
});

test("an address's history ends at its balance", async (t) => {
  const rpc = await home.client(t);
  for (const address of [...corpus.unconfirmed.keys()].slice(0, 12)) {
    const { items, cursor } = await rpc.call('token.history', { token: tokenId, address, limit: 1000 });
    const { total } = await rpc.call('token.balance', { token: tokenId, address });
    assert.equal(cursor, undefined);
    assert.equal(String(sum(items.map((e) => BigInt(e.change)))), total, address);
    for (const e of items) assert.equal(BigInt(e.change), BigInt(e.received) - BigInt(e.sent));
  }
});

test('history of a range of blocks, and with a cursor not beyond it', async () => {
  const { items } = await home.json<Result<'token.history'>>('history', tokenId, '--limit', '1000');
  const heights = items.flatMap((e) => (e.height === undefined ? [] : [e.height]));
  const [low, high] = [Math.min(...heights) + 1, Math.max(...heights)];
  const expected = items.filter((e) => e.height !== undefined && e.height >= low && e.height <= high);
  const range = ['--from-height', String(low), '--to-height', String(high)];
  const got: string[] = [];
  let cursor: string | undefined;
  do {
    const more = cursor === undefined ? [] : ['--cursor', cursor];
    const page = await home.json<Result<'token.history'>>(
      'history',
      tokenId,
      ...range,
      '--limit',
      '200',
      ...more,
    );
    got.push(...page.items.map((e) => e.txid));
    cursor = page.cursor;
  } while (cursor !== undefined);
  assert.ok(expected.length > 0);
  assert.deepEqual(
    got,
    expected.map((e) => e.txid),
  );
  const none = await home.cli(
    'history',
    tokenId,
    '--from-height',
    String(corpus.tipHeight + 1),
    '--to-height',
    '999999',
  );
  assert.deepEqual([none.exit, none.stdout, none.stderr], [0, '', 'no transactions\n']);
});

test('history of a range of dates and times: block time of mined ones, time of arrival of the others', async () => {
  const all = (await home.json<Result<'token.history'>>('history', tokenId, '--limit', '1000')).items;
  const mined = all.filter((e) => e.height !== undefined);
  const [first, last] = [mined[0]?.time ?? '', mined.at(-1)?.time ?? ''];
  const asked = async (...range: string[]) =>
    (await home.json<Result<'token.history'>>('history', tokenId, '--limit', '1000', ...range)).items.map(
      (e) => e.txid,
    );
  const between = (from: string, to: string) =>
    all.filter((e) => (e.time ?? '') >= from && (e.time ?? '') <= to).map((e) => e.txid);
  assert.deepEqual(await asked('--from', first, '--to', first), between(first, first));
  const day = last.slice(0, 10);
  assert.deepEqual(await asked('--from', day, '--to', day), between(`${day}T00:00:00Z`, `${day}T23:59:59Z`));
  const second = Date.parse(last) / 1000;
  assert.deepEqual(
    await asked('--to', String(second)),
    mined.map((e) => e.txid),
  );
  const rest = all.filter((e) => e.height === undefined).slice(0, 1000 - mined.length);
  assert.deepEqual(
    await asked('--from', String(second + 1)).then((txids) => txids.slice(0, rest.length)),
    rest.map((e) => e.txid),
  );
  assert.deepEqual(await asked('--from', '2001-01-01', '--to', '2001-12-31'), []);
});

test('status for people, as JSON and flat tells the same', async () => {
  const [human, flat, json] = [await home.cli('status'), await home.cli('status', '--flat'), await status()];
  assert.deepEqual([human.exit, flat.exit, human.stderr, flat.stderr], [0, 0, '', '']);
  const lines = new Map(
    flat.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
  );
  const { store, tip } = json;
  assert.equal(lines.get('store.sequence'), store.sequence);
  assert.equal(lines.get('tip.hash'), tip.hash);
  assert.equal(lines.get('tokens.0.token'), tokenId);
  assert.match(human.stdout, new RegExp(`sequence ${store.sequence}, commit ${store.commit}`));
  assert.match(human.stdout, new RegExp(`tip +${tip.height} +\\S+ +${tip.hash}`));
  assert.match(human.stdout, /running, healthy {2}regtest/);
});

test('verify finds no problem; a home that imported without a daemon has the same state and balances', async (t) => {
  const online = await home.json<Result<'store.verify'>>('verify');
  assert.deepEqual([online.problemCount, online.problems], [0, []]);
  const offline = new Home(t, { follow: [tokenId] });
  const headers = await offline.json('headers', 'import', corpus.headers);
  assert.equal(headers['via'], 'local');
  const { exit, stderr, stdout } = await offline.cli('import', corpus.history, corpus.transfers);
  assert.deepEqual([exit, stderr], [0, `no daemon runs; working on the data directory of ${offline.dir}\n`]);
  assert.match(stdout, /pending +0\n +conflict +0\n +rejected +0\n$/);
  const verified = await offline.json<Result<'store.verify'>>('verify');
  assert.deepEqual([verified.problemCount, verified.stateDigest], [0, online.stateDigest]);
  const running = await offline.start();
  const comparable = (items: Balances['items']) => items.map(({ sequence: _, ...rest }) => rest);
  assert.deepEqual(comparable(await allBalances(offline)), comparable(await allBalances(home)));
  assert.equal(await running.stop(), 0);
});

test('order does not matter: transfers before history before headers comes to the same state', async (t) => {
  const other = new Home(t, { follow: [tokenId] });
  const early = await other.cli('import', corpus.transfers, corpus.history, '--json');
  const summary = JSON.parse(early.stdout) as Summary;
  assert.deepEqual([early.exit, summary.pending, summary.admitted], [0, summary.offered, 0]);
  const empty = await other.start();
  const nothing = await other.json<Result<'token.get'>>('token', tokenId);
  assert.deepEqual([nothing.supply.circulating, nothing.coins], ['0', 0]);
  await other.json('headers', 'import', corpus.headers);
  const rpc = await other.client(t);
  await until('nothing waits', async () => (await rpc.call('node.status', {})).store.pending === 0);
  assert.equal(await empty.stop(), 0);
  const verified = await other.json<Result<'store.verify'>>('verify');
  const online = await home.json<Result<'store.verify'>>('verify');
  assert.deepEqual([verified.problemCount, verified.stateDigest], [0, online.stateDigest]);
});

test('after a restart the answers are the same', async () => {
  const figures = async () => {
    const { sync, ...token } = await home.json<Result<'token.get'>>('token', tokenId);
    return [await allBalances(home), token, sync?.commitment];
  };
  const before = await figures();
  const { commit: _before, ...storeBefore } = (await status()).store;
  assert.equal(await daemon.stop(), 0);
  daemon = await home.start();
  const { commit: _now, ...storeNow } = (await status()).store;
  assert.deepEqual(await figures(), before);
  assert.deepEqual(storeNow, storeBefore);
});
