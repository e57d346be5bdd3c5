import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadConfig } from '../../../config/load.ts';
import { countingBytes, FakeDisk, HOME, KEY_PAIR, parse, unlocked } from './helpers.ts';

/** The sample of the requirements document, word for word. */
const SAMPLE = `node:
  private_key: "<base64-encoded-private-key>"  # Generated if empty

network:
  addresses:
    - "/ip4/0.0.0.0/tcp/9000"    # Updated to TCP transport
    - "/ip6/::/tcp/9000"         # Updated to TCP transport

peers:
  exchange_interval: "30s"
  connection_timeout: "10s"

logging:
  level: "info"  # debug, info, warn, error
  format: "json"  # json, text
`;

describe('the sample of the requirements document', () => {
  it('loads unchanged, its placeholder being no key', () => {
    const { config, warnings, needsKey } = parse(SAMPLE);
    assert.deepEqual(config.network.addresses, ['/ip4/0.0.0.0/tcp/9000', '/ip6/::/tcp/9000']);
    assert.equal(config.peers.exchangeIntervalMs, 30_000);
    assert.equal(config.peers.connectionTimeoutMs, 10_000);
    assert.equal(config.logging.level, 'info');
    assert.equal(config.logging.format, 'json');
    assert.deepEqual(warnings, []);
    assert.equal(needsKey, true);
  });

  it('with a key in it, loads as it is', () => {
    const text = SAMPLE.replace('<base64-encoded-private-key>', KEY_PAIR.privateKey);
    const { config, needsKey } = parse(text);
    assert.equal(config.node.privateKey.reveal(), KEY_PAIR.privateKey);
    assert.equal(needsKey, false);
  });

  it('gets its key in the place of the placeholder, and nothing else changes', async () => {
    const disk = new FakeDisk();
    disk.put('/home/btcfed/conf.yaml', SAMPLE);
    const opts = { file: '/home/btcfed/conf.yaml', home: HOME, create: true };
    const loaded = await loadConfig(opts, { disk, randomBytes: countingBytes, lock: unlocked });
    assert.equal(loaded.written, 'key');
    assert.equal(loaded.publicKey, KEY_PAIR.publicKey);
    const expected = SAMPLE.replace('<base64-encoded-private-key>', KEY_PAIR.privateKey);
    assert.equal(disk.text('/home/btcfed/conf.yaml'), expected);
  });
});
