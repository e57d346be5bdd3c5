import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkpoint, headerSource } from '../../../config/chain.ts';
import { list, mapOf } from '../../../config/collections.ts';
import { duration, formatDuration, parseDuration } from '../../../config/duration.ts';
import { announceAddress, listenAddress, parseTcpAddress } from '../../../config/multiaddr.ts';
import { choice, flag, formatVersion, path, socketMode, wholeNumber } from '../../../config/scalars.ts';
import { formatSize, size } from '../../../config/size.ts';
import { tokenId } from '../../../config/tokens.ts';
import { describe as describeValue, orList, pathText } from '../../../config/value.ts';
import { readWith, TOKEN } from './helpers.ts';

describe('durations', () => {
  const good: readonly (readonly [string, number])[] = [
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['500ms', 500],
    ['1m30s', 90_000],
    ['1h2m3s4ms', 3_723_004],
    ['1.5s', 1500],
    ['0.25h', 900_000],
    ['+2s', 2000],
    ['-2s', -2000],
    ['1500000us', 1500],
    ['3000µs', 3],
    ['3000μs', 3],
    ['2000000ns', 2],
    ['0s', 0],
    ['1s1s', 2000],
  ];
  for (const [text, ms] of good) {
    it(`${text} is ${ms} ms`, () => assert.equal(parseDuration(text), ms));
  }

  const bad: readonly (readonly [string, string])[] = [
    ['', '"" is not a duration'],
    ['s', '"s" is not a duration'],
    ['-', '"-" is not a duration'],
    ['1.s', '"1.s" is not a duration'],
    ['.5s', '".5s" is not a duration'],
    ['1s 2s', '"1s 2s" has the unknown unit "s "'],
    ['12', '"12" has no unit, "12s" would be seconds'],
    ['1h30', '"1h30" has no unit, "1h30s" would be seconds'],
    ['1w', '"1w" has the unknown unit "w"'],
    ['100us', '"100us" is finer than a millisecond'],
    [`${'1m'.repeat(33)}`, '"[redacted]" is too long'],
  ];
  for (const [text, message] of bad) {
    it(`${text || 'nothing'} is refused`, () => assert.equal(parseDuration(text), message));
  }

  it('are written as Go would take them', () => {
    assert.equal(formatDuration(0), '0s');
    assert.equal(formatDuration(500), '500ms');
    assert.equal(formatDuration(90_000), '1m30s');
    assert.equal(formatDuration(86_400_000), '24h');
    assert.equal(formatDuration(3_661_001), '1h1m1s1ms');
  });

  it('have bounds, both inclusive', () => {
    const type = duration(1000, 60_000, '5s');
    assert.equal(type.name, 'duration, 1s to 1m');
    assert.equal(readWith(type, '1s').value, 1000);
    assert.equal(readWith(type, '60s').value, 60_000);
    assert.deepEqual(readWith(type, '999ms').faults, ['key: OUT_OF_RANGE "999ms" is too short']);
    assert.deepEqual(readWith(type, '60001ms').faults, ['key: OUT_OF_RANGE "60001ms" is too long']);
    assert.equal(readWith(type, '999ms').raw[0]?.expected, 'a duration from 1s to 1m, such as 5s');
    assert.equal(type.show(90_000, 'redact'), '1m30s');
  });
});

