import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deepFreeze, parseConfig } from '../../../config/parse.ts';
import { SCHEMA } from '../../../config/schema.ts';
import {
  configErrorOf,
  countingBytes,
  errorsOf,
  HOME,
  KEY_PAIR,
  MINIMAL,
  parse,
  TOKEN,
  WITH_KEY,
} from './helpers.ts';

describe('parseConfig', () => {
  it('fills in every default', () => {
    const { config } = parse(MINIMAL);
    const { node, ...rest } = config;
    assert.equal(node.privateKey.reveal(), '');
    assert.deepEqual(rest, {
      version: 1,
      network: { addresses: ['/ip4/0.0.0.0/tcp/9000'], announce: [], allowPrivate: 'auto', dht: false },
      peers: {
        file: '/home/btcfed/peers.yaml',
        exchangeIntervalMs: 30_000,
        connectionTimeoutMs: 10_000,
        maxPeers: 300,
        maxPerIp: 8,
        allowOnlyListed: false,
        block: [],
      },
      logging: {
        level: 'info',
        format: 'json',
        modules: {},
        consoleOutput: true,
        consoleColor: true,
        fileOutput: false,
        fileName: undefined,
        fileMaxSizeBytes: 10_000_000,
      },
      chain: { network: 'main', headerSources: [{ kind: 'peers' }], checkpoint: undefined },
      tokens: { follow: [], block: [] },
      store: { path: '/home/btcfed/data', cacheMb: 64, syncWrites: true },
      rpc: { socket: '/home/btcfed/btcfed.sock', mode: 0o600 },
    });
  });

  it('takes every key', () => {
    const hash = `${'0'.repeat(56)}0123abcd`;
    const { config, sources } = parse(`version: 1
node: { private_key: "${KEY_PAIR.privateKey}" }
network:
  addresses: [/ip4/127.0.0.1/tcp/0]
  announce: [/dns4/node.example.com/tcp/9000]
  allow_private: yes
  dht: true
peers:
  file: /var/lib/btcfed/peers.yaml
  exchange_interval: 1m30s
  connection_timeout: 1500ms
  max_peers: 64
  max_per_ip: 50
  allow_only_listed: true
  block: [12D3KooWAHoEkEqnKzM5PXFygh2movVBCSX3k8tDsT2cneU68Gyt, Ck3dcezlrZTpilJTUh2XeQbNiDUWYRpk8LVkkeaGcpM=]
logging:
  level: warn
  format: text
  modules: { p2p: debug, store: error }
  console_output: false
  console_color: false
  file_output: true
  file_name: logs/node.log
  file_max_size: 1
chain:
  network: regtest
  header_sources: [{ url: "http://127.0.0.1:8080", token: t }, peers]
  checkpoint: { height: 5, hash: ${hash}, chain_work: "${'0'.repeat(62)}ff" }
tokens:
  follow: [${TOKEN}_0]
  block: [${TOKEN}_1]
store: { path: db, cache_mb: 8, sync_writes: false }
rpc: { socket: /run/btcfed/btcfed.sock, mode: 0660 }
`);
    const { node, chain, ...rest } = config;
    assert.equal(node.privateKey.reveal(), KEY_PAIR.privateKey);
    assert.deepEqual(rest, {
      version: 1,
      network: {
        addresses: ['/ip4/127.0.0.1/tcp/0'],
        announce: ['/dns4/node.example.com/tcp/9000'],
        allowPrivate: 'yes',
        dht: true,
      },
      peers: {
        file: '/var/lib/btcfed/peers.yaml',
        exchangeIntervalMs: 90_000,
        connectionTimeoutMs: 1500,
        maxPeers: 64,
        maxPerIp: 50,
        allowOnlyListed: true,
        block: [
          '12D3KooWAHoEkEqnKzM5PXFygh2movVBCSX3k8tDsT2cneU68Gyt',
          '12D3KooWAWb7LK9vdRXZSL4UiqcyjVqTWrLABB5wNpfqZAWFeM8e',
        ],
      },
      logging: {
        level: 'warn',
        format: 'text',
        modules: { p2p: 'debug', store: 'error' },
        consoleOutput: false,
        consoleColor: false,
        fileOutput: true,
        fileName: '/home/btcfed/logs/node.log',
        fileMaxSizeBytes: 1_000_000,
      },
      tokens: { follow: [`${TOKEN}_0`], block: [`${TOKEN}_1`] },
      store: { path: '/home/btcfed/db', cacheMb: 8, syncWrites: false },
      rpc: { socket: '/run/btcfed/btcfed.sock', mode: 0o660 },
    });
    assert.equal(chain.network, 'regtest');
    assert.deepEqual(chain.checkpoint, { height: 5, hash, chainWork: 255n });
    const [service, peers] = chain.headerSources;
    assert.ok(service?.kind === 'service');
    assert.equal(service.url, 'http://127.0.0.1:8080');
    assert.equal(service.token?.reveal(), 't');
    assert.deepEqual(peers, { kind: 'peers' });
    assert.ok(Object.values(sources).every(({ from }) => from === 'file'));
    assert.deepEqual(sources['logging.file_max_size'], { from: 'file', file: 'conf.yaml', line: 24 });
  });

  it('has a source for each key', () => {
    const { sources } = parse(MINIMAL);
    assert.deepEqual(
      Object.keys(sources),
      SCHEMA.map(({ path }) => path),
    );
    assert.deepEqual(sources['network.addresses'], { from: 'file', file: 'conf.yaml', line: 2 });
    assert.deepEqual(sources['store.path'], { from: 'default' });
  });

  it('is frozen through and through', () => {
    const { config } = parse(WITH_KEY);
    const values: unknown[] = [config];
    while (values.length > 0) {
      const value = values.pop();
      if (typeof value !== 'object' || value === null) continue;
      assert.ok(Object.isFrozen(value));
      values.push(...Object.values(value));
    }
    assert.equal(deepFreeze(5), 5);
  });

  it('an empty section is a section without keys', () => {
    assert.deepEqual(parse(`${MINIMAL}store:\ntokens: {}\n`).config, parse(MINIMAL).config);
  });

  it('JSON is YAML', () => {
    const text = JSON.stringify({
      network: { addresses: ['/ip4/0.0.0.0/tcp/9000'] },
      peers: { connection_timeout: '10s' },
      logging: { level: 'info', format: 'json' },
    });
    assert.deepEqual(parse(text).config, parse(MINIMAL).config);
  });

  it('a key whose halves differ is a warning, or an error when strict', async () => {
    const foreign = Buffer.concat([countingBytes(32), Buffer.alloc(32)]).toString('base64');
    const text = `node:\n  private_key: ${foreign}\n${MINIMAL}`;
    const { config, warnings } = parse(text);
    assert.equal(config.node.privateKey.reveal(), KEY_PAIR.privateKey);
    assert.deepEqual(
      warnings.map(({ line, column, key, code }) => [line, column, key, code]),
      [[2, 16, 'node.private_key', 'KEY_HALVES_DIFFER']],
    );
    const strict = () => parseConfig(text, { file: 'conf.yaml', home: HOME, strictKey: true });
    const error = await configErrorOf(strict);
    assert.deepEqual(
      error.problems.map(({ code }) => code),
      ['KEY_HALVES_DIFFER'],
    );
    assert.ok(error.message.includes(KEY_PAIR.publicKey));
    assert.ok(!error.message.includes(foreign.slice(0, 12)));
  });

  it('this file itself is no path for anything else', async () => {
    const text = MINIMAL.replace('peers:\n', 'peers:\n  file: conf.yaml\n');
    const error = await configErrorOf(() => parseConfig(text, { file: `${HOME}/conf.yaml`, home: HOME }));
    assert.equal(
      error.message,
      '/home/btcfed/conf.yaml:4:9: peers.file: is the same path as this file itself (expected a path of its own)',
    );
  });

  it('rules between keys are judged although other keys are wrong', async () => {
    const text = `${MINIMAL}  file_output: true\n  console_color: 1\nstore: { cache_mb: 0 }\n`;
    const lines = await errorsOf(text);
    assert.deepEqual(
      lines.map((line) => line.split(': ')[1]),
      ['logging.file_name', 'logging.console_color', 'store.cache_mb'],
    );
  });

  it('a wrong file name is not missing as well', async () => {
    const lines = await errorsOf(`${MINIMAL}  file_output: true\n  file_name: 5\n`);
    assert.equal(lines.length, 1);
  });

  it('a required key in a section that is no section is not missing as well', async () => {
    const lines = await errorsOf(MINIMAL.replace(/peers:\n.*\n/, 'peers: 5\n'));
    assert.equal(lines.length, 1);
  });

  it('a socket path of 107 bytes is the longest', async () => {
    const of = (length: number) => `${MINIMAL}rpc:\n  socket: /${'s'.repeat(length - 1)}\n`;
    assert.equal(parse(of(107)).config.rpc.socket.length, 107);
    assert.equal((await errorsOf(of(108))).length, 1);
    const wide = `${MINIMAL}rpc:\n  socket: /${'ä'.repeat(54)}\n`;
    assert.match((await errorsOf(wide))[0]!, /the absolute path has 109 bytes/);
  });

  it('errors carry data: file, count, keys and codes', async () => {
    const error = await configErrorOf(() => parse(`${MINIMAL}rpc: { mode: 1, mode: 2 }\nx: 1\n`));
    assert.equal(error.code, 'CONFIG_INVALID');
    assert.equal(error.name, 'ConfigError');
    assert.deepEqual(error.data, {
      file: 'conf.yaml',
      count: 3,
      keys: ['rpc.mode', 'x'],
      codes: ['BAD_VALUE', 'DUPLICATE_KEY', 'UNKNOWN_KEY'],
    });
  });
});
