import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RpcError } from '../../src/api/client.ts';
import { COMMANDS } from '../../src/cli/commands/index.ts';
import { addressOf, TEST_ADDRESS } from '../support/corpus/keys.ts';
import { TestChain } from '../support/corpus/scenario.ts';
import { hashLock } from '../support/corpus/script.ts';
import { Home } from '../support/operator.ts';

// What the program says to a question that is wrong, or has no simple answer.
const cleanup = { after };
const chain = new TestChain('e2e answers');
const alice = chain.key('alice');
const ADDRESS = addressOf(alice.hash160);
const { preimage, digest } = chain.secret();
const vault = hashLock(preimage, digest);
const gold = chain.deployMint(1_000n, { owner: alice, sym: 'GOLD' });
const other = chain.deployMint(7n, { owner: alice, sym: 'OTHER' });
chain.mine([gold, other]);
const locked = chain.transfer({
  from: [gold.coin(0)],
  to: [
    [alice, 400n],
    [vault, 600n],
  ],
});
chain.mine([locked]);
const GOLD = gold.tokenId();
const EMPTY = `${'ee'.repeat(32)}_0`;
const SEEN = other.tokenId();
const UNKNOWN = `${'00'.repeat(32)}_7`;
const home = new Home(cleanup, { follow: [GOLD, EMPTY] });

before(async () => {
  await home.start();
  await home.json('headers', 'import', home.file('headers.bin', chain.headerBytes()));
  // Refused, since its token is not followed; that there is such a token is known from then on.
  const refused = await home.cli(
    'submit',
    home.file('other.beef', chain.beef(other, { parents: 'all' })),
    '--json',
  );
  assert.equal((JSON.parse(refused.stdout) as { code: string }).code, 'TOKEN_NOT_FOLLOWED');
  for (const tx of [gold, locked]) await home.json('submit', home.file('tx.beef', chain.beef(tx)));
});

/** The stable code of a call that must be refused. */
async function refusal(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => assert.fail('the call was answered'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof RpcError);
  return error.code;
}

/** Commands that ask about a token, with the rest of their line. */
const ABOUT = [['balance', ADDRESS], ['token'], ['utxos'], ['history'], ['holders']] as const;

for (const [command, ...rest] of ABOUT) {
  test(`${command}: unknown, not followed, and followed but empty are three answers`, async () => {
    const ask = (token: string) => home.cli(command, token, ...rest);
    const [unknown, seen, empty] = await Promise.all([ask(UNKNOWN), ask(SEEN), ask(EMPTY)]);
    assert.deepEqual([unknown.exit, seen.exit, empty.exit], [1, 1, 0]);
    assert.deepEqual([unknown.stdout, seen.stdout], ['', '']);
    const how = (token: string) =>
      `to follow it, add "${token}" to tokens.follow in conf.yaml and run \`btcfed reload\`\n`;
    assert.equal(
      unknown.stderr,
      `btcfed: unknown token: nothing seen here carries ${UNKNOWN}; ${how(UNKNOWN)}`,
    );
    assert.equal(
      seen.stderr,
      `btcfed: the token is not followed: ${SEEN} was seen, but is not kept, or its history is still being evaluated; ${how(SEEN)}`,
    );
    assert.match(empty.stdout + empty.stderr, /nothing of this token has arrived yet/);
  });
}

test('the three answers have codes of their own for programs', async (t) => {
  const rpc = await home.client(t);
  for (const method of ['token.get', 'token.utxos', 'token.history', 'token.holders'] as const) {
    assert.equal(await refusal(rpc.call(method, { token: UNKNOWN })), 'TOKEN_UNKNOWN');
    assert.equal(await refusal(rpc.call(method, { token: SEEN })), 'TOKEN_NOT_FOLLOWED');
    assert.equal((await rpc.call(method, { token: EMPTY })).state, 'empty');
  }
});

test('a followed token becomes one that is not, and back, with its history', async (t) => {
  const own = new Home(t, { follow: [GOLD] });
  await own.json('headers', 'import', own.file('headers.bin', chain.headerBytes()));
  await own.json(
    'import',
    own.file('gold.beef', chain.beef(gold)),
    own.file('locked.beef', chain.beef(locked)),
  );
  own.configure({ follow: [] });
  const without = await own.start();
  const refused = await own.cli('balance', GOLD, ADDRESS, '--json');
  assert.equal((JSON.parse(refused.stderr) as { code: string }).code, 'TOKEN_NOT_FOLLOWED');
  assert.equal(await without.stop(), 0);
  own.configure({ follow: [GOLD] });
  await own.start();
  assert.equal((await own.json('balance', GOLD, ADDRESS))['total'], '400');
});