describe('sizes', () => {
  const type = size(1000, 2_000_000_000, '10MB');
  const good: readonly (readonly [string | number, number])[] = [
    ['10MB', 10_000_000],
    ['10 MB', 10_000_000],
    ['10mb', 10_000_000],
    ['1GB', 1_000_000_000],
    ['5KB', 5000],
    ['1KiB', 1024],
    ['2MiB', 2_097_152],
    ['1GiB', 1_073_741_824],
    ['1500B', 1500],
    ['7', 7_000_000],
    [7, 7_000_000],
  ];
  for (const [text, bytes] of good) {
    it(`${JSON.stringify(text)} is ${bytes} bytes`, () => assert.equal(readWith(type, text).value, bytes));
  }

  it('are written with the largest unit that divides them', () => {
    assert.equal(formatSize(10_000_000), '10MB');
    assert.equal(formatSize(3_000_000_000), '3GB');
    assert.equal(formatSize(5000), '5KB');
    assert.equal(formatSize(1_048_576), '1MiB');
    assert.equal(formatSize(2_147_483_648), '2GiB');
    assert.equal(formatSize(1024), '1KiB');
    assert.equal(formatSize(1025), '1025B');
    assert.equal(type.show(1025, 'redact'), '1025B');
  });

  it('are refused by what is wrong with them', () => {
    assert.deepEqual(readWith(type, '1.5MB').faults, ['key: BAD_VALUE "1.5MB" is not a size']);
    assert.deepEqual(readWith(type, 1.5).faults, ['key: BAD_VALUE 1.5 is not a size']);
    assert.deepEqual(readWith(type, '1TB').faults, ['key: BAD_VALUE "1TB" has the unknown unit "TB"']);
    assert.deepEqual(readWith(type, '999B').faults, ['key: OUT_OF_RANGE "999B" is too small']);
    assert.deepEqual(readWith(type, 2001).faults, ['key: OUT_OF_RANGE 2001 is too large']);
    assert.deepEqual(readWith(type, []).faults, ['key: WRONG_TYPE is a list']);
  });
});

describe('multiaddrs', () => {
  const good = [
    '/ip4/0.0.0.0/tcp/9000',
    '/ip4/203.0.113.7/tcp/0',
    '/ip4/203.0.113.7/tcp/65535',
    '/ip6/::/tcp/9000',
    '/ip6/2001:db8::1/tcp/1',
    '/ip6/::ffff:10.0.0.1/tcp/1',
    '/dns4/node1.example.com/tcp/9000',
    '/dns6/localhost/tcp/9000',
    '/dns4/xn--bcher-kva.example/tcp/9000',
  ];
  for (const text of good) {
    it(`${text} is taken as it is`, () => assert.equal(readWith(listenAddress, text).value, text));
  }

  it('come apart into family, host and port', () => {
    const parts = parseTcpAddress('/dns6/a.example/tcp/42', () => undefined);
    assert.deepEqual(parts, { family: 'dns6', host: 'a.example', port: 42 });
  });

  const corrections: readonly (readonly [string, string])[] = [
    ['203.0.113.7:9000', '/ip4/203.0.113.7/tcp/9000'],
    ['[2001:db8::1]:9000', '/ip6/2001:db8::1/tcp/9000'],
    ['node.example.com:9000', '/dns4/node.example.com/tcp/9000'],
    ['/dns/node.example.com/tcp/9000', '/dns4/node.example.com/tcp/9000'],
    ['/ip6/::1/udp/9000/quic-v1', '/ip6/::1/tcp/9000'],
    ['/ip4/10.0.0.1/tcp/9000/p2p/12D3KooW', '/ip4/10.0.0.1/tcp/9000'],
    ['/ip4/10.0.0.1/tcp/9000/', '/ip4/10.0.0.1/tcp/9000'],
    ['/dns4/::1/tcp/9000', '/ip6/::1/tcp/9000'],
  ];
  for (const [text, right] of corrections) {
    it(`${text}: ${right} would be right`, () => {
      const { value, raw } = readWith(listenAddress, text);
      assert.equal(value, undefined);
      assert.deepEqual(
        raw.map(({ expected }) => expected),
        [right],
      );
    });
  }

  it('have no correction where the parts make none', () => {
    const general = listenAddress.expected;
    for (const text of [
      'nowhere',
      'host:99999',
      '[::g]:80',
      '/ip4/0.0.0.0/quic',
      '/unix/a',
      '/ip4/10.0.0.1/udp/99999/quic-v1',
      '/dns4/a.123/tcp/80',
      '/dns4//tcp/80',
    ]) {
      assert.deepEqual(
        readWith(listenAddress, text).raw.map(({ expected }) => expected),
        [general],
        text,
      );
    }
  });

  it('to announce must be dialable', () => {
    assert.equal(readWith(announceAddress, '/dns4/a.example/tcp/9000').value, '/dns4/a.example/tcp/9000');
    const faults = readWith(announceAddress, '/ip6/0::0/tcp/9000').faults;
    assert.deepEqual(faults, ['key: BAD_VALUE "/ip6/0::0/tcp/9000" is no address to dial']);
    assert.deepEqual(readWith(announceAddress, 'x').faults, ['key: BAD_VALUE "x" is not a multiaddr']);
    assert.equal(announceAddress.show('/ip4/10.0.0.1/tcp/1', 'redact'), '/ip4/10.0.0.1/tcp/1');
  });
});

