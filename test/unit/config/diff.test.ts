import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diffConfig, restartKeys } from '../../../config/diff.ts';
import { keyPairOf } from '../../../config/key.ts';
import { KEY_PAIR, MINIMAL, parse, TOKEN, WITH_KEY } from './helpers.ts';

describe('diffConfig', () => {
  it('finds nothing between the same, however it is written', () => {
    const same = WITH_KEY.replace('10s', '"10000ms"').replace(
      '[/ip4/0.0.0.0/tcp/9000]',
      '\n    - /ip4/0.0.0.0/tcp/9000',
    );
    assert.notEqual(same, WITH_KEY);
    assert.deepEqual(diffConfig(parse(WITH_KEY).config, parse(same).config), []);
  });

  it('names each changed key with class, old and new value', () => {
    const next = `${WITH_KEY.replace('10s', '90s')}  file_name: x.log\ntokens: { follow: [${TOKEN}_0] }\nstore: { cache_mb: 9 }\n`;
    const changes = diffConfig(parse(WITH_KEY).config, parse(next).config);
    assert.deepEqual(changes, [
      { key: 'peers.connection_timeout', reload: 'live', old: '10s', new: '1m30s' },
      { key: 'logging.file_name', reload: 'restart', old: undefined, new: '/home/btcfed/x.log' },
      { key: 'tokens.follow', reload: 'live', old: [], new: [`${TOKEN}_0`] },
      { key: 'store.cache_mb', reload: 'restart', old: 64, new: 9 },
    ]);
    assert.deepEqual(restartKeys(changes), ['logging.file_name', 'store.cache_mb']);
  });

  it('sees a changed key and a changed token, and shows neither', () => {
    const other = keyPairOf(Buffer.alloc(32, 5)).privateKey;
    const chain = (token: string) => `chain: { header_sources: [{ url: "http://a", token: ${token} }] }\n`;
    const running = parse(`${WITH_KEY}${chain('sesame')}`).config;
    const next = parse(`${WITH_KEY.replace(KEY_PAIR.privateKey, other)}${chain('opensesame')}`).config;
    const changes = diffConfig(running, next);
    const source = [{ url: 'http://a', token: '[redacted]' }];
    assert.deepEqual(changes, [
      { key: 'node.private_key', reload: 'restart', old: '[redacted]', new: '[redacted]' },
      { key: 'chain.header_sources', reload: 'live', old: source, new: source },
    ]);
    assert.ok(!JSON.stringify(changes).includes('sesame'));
  });

  it('a key whose foreign half was corrected is the same key', () => {
    const bytes = Buffer.from(KEY_PAIR.privateKey, 'base64');
    const foreign = Buffer.concat([bytes.subarray(0, 32), Buffer.alloc(32)]).toString('base64');
    const running = parse(WITH_KEY.replace(KEY_PAIR.privateKey, foreign)).config;
    assert.deepEqual(diffConfig(running, parse(WITH_KEY).config), []);
  });

  it('a key that was blanked is a change', () => {
    const changes = diffConfig(parse(WITH_KEY).config, parse(MINIMAL).config);
    assert.deepEqual(restartKeys(changes), ['node.private_key']);
  });
});