test('an address that is wrong says why', async (t) => {
  const rpc = await home.client(t);
  const flipped = `${ADDRESS.slice(0, -1)}${ADDRESS.endsWith('2') ? '3' : '2'}`;
  for (const [address, why] of [
    [flipped, /its checksum does not match/],
    [ADDRESS.slice(0, -3), /it does not hold 25 bytes|its checksum does not match/],
    ['0OIl', /a character that is not in the base58 alphabet/],
    ['3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy', /it is not the address of a key hash/],
    ['bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', /is no address/],
    ['x'.repeat(129), /must be an address/],
    ['ab'.repeat(31), /is no address/],
  ] as const) {
    const { exit, stdout, stderr } = await home.cli('balance', GOLD, address);
    assert.deepEqual([exit, stdout], [3, ''], address);
    assert.match(stderr, why);
    const code = address.length > 128 ? 'INVALID_PARAMS' : 'ADDRESS_INVALID';
    assert.equal(await refusal(rpc.call('token.utxos', { token: GOLD, address })), code);
    assert.equal(await refusal(rpc.call('token.history', { token: GOLD, address })), code);
  }
});

test('one wrong address among right ones: no half answer', async () => {
  const { exit, stdout, stderr } = await home.cli('balance', GOLD, ADDRESS, 'nonsense');
  assert.deepEqual([exit, stdout], [3, '']);
  assert.match(stderr, /^btcfed: "nonsense" is no address: /);
});

test('the address of the test network is the same owner; an address nobody used has 0', async () => {
  const test = addressOf(alice.hash160, TEST_ADDRESS);
  const answer = await home.json<{ items: { address: string; total: string }[] }>(
    'balance',
    GOLD,
    ADDRESS,
    test,
  );
  assert.deepEqual(
    answer.items.map((b) => [b.address, b.total]),
    [
      [ADDRESS, '400'],
      [test, '400'],
    ],
  );
  const nobody = await home.json('balance', GOLD, addressOf(chain.key('nobody').hash160));
  assert.deepEqual([nobody['total'], nobody['coins']], ['0', 0]);
});

test('coins under another lock belong to the hash of the lock, in either case of hex', async () => {
  const { items } = await home.json<{ items: { address: string; balance: string }[] }>('holders', GOLD);
  assert.deepEqual(
    items.map((h) => h.balance),
    ['600', '400'],
  );
  const hash = items[0]?.address ?? '';
  assert.match(hash, /^[0-9a-f]{64}$/);
  for (const owner of [hash, hash.toUpperCase()]) {
    assert.equal((await home.json('balance', GOLD, owner))['total'], '600');
  }
});

test('outpoints in dot form, with a colon or in capitals are understood; other forms are refused', async (t) => {
  const rpc = await home.client(t);
  const expected = await home.json('token', GOLD.replace('_', '.'));
  assert.deepEqual([expected['token'], expected['symbol']], [GOLD, 'GOLD']);
  for (const token of [GOLD.replace('_', ':'), GOLD.toUpperCase()]) {
    assert.deepEqual(await rpc.call('token.get', { token }), expected);
  }
  for (const tail of [
    '',
    '_',
    '_0x',
    '_00',
    '_-1',
    '_4294967296',
    '_9999999999',
    '-0',
    '_0 ',
    '_0\n',
    '_1e1',
  ]) {
    assert.equal(
      await refusal(rpc.call('token.get', { token: GOLD.slice(0, 64) + tail })),
      'INVALID_PARAMS',
      tail,
    );
  }
  assert.equal(
    await refusal(rpc.call('token.get', { token: `${GOLD.slice(0, 64)}_4294967295` })),
    'TOKEN_UNKNOWN',
  );
});

test('a cursor that this very list did not give is refused, never an empty or shifted list', async (t) => {
  const rpc = await home.client(t);
  const [token, limit] = [GOLD, 1];
  const { cursor: coins = '' } = await rpc.call('token.utxos', { token, limit });
  const { cursor: holders = '' } = await rpc.call('token.holders', { token, limit });
  const { cursor: history = '' } = await rpc.call('token.history', { token, limit });
  for (const [method, params] of [
    ['token.utxos', { token, cursor: 'nonsense' }],
    ['token.utxos', { token, cursor: coins.slice(1) }],
    ['token.utxos', { token, cursor: holders }],
    ['token.utxos', { token, address: ADDRESS, cursor: coins }],
    ['token.utxos', { token: EMPTY, cursor: coins }],
    ['token.holders', { token, cursor: history }],
    ['token.history', { token, cursor: coins }],
    ['token.history', { token, fromHeight: 3, cursor: history }],
    ['token.list', { cursor: GOLD }],
  ] as const) {
    assert.equal(await refusal(rpc.request(method, params)), 'CURSOR_INVALID', JSON.stringify(params));
  }
  const { exit, stdout, stderr } = await home.cli('utxos', GOLD, '--cursor', 'nonsense');
  assert.deepEqual([exit, stdout, stderr], [1, '', 'btcfed: the cursor is not one that this list gave\n']);
});