describe('token ids', () => {
  it('have an output number that fits a transaction', () => {
    for (const vout of ['0', '1', '4294967295']) {
      assert.equal(readWith(tokenId, `${TOKEN}_${vout}`).value, `${TOKEN}_${vout}`);
    }
    for (const vout of ['', '00', '01', '4294967296', '99999999999', '1a', '-1', '1\n']) {
      const { value, faults } = readWith(tokenId, `${TOKEN}_${vout}`);
      assert.equal(value, undefined, vout);
      assert.equal(faults.length, 1);
      assert.match(faults[0]!, /^key: BAD_VALUE /);
    }
    assert.equal(tokenId.show(`${TOKEN}_0`, 'redact'), `${TOKEN}_0`);
  });
});

describe('scalars', () => {
  it('flags', () => {
    assert.equal(readWith(flag, true).value, true);
    assert.equal(readWith(flag, false).value, false);
    assert.deepEqual(readWith(flag, 'true').faults, ['key: WRONG_TYPE is the text "true"']);
    assert.equal(flag.show(false, 'redact'), false);
  });

  it('choices', () => {
    const type = choice(['debug', 'info']);
    assert.equal(type.expected, 'debug or info');
    assert.equal(readWith(type, 'info').value, 'info');
    assert.equal(type.show('info', 'redact'), 'info');
    const { faults } = readWith(type, 'inof');
    assert.deepEqual(faults, ['key: BAD_VALUE "inof" is not known, did you mean "info"?']);
  });

  it('whole numbers, bounds inclusive', () => {
    const type = wholeNumber(1, 10);
    assert.equal(readWith(type, 1).value, 1);
    assert.equal(readWith(type, 10).value, 10);
    assert.deepEqual(readWith(type, 0).faults, ['key: OUT_OF_RANGE 0 is too small']);
    assert.deepEqual(readWith(type, 11).faults, ['key: OUT_OF_RANGE 11 is too large']);
    assert.deepEqual(readWith(type, 1.5).faults, ['key: BAD_VALUE 1.5 is not a whole number']);
    assert.equal(readWith(type, '5').raw[0]?.expected, 'a whole number from 1 to 10, without quotes');
    assert.equal(readWith(type, 'x').raw[0]?.expected, 'a whole number from 1 to 10');
    assert.equal(type.show(3, 'redact'), 3);
  });

  it('paths', () => {
    const type = path('data');
    assert.equal(readWith(type, 'data').value, '/home/btcfed/data');
    assert.equal(readWith(type, './a/../data').value, '/home/btcfed/data');
    assert.equal(readWith(type, '/var/lib/btcfed').value, '/var/lib/btcfed');
    assert.deepEqual(readWith(type, '~').faults, ['key: BAD_VALUE "~" is not expanded here']);
    assert.equal(readWith(type, '~data').value, '/home/btcfed/~data');
    const { faults } = readWith(type, 'x'.repeat(4097));
    assert.deepEqual(faults, ['key: BAD_VALUE is no path that the system takes']);
    assert.equal(type.show('/a', 'redact'), '/a');
  });

  it('the version of the form', () => {
    assert.equal(readWith(formatVersion, 1).value, 1);
    assert.equal(formatVersion.show(1, 'redact'), 1);
    const { faults } = readWith(formatVersion, 3);
    assert.deepEqual(faults, ['key: NEWER_VERSION 3 is newer than this program knows']);
  });

  it('socket modes, however they are spelt', () => {
    for (const text of [600, '600', '0600', '0o600']) assert.equal(readWith(socketMode, text).value, 0o600);
    for (const text of [660, '0660']) assert.equal(readWith(socketMode, text).value, 0o660);
    for (const text of [384, '0777', '6000', 'rw', true, ['600'], Object.create(null)]) {
      assert.equal(readWith(socketMode, text).value, undefined);
    }
    assert.equal(socketMode.show(0o600, 'redact'), '0600');
  });
});

