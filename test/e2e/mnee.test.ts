import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Result } from '../../src/api/methods/index.ts';
import { encodeHeader } from '../../src/chain/header.ts';
import { FakeHeadersService } from '../support/headers-service.ts';
import { Home, until } from '../support/operator.ts';
import { SHARED_DIR, skipWithout, type Vector, vectorBytes, vectorsOf } from '../support/shared.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

// Two real BEEFs of the main network. Their token history is not in them, so they are kept and never counted.
const skip = skipWithout('vectors');
const MNEE = 'ae59f3b898ec61acbdb6cc7a245fabeded0c094bf046f35206a3aec60ef88127_0';
const FIRST_HEADER = 900_000;
const HEADERS = join(SHARED_DIR, 'vectors', 'headers', 'mainnet-900000-916817.bin');

interface Subject {
  readonly vector: Vector;
  readonly txid: string;
  /** The mined token transaction that it spends, and the outputs that this one spends: the history that is missing. */
  readonly parent: string;
  readonly missing: readonly string[];
  readonly amounts: readonly string[];
  readonly addresses: readonly string[];
}

type Outcome = Result<'tx.submit'>;
type Tx = Result<'tx.get'>;

/** What is missing is read from the raw transactions by hand: inputs of the parent that may carry tokens. */
const MISSING: Readonly<Record<string, readonly string[]>> = {
  'bsv21-mnee-atomic-v2-unconfirmed': [
    '5d21fdd5aa71d3b2c6aeae694c95b1ee2265f9c88f99f0ebcf3b8cc41c123519_0',
    '97a91269c570d0d3d38ba12e2bfb10dd028cf1b6a1142d8ff001165b9559ecdc_2',
  ],
  'bsv21-mnee-beef-v1-unconfirmed-chain': [
    '1320504dac6d54e2343ded77317d4d9437272a414b3b955928eb6a59e3151c80_2',
    '3c1bcb84c8b854a0c090cae7b926c709f0051743857cce5caafc4754e1b1358a_0',
    '5779e62440aeb3821a76e68ebeab78e74429454cf4867f603a0ab9c7bd879731_2',
    '73297533eb9a6b2aa736f5d6978e5811a11d38e34ce832a097fc80980b52ef3d_2',
    'b57889a7d70ba71065195fa07516895e59f73854d4066956d09aa267fa4c2b91_0',
    'd6ebcc5c79159d72d9613da662cb28bd82d4430b0e3b2656600891f254050e72_0',
    'ea08cfe853c772430ebb6702b55644e3a90bad6f0401cd824a79b5361c2df54d_0',
  ],
};
const PARENTS: Readonly<Record<string, string>> = {
  'bsv21-mnee-atomic-v2-unconfirmed': '0a1a35aa72b01b14d1fee3b65dff715bfa1c76a48a15ce97021243a5b1447843',
  'bsv21-mnee-beef-v1-unconfirmed-chain': '9d9eed2d6c0526193a909c2f4543a84f683523bcde9bcd0d37028414a9eb1224',
};

interface ManifestToken {
  readonly amt: string;
  readonly lock: { readonly address: string };
}

function subjects(): Subject[] {
  return vectorsOf(/beef/)
    .filter((vector) => vector.name in MISSING)
    .map((vector) => {
      const txid = vector.subjectTxid ?? '';
      const txs = (vector.txs ?? []) as readonly { txid: string; tokens?: readonly ManifestToken[] }[];
      const tokens = txs.find((tx) => tx.txid === txid)?.tokens ?? [];
      return {
        vector,
        txid,
        parent: PARENTS[vector.name] ?? '',
        missing: MISSING[vector.name] ?? [],
        amounts: tokens.map((token) => token.amt),
        addresses: tokens.map((token) => token.lock.address),
      };
    });
}

/** A service that knows the roots (or false ones) of the heights below our first header, and the real headers above. */
async function service(t: TestContext, falseRoot?: string): Promise<FakeHeadersService> {
  const fake = await FakeHeadersService.start();
  t.after(() => fake.close());
  fake.setChain(readFileSync(HEADERS), FIRST_HEADER);
  for (const { height, merkleRoot } of subjects().flatMap((s) => s.vector.bumps ?? [])) {
    if (height >= FIRST_HEADER) continue;
    const fields = {
      version: 1,
      prevHash: '0'.repeat(64),
      time: 1_700_000_000,
      bits: 0x1d00ffff,
      nonce: height,
    };
    fake.addChain(encodeHeader({ ...fields, merkleRoot: falseRoot ?? merkleRoot }), height);
  }
  return fake;
}