test('values of the wrong kind or range are named, with exit 3 whoever finds them', async () => {
  for (const [line, exit, said] of [
    [['utxos', GOLD, '--limit', '1001'], 3, /--limit needs a whole number, 1 to 1000/],
    [['utxos', GOLD, '--limit', '1.5'], 3, /--limit needs a whole number, not "1\.5"/],
    [['utxos', GOLD, '--limit=-1'], 3, /--limit needs a whole number, not "-1"/],
    [['history', GOLD, '--to', 'yesterday'], 3, /"yesterday" is no date; write 2025-07-01/],
    [['wait', '--timeout', 'soon'], 3, /--timeout needs a duration such as 30s/],
    [['status', '--color', 'pink'], 3, /--color is one of auto, always, never, not "pink"/],
    [['rpc', 'token.get', '{"token":'], 3, /PARAMS is no JSON/],
    [['check', 'token.balance', `{"token":"${GOLD}"}`], 3, /"address" is missing/],
    [['log', 'level', 'api', 'loud'], 3, /"loud" is no level/],
  ] as const) {
    const run = await home.cli(...line);
    assert.deepEqual([run.exit, run.stdout], [exit, ''], line.join(' '));
    assert.match(run.stderr, said);
  }
});

test('parameters of the wrong kind or range are named to programs', async (t) => {
  const rpc = await home.client(t);
  for (const [method, params, said] of [
    ['token.utxos', { token: GOLD, limit: 0 }, /"limit"/],
    ['token.utxos', { token: GOLD, limit: '5' }, /"limit"/],
    ['token.utxos', { tokn: GOLD }, /unknown parameter "tokn" \(did you mean "token"\?\)/],
    ['token.history', { token: GOLD, from: '2025-02-30' }, /"2025-02-30" is no date/],
    ['token.history', { token: GOLD, from: '2025-02-30T00:00:00Z' }, /is no date/],
    ['token.history', { token: GOLD, from: '2025-02-02', to: '2025-02-01' }, /from is after to/],
    ['token.history', { token: GOLD, fromHeight: 9, toHeight: 8 }, /fromHeight is after toHeight/],
    ['token.balances', { token: GOLD, addresses: [] }, /"addresses"/],
    ['token.balances', { token: GOLD, addresses: ADDRESS }, /"addresses"/],
    ['tx.get', { txid: 'abc' }, /"txid": must be 64 hex digits/],
    ['tx.beef', { txid: 'ab'.repeat(32), offset: -1 }, /"offset"/],
    ['tx.submit', { beef: '0100bee' }, /"beef": must be an even number of hex digits/],
    ['headers.get', { height: '5' }, /"height"/],
    ['headers.get', {}, /give either height or hash/],
    ['headers.get', { height: 4000 }, /4000; heights 0 to 3 are held/],
    ['headers.import', { data: 'AAAA' }, /3 bytes are not 1 to \d+ headers of 80 bytes/],
    ['events.since', { after: '-1' }, /"after"/],
    ['import.write', { importId: 'i9', data: '' }, /no such import/],
    ['log.level', { module: 'apo' }, /did you mean "api"/],
    ['token.get', [GOLD], /parameters go by name/],
  ] as const) {
    await assert.rejects(rpc.request(method, params), said, JSON.stringify(params));
  }
});

test('a line that cannot be understood: exit 3, the nearest name, and where to look', async () => {
  for (const [line, said] of [
    [['ballance'], 'unknown command "ballance" (did you mean "balance"?); see: btcfed --help'],
    [['xyzzy'], 'unknown command "xyzzy"; see: btcfed --help'],
    [[''], 'unknown command ""; see: btcfed --help'],
    [['headers', 'improt'], '"headers improt" is no command; there are: headers import, headers tip'],
    [
      ['status', '--jsno'],
      'unknown option --jsno of "status" (did you mean "json"?); see: btcfed status --help',
    ],
    [['status', 'now'], '"now" is one argument too many: btcfed status'],
    [['balance', GOLD], 'ADDRESS is missing: btcfed balance ID ADDRESS...'],
    [['utxos', GOLD, '--limit'], '--limit needs a value: --limit N'],
    [['status', '--json=yes'], '--json takes no value'],
    [['completion', 'tcsh'], 'no completion for "tcsh"; there is bash, zsh, fish'],
    [['run', 'away'], '"away" is one argument too many: btcfed run'],
  ] as const) {
    const { exit, stdout, stderr } = await home.cli(...line);
    assert.deepEqual([exit, stdout, stderr], [3, '', `btcfed: ${said}\n`]);
  }
});

