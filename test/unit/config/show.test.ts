import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diffConfig } from '../../../config/diff.ts';
import { inlineYaml, wrap, yamlLines } from '../../../config/render.ts';
import { SCHEMA } from '../../../config/schema.ts';
import { formatShown, showConfig, sourceText } from '../../../config/show.ts';
import { KEY_PAIR, parse, TOKEN, WITH_KEY } from './helpers.ts';

const TEXT = `${WITH_KEY}  modules: { p2p: debug }
chain:
  header_sources: [{ url: "http://127.0.0.1:8080", token: sesame }]
tokens: { follow: [${TOKEN}_0] }
`;

describe('showConfig', () => {
  const { config, sources } = parse(TEXT);
  const keys = showConfig(config, sources);

  it('has every key with value, source and reload class', () => {
    assert.deepEqual(
      keys.map(({ key }) => key),
      SCHEMA.map(({ path }) => path),
    );
    const shown = new Map(keys.map((key) => [key.key, key]));
    assert.deepEqual(shown.get('peers.connection_timeout'), {
      key: 'peers.connection_timeout',
      value: '10s',
      source: { from: 'file', file: 'conf.yaml', line: 6 },
      reload: 'live',
    });
    assert.deepEqual(shown.get('logging.file_name'), {
      key: 'logging.file_name',
      value: null,
      source: { from: 'default' },
      reload: 'restart',
    });
    assert.equal(showConfig(config, {})[0]?.source.from, 'default');
  });

  it('as YAML', () => {
    assert.equal(
      formatShown(keys, { sources: false }),
      `version: 1
node:
  private_key: "[redacted]"
network:
  addresses: ["/ip4/0.0.0.0/tcp/9000"]
  announce: []
  allow_private: auto
  dht: false
peers:
  file: "/home/btcfed/peers.yaml"
  exchange_interval: 30s
  connection_timeout: 10s
  max_peers: 300
  max_per_ip: 8
  allow_only_listed: false
  block: []
logging:
  level: info
  format: json
  modules: { p2p: debug }
  console_output: true
  console_color: true
  file_output: false
  # file_name: none
  file_max_size: 10MB
chain:
  network: main
  header_sources: [{ url: "http://127.0.0.1:8080", token: "[redacted]" }]
  # checkpoint: none
tokens:
  follow: [${TOKEN}_0]
  block: []
store:
  path: "/home/btcfed/data"
  cache_mb: 64
  sync_writes: true
rpc:
  socket: "/home/btcfed/btcfed.sock"
  mode: "0600"
`,
    );
  });

  it('with sources', () => {
    const lines = formatShown(keys, { sources: true }).split('\n');
    assert.equal(lines[0], 'version: 1  # default, restart');
    assert.equal(lines[2], '  private_key: "[redacted]"  # conf.yaml:2, restart');
    assert.ok(lines.includes('  connection_timeout: 10s  # conf.yaml:6, live'));
    assert.ok(lines.includes('  # checkpoint: none  # default, restart'));
    assert.equal(sourceText({ from: 'generated' }), 'generated');
  });

  it('says the same as the file when loaded again', () => {
    const again = formatShown(keys, { sources: true })
      .replace('"[redacted]"', `"${KEY_PAIR.privateKey}"`)
      .replace('"[redacted]"', 'sesame');
    assert.deepEqual(diffConfig(config, parse(again).config), []);
  });

  it('shows no secret, as text or as JSON', () => {
    const all = JSON.stringify(keys) + formatShown(keys, { sources: true }) + JSON.stringify(config);
    assert.ok(!all.includes('sesame'));
    assert.ok(!all.includes(KEY_PAIR.privateKey.slice(0, 16)));
  });
});

describe('YAML texts', () => {
  it('quote what some reader would take for something else', () => {
    for (const text of [
      'true',
      'yes',
      'No',
      'null',
      'y',
      '',
      '0600',
      '1e3',
      '12',
      'a b',
      'a: b',
      '[x]',
      '-',
      '~',
      '/a',
    ]) {
      assert.equal(inlineYaml(text), JSON.stringify(text));
    }
    for (const text of ['auto', 'peers.yaml', '10s', '1m30s', '10MB', 'a/b-c_d']) {
      assert.equal(inlineYaml(text), text);
    }
    assert.equal(inlineYaml(null), 'null');
    assert.equal(inlineYaml({}), '{}');
  });

  it('lists and maps go one entry a line', () => {
    assert.deepEqual(yamlLines('a', ['x', 1]), ['a:', '  - x', '  - 1']);
    assert.deepEqual(yamlLines('a', { b: true }), ['a:', '  b: true']);
    assert.deepEqual(yamlLines('a', []), ['a: []']);
    assert.deepEqual(yamlLines('a', {}), ['a: {}']);
  });

  it('wrap at words', () => {
    assert.deepEqual(wrap('aa bb cc', 5), ['aa bb', 'cc']);
    assert.deepEqual(wrap('toolong a', 3), ['toolong', 'a']);
  });
});