describe('lists and maps', () => {
  const numbers = list({ item: wholeNumber(0, 9), name: 'l', expected: 'a list', min: 1, max: 3 });

  it('report every bad element, and no list then', () => {
    assert.deepEqual(readWith(numbers, [1, 2]).value, [1, 2]);
    const { value, faults } = readWith(numbers, [10, 'x', 1]);
    assert.equal(value, undefined);
    assert.deepEqual(faults, ['key[0]: OUT_OF_RANGE 10 is too large', 'key[1]: WRONG_TYPE is the text "x"']);
    assert.deepEqual(readWith(numbers, [null]).faults, ['key[0]: NO_VALUE has no value']);
    assert.deepEqual(readWith(numbers, [4, 4]).faults, ['key[1]: BAD_VALUE is the same as entry [0]']);
    assert.deepEqual(readWith(numbers, []).faults, ['key: NO_VALUE is an empty list']);
    assert.deepEqual(readWith(numbers, [1, 2, 3, 4]).faults, ['key: OUT_OF_RANGE has 4 entries']);
    assert.deepEqual(readWith(numbers, { a: 1 }).faults, ['key: WRONG_TYPE is a section']);
    assert.deepEqual(numbers.show([1, 2], 'redact'), [1, 2]);
  });

  it('maps hold what is given', () => {
    const map = mapOf(['a', 'b'], flag, 'a map');
    assert.deepEqual(readWith(map, { a: true }).value, { a: true });
    assert.deepEqual(readWith(map, { a: 1, b: true }).faults, ['key.a: WRONG_TYPE is the number 1']);
    assert.deepEqual(readWith(map, { c: true }).faults, ['key.c: UNKNOWN_KEY unknown key']);
    assert.deepEqual(map.show({ b: false }, 'redact'), { b: false });
  });
});

describe('chain', () => {
  it('header sources: peers, a service, a service with a token', () => {
    assert.deepEqual(readWith(headerSource, 'peers').value, { kind: 'peers' });
    const bare = readWith(headerSource, { url: 'HTTP://Headers.example.com:80/base//' }).value;
    assert.deepEqual(bare, { kind: 'service', url: 'http://headers.example.com/base', token: undefined });
    const source = readWith(headerSource, { url: 'https://h.example', token: 'abc' }).value!;
    assert.ok(source.kind === 'service');
    assert.equal(source.token?.reveal(), 'abc');
    assert.deepEqual(headerSource.show(source, 'redact'), { url: 'https://h.example', token: '[redacted]' });
    assert.deepEqual(headerSource.show(source, 'reveal'), { url: 'https://h.example', token: 'abc' });
    assert.deepEqual(headerSource.show(bare!, 'redact'), { url: 'http://headers.example.com/base' });
    assert.equal(headerSource.show({ kind: 'peers' }, 'redact'), 'peers');
    assert.equal(readWith(headerSource, { url: 'https://h.example', token: 'a b' }).value, undefined);
    assert.equal(
      readWith(headerSource, { url: 'https://h.example', token: 'x'.repeat(4097) }).value,
      undefined,
    );
  });

  it('checkpoints keep their work as a number', () => {
    const hash = `${'0'.repeat(60)}abcd`;
    const input = { height: 7, hash, chain_work: `${'0'.repeat(63)}e` };
    const value = readWith(checkpoint, input).value!;
    assert.deepEqual(value, { height: 7, hash, chainWork: 14n });
    assert.deepEqual(checkpoint.show(value, 'redact'), input);
    assert.deepEqual(readWith(checkpoint, []).faults, ['key: WRONG_TYPE is a list']);
  });
});

describe('words', () => {
  it('say what a value is', () => {
    assert.equal(describeValue(null), 'empty');
    assert.equal(describeValue({}), 'a section');
    assert.equal(describeValue(true), 'true');
  });

  it('list names', () => {
    assert.equal(orList([]), '');
    assert.equal(orList(['a']), 'a');
    assert.equal(orList(['a', 'b', 'c']), 'a, b or c');
  });

  it('write paths', () => {
    assert.equal(pathText(['a', 0, 'b c', 'd']), 'a[0]."b c".d');
    assert.equal(pathText([]), '');
  });
});