async function submitted(home: Home, { vector }: Subject): Promise<Outcome> {
  const { exit, stdout } = await home.cliWith({ stdin: vectorBytes(vector) }, 'submit', '-', '--json');
  assert.equal(exit, 0);
  return JSON.parse(stdout) as Outcome;
}

/** Balance, coins, history, holders and supply: nothing of it. */
async function assertNotCounted(home: Home, t: TestContext): Promise<void> {
  const rpc = await home.client(t);
  const token = await rpc.call('token.get', { token: MNEE });
  assert.deepEqual(token.supply, { issued: '0', burned: '0', lost: '0', circulating: '0' });
  assert.deepEqual([token.coins, token.holders], [0, 0]);
  const addresses = [...new Set(subjects().flatMap((s) => s.addresses))];
  const { items } = await rpc.call('token.balances', { token: MNEE, addresses });
  assert.ok(items.length >= 5);
  for (const b of items)
    assert.deepEqual([b.total, b.confirmed, b.unconfirmed, b.coins, b.listed], ['0', '0', '0', 0, '0']);
  for (const method of ['token.utxos', 'token.history', 'token.holders'] as const) {
    assert.deepEqual((await rpc.call(method, { token: MNEE })).items, []);
  }
  assert.deepEqual((await rpc.call('events.since', { after: '0' })).items, []);
}

test('with headers and a service: pending with exactly the missing outpoints, decoded as the manifest says, never counted', {
  skip,
}, async (t) => {
  const fake = await service(t);
  const home = new Home(t, { network: 'main', follow: [MNEE], sources: [fake.url] });
  await home.start();
  const headers = await home.json('headers', 'import', HEADERS);
  assert.deepEqual([headers['headers'], headers['added']], [16_818, 16_818]);
  const found = subjects();
  assert.equal(found.length, 2);
  for (const subject of found) {
    const outcome = await submitted(home, subject);
    assert.deepEqual(
      [
        outcome.status,
        outcome.txid,
        outcome.waitingFor,
        [...(outcome.missing ?? [])].sort(),
        outcome.missingCount,
      ],
      ['pending', subject.txid, 'history', subject.missing, subject.missing.length],
    );
    const tx = await home.json<Tx>('tx', subject.txid);
    const [part] = tx.tokens;
    assert.deepEqual([tx.status, 'height' in tx, part?.token, part?.decided], ['active', false, MNEE, false]);
    assert.deepEqual(part?.undecided.length, 1);
    assert.deepEqual(
      part?.outputs.map((o) => [o.amount, o.address, o.lock, o.verdict]),
      subject.amounts.map((amount, i) => [amount, subject.addresses[i], 'cosign', 'pending']),
    );
    // Its parent is mined, as the service says; which block it is, is not known.
    const parent = await home.json<Tx>('tx', subject.parent);
    const bump = subject.vector.bumps?.find(({ height }) => height === parent.height);
    assert.ok(bump !== undefined && bump.height < FIRST_HEADER);
    assert.deepEqual(
      ['blockHash' in parent, parent.tokens[0]?.undecided.slice().sort()],
      [false, subject.missing],
    );
  }
  // Proved by a real header: the fees of the second one.
  const fee = await home.json<Tx>('tx', '04ebb73043228e07675ffed7e24c3eb77bdc291dd608afc0ab9f065efd5c984d');
  assert.deepEqual(
    [fee.height, fee.blockHash],
    [905_506, '00000000000000000f319745450f7d4c42ddea4d6a1f46a1208f5be4fc233d27'],
  );
  await assertNotCounted(home, t);
  const text = await home.cli('token', MNEE);
  assert.match(
    text.stdout,
    /warning: 4 transactions wait for the history before them; amounts may still change\n/,
  );
  assert.match(text.stdout, /warning: the deploy transaction has not arrived/);
  assert.doesNotMatch(text.stdout, /nothing of this token has arrived/);
  const report = await home.json<Result<'store.verify'>>('verify');
  assert.deepEqual([report.problemCount, report.problems], [0, []]);
  for (const { txid } of found) assert.match((await home.cli('beef', txid)).stdout, /^01010101/);
});