test('errors as JSON are one line on stderr with the code first, usage included', async () => {
  for (const [line, exit, code] of [
    [['token', UNKNOWN], 1, 'TOKEN_UNKNOWN'],
    [['balance', GOLD, 'x'], 3, 'ADDRESS_INVALID'],
    [['nope'], 3, 'USAGE'],
    [['status', '--socket', '/nowhere'], 2, 'UNREACHABLE'],
    [['config', 'show', '--home', '/nowhere'], 4, 'CONFIG_NOT_FOUND'],
  ] as const) {
    const run = await home.cli(...line, '--json');
    assert.deepEqual([run.exit, run.stdout], [exit, '']);
    assert.ok(run.stderr.startsWith(`{"code":"${code}","message":`), run.stderr);
    assert.equal(run.stderr.indexOf('\n'), run.stderr.length - 1);
  }
});

test('help of the program and of every command begins with examples; the manual page has them all', async () => {
  const program = await home.cli('--help');
  assert.match(program.stdout, /^Examples:\n/);
  const man = await home.cli('help', '--man');
  // Every command's help at once, as the family of all: a process each would tell no more.
  for (const { name } of COMMANDS) {
    assert.ok(program.stdout.includes(`\n  ${name}`), name);
    assert.ok(man.stdout.includes(`.SS ${name}`), name);
  }
  for (const name of ['balance', 'headers import']) {
    const { exit, stdout, stderr } = await home.cli(...name.split(' '), '-h');
    assert.deepEqual([exit, stderr], [0, '']);
    assert.match(stdout, new RegExp(`^Examples:\n  btcfed ${name} `));
  }
  const none = await home.cli();
  assert.deepEqual([none.exit, none.stdout], [3, '']);
});

test('--version tells version, commit, Node.js and libp2p', async () => {
  const { exit, stdout } = await home.cli('--version');
  assert.equal(exit, 0);
  assert.match(
    stdout,
    new RegExp(
      `^btcfed \\d+\\.\\d+\\.\\d+ \\(commit \\w+\\), Node\\.js ${process.version}, libp2p \\d+\\.\\d+\\.\\d+\n$`,
    ),
  );
});

test('no daemon: exit 2 of every command that needs one, with the socket and what to do', async (t) => {
  const alone = new Home(t);
  const tx = 'ab'.repeat(32);
  for (const line of [
    ['status'],
    ['balance', GOLD, ADDRESS],
    ['watch'],
    ['tx', tx],
    ['submit', alone.file('a.hex', '0100beef')],
    ['wait', '--timeout', '0'],
  ]) {
    const { exit, stdout, stderr } = await alone.cli(...line);
    assert.deepEqual([exit, stdout], [2, ''], line.join(' '));
    assert.equal(
      stderr,
      `btcfed: no daemon reachable on ${alone.socket}: there is no such file; start it with \`btcfed run --home ${alone.dir}\`, or look at \`systemctl status btcfed\`\n`,
    );
  }
});

test('a file that is no socket, and one that nobody listens on: exit 2, with its mode', async (t) => {
  const alone = new Home(t);
  const file = alone.file('btcfed.sock', '');
  const { exit, stderr } = await alone.cli('status');
  assert.equal(exit, 2);
  assert.match(
    stderr,
    new RegExp(
      `^btcfed: no daemon reachable on ${file}: nobody listens there \\(mode 0644, owner \\d+:\\d+\\); `,
    ),
  );
});

test('config check: 0 where all is right, 4 with every problem at once, and no daemon needed', async (t) => {
  const alone = new Home(t, { follow: [GOLD] });
  assert.equal((await alone.cli('config', 'check')).exit, 0);
  const bad = alone.file(
    'bad.yaml',
    'network: { addresses: [nowhere] }\npeers: { connection_timeout: soon }\nlogging: { level: loud, format: text }\n',
  );
  const { exit, stdout, stderr } = await alone.cli('config', 'check', bad);
  assert.deepEqual([exit, stdout], [4, `${bad} is invalid: 3 problems\n`]);
  assert.deepEqual(
    stderr
      .trimEnd()
      .split('\n')
      .map((line) => line.split(':').slice(1, 3).join(':')),
    ['1:24', '2:30', '3:19'],
  );
  const missing = await alone.cli('config', 'check', alone.path('none.yaml'));
  assert.deepEqual([missing.exit, /does not exist/.test(missing.stderr)], [4, true]);
});

test('config show redacts the key and tells where values come from', async () => {
  const { exit, stdout } = await home.cli('config', 'show', '--sources');
  assert.equal(exit, 0);
  assert.match(stdout, /private_key: "\[redacted\]" {2}# \S+conf\.yaml:\d+, restart/);
  assert.match(stdout, /cache_mb: \d+ {2}# default, restart/);
});
