import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { format, inspect } from 'node:util';
import { quote, redact, Secret } from '../../../config/secret.ts';
import { KEY_PAIR, TOKEN } from './helpers.ts';

describe('Secret', () => {
  it('comes out only when asked to', () => {
    const secret = new Secret('hush');
    const all = [
      String(secret),
      `${secret}`,
      JSON.stringify({ secret }),
      inspect({ secret }, { showHidden: true, depth: 9 }),
      format('%s %o %j', secret, secret, secret),
      Object.values({ ...secret }).join(),
    ].join(' ');
    assert.ok(!all.includes('hush'));
    assert.ok(all.includes('[redacted]'));
    assert.equal(secret.reveal(), 'hush');
  });
});

describe('redact', () => {
  it('takes key material out of a text, in every encoding', () => {
    const bytes = Buffer.from(KEY_PAIR.privateKey, 'base64');
    for (const form of [KEY_PAIR.privateKey, bytes.toString('base64url'), KEY_PAIR.publicKey]) {
      assert.equal(redact(`a "${form}" b`), 'a "[redacted]" b');
    }
    assert.equal(redact(bytes.toString('hex')), '00010203...');
  });

  it('leaves token ids recognisable, and short words alone', () => {
    assert.equal(redact(`${TOKEN}_12`), 'ae59f3b8..._12');
    assert.equal(redact('/var/lib/btcfed conf.yaml'), '/var/lib/btcfed conf.yaml');
  });
});

describe('quote', () => {
  it('gives one line, without control characters, of bounded length', () => {
    assert.equal(quote('plain'), '"plain"');
    assert.equal(quote('a\n\u001b[31m\u0085\u202e\u2028"'), '"a\\n\\u001b[31m\\u0085\\u202e\\u2028\\""');
    assert.equal(quote('ä \u{1f600}'), '"ä \u{1f600}"');
    assert.equal(quote('\ud800'), '"\\ud800"');
    const long = quote('word '.repeat(1_000_000));
    assert.equal(long.length, 62);
    assert.ok(long.endsWith('..."'));
  });
});