test('offered again, after a restart, they are still pending with the same outpoints', {
  skip,
}, async (t) => {
  const fake = await service(t);
  const home = new Home(t, { network: 'main', follow: [MNEE], sources: [fake.url] });
  const daemon = await home.start();
  await home.json('headers', 'import', HEADERS);
  const first = await Promise.all(subjects().map((subject) => submitted(home, subject)));
  assert.equal(await daemon.stop(), 0);
  await home.start();
  const again = await Promise.all(subjects().map((subject) => submitted(home, subject)));
  assert.deepEqual(again, first);
  await assertNotCounted(home, t);
});

test('headers alone from the service: the real ones come by themselves', { skip }, async (t) => {
  const fake = await service(t);
  const checkpoint =
    '{ height: 899999, hash: "00000000000000000e7dcc27c06ee353bd37260b2e7e664314c204f0324a5087", chain_work: "000000000000000000000000000000000000000001664db1f2d50326927f07df" }';
  const home = new Home(t);
  home.file(
    'conf.yaml',
    [
      'network: { addresses: [/ip4/127.0.0.1/tcp/0] }',
      'peers: { connection_timeout: 10s }',
      'logging: { level: info, format: text }',
      `chain: { network: main, header_sources: [{ url: "${fake.url}" }], checkpoint: ${checkpoint} }`,
      `tokens: { follow: [${MNEE}] }\n`,
    ].join('\n'),
  );
  await home.start();
  const rpc = await home.client(t);
  await until('the headers are there', async () => (await rpc.call('headers.tip', {})).height === 916_817);
  const { hash } = await rpc.call('headers.tip', {});
  assert.equal(hash, '00000000000000002530fb16feba5e3beffd243e5ba89264f27f0f425cbd5436');
});

test('without a service they wait for headers that nobody has, and are counted nowhere', {
  skip,
}, async (t) => {
  const home = new Home(t, { network: 'main', follow: [MNEE] });
  await home.start();
  await home.json('headers', 'import', HEADERS);
  for (const subject of subjects()) {
    const outcome = await submitted(home, subject);
    assert.deepEqual([outcome.status, outcome.txid], ['pending', subject.txid]);
    const parent = await home.json<Tx>('tx', subject.parent);
    assert.equal(parent.status, 'waiting');
    assert.ok(subject.vector.bumps?.some(({ height }) => height === parent.missingHeight));
    const human = await home.cli('tx', subject.parent);
    assert.match(human.stdout, new RegExp(`\nwaits for +block header ${parent.missingHeight}\n`));
  }
  await assertNotCounted(home, t);
});

test('a service that says no: the proof is refused by name, not kept', { skip }, async (t) => {
  const fake = await service(t, '1'.repeat(64));
  const home = new Home(t, { network: 'main', follow: [MNEE], sources: [fake.url] });
  await home.start();
  await home.json('headers', 'import', HEADERS);
  for (const subject of subjects()) {
    const { exit, stdout } = await home.cliWith(
      { stdin: vectorBytes(subject.vector) },
      'submit',
      '-',
      '--json',
    );
    const outcome = JSON.parse(stdout) as Outcome;
    assert.deepEqual([exit, outcome.status, outcome.code], [1, 'rejected', 'PARENT_INVALID']);
  }
  await assertNotCounted(home, t);
});

test('a service that hangs holds up nobody; when it answers again, what waited for it is proven', {
  skip,
}, async (t) => {
  const fake = await service(t);
  const line = await TcpProxy.open(t, { port: Number(new URL(fake.url).port) });
  const home = new Home(t, { network: 'main', follow: [MNEE], sources: [`http://127.0.0.1:${line.port}`] });
  await home.start();
  await home.json('headers', 'import', HEADERS);
  line.stall();
  const startMs = performance.now();
  const found = subjects();
  const outcomes = await Promise.all(found.map((subject) => submitted(home, subject)));
  assert.ok(performance.now() - startMs < 15_000);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['pending', 'pending'],
  );
  line.resume();
  await until('what waited is proven', async () => {
    const txs = await Promise.all(found.map(({ txid }) => home.json<Tx>('tx', txid).catch(() => undefined)));
    return txs.every((tx) => tx?.status === 'active');
  });
  const again = await Promise.all(found.map((subject) => submitted(home, subject)));
  assert.deepEqual(
    again.map((outcome) => [outcome.waitingFor, [...(outcome.missing ?? [])].sort()]),
    found.map(({ missing }) => ['history', missing]),
  );
  await assertNotCounted(home, t);
});
