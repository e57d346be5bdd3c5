import assert from 'node:assert/strict';
import { test } from 'node:test';
import { multiaddr } from '@multiformats/multiaddr';
import {
  type AddressClass,
  addressBytes,
  classOfIp,
  isNear,
  isNowhere,
  parseAddress,
  parseAddressBytes,
} from '../../../protocols/peer-exchange/address.ts';

function ok(text: string) {
  const address = parseAddress(text);
  assert.ok(typeof address !== 'string', `${text}: ${String(address)}`);
  return address;
}

test('every class of IP address is told apart', () => {
  const classes: Record<string, AddressClass> = {
    '8.8.8.8': 'public',
    '0.0.0.0': 'unspecified',
    '0.1.2.3': 'reserved',
    '10.1.2.3': 'private',
    '172.15.0.1': 'public',
    '172.16.0.1': 'private',
    '172.31.255.255': 'private',
    '172.32.0.1': 'public',
    '192.168.1.1': 'private',
    '100.63.255.255': 'public',
    '100.64.0.1': 'cgnat',
    '100.127.255.255': 'cgnat',
    '127.0.0.1': 'loopback',
    '127.9.9.9': 'loopback',
    '169.254.1.1': 'link-local',
    '192.0.0.1': 'reserved',
    '192.0.2.1': 'reserved',
    '198.18.0.1': 'reserved',
    '198.51.100.1': 'reserved',
    '203.0.113.1': 'reserved',
    '224.0.0.1': 'multicast',
    '239.255.255.255': 'multicast',
    '240.0.0.1': 'reserved',
    '255.255.255.255': 'reserved',
    '2a00:1450::1': 'public',
    '::': 'unspecified',
    '::1': 'loopback',
    '0:0:0:0:0:0:0:1': 'loopback',
    'fc00::1': 'ula',
    'fdff::1': 'ula',
    'fe80::1': 'link-local',
    'fec0::1': 'private',
    'ff02::1': 'multicast',
    '2001:db8::1': 'reserved',
    '2002:a00:1::': 'reserved',
    '64:ff9b::a00:1': 'reserved',
    '::ffff:10.0.0.1': 'reserved',
    '100::1': 'reserved',
    '3fff::1': 'reserved',
  };
  const found = Object.fromEntries(Object.keys(classes).map((ip) => [ip, classOfIp(ip)]));
  assert.deepEqual(found, classes);
  assert.equal(classOfIp('example.com'), undefined);
  assert.equal(classOfIp('fe80::1%eth0'), undefined);
});

test('spellings of one address become one text', () => {
  const forms = [
    '/ip6/2A00:1450:0:0:0:0:0:1/tcp/9000',
    '/ip6/2a00:1450::1/tcp/9000',
    '/ip6/2a00:1450:0::0:1/tcp/9000',
  ];
  assert.deepEqual(new Set(forms.map((form) => ok(form).text)), new Set(['/ip6/2a00:1450::1/tcp/9000']));
  assert.equal(ok('/dns4/Node.Example.COM/tcp/9').text, '/dns4/node.example.com/tcp/9');
  assert.equal(ok('/ip4/8.8.8.8/tcp/65535').port, 65_535);
});

test('what is no TCP address of ours is refused, by what is wrong', () => {
  const faults: Record<string, string> = {
    '': 'ADDRESS_NOT_TCP',
    'ip4/8.8.8.8/tcp/1': 'ADDRESS_INVALID',
    '/ip4/8.8.8.8/udp/1': 'ADDRESS_NOT_TCP',
    '/ip4/8.8.8.8/udp/1/quic-v1': 'ADDRESS_NOT_TCP',
    '/ip4/8.8.8.8/tcp/1/ws': 'ADDRESS_NOT_TCP',
    '/ip4/8.8.8.8/tcp/1/p2p/12D3KooWAWb7LK9vdRXZSL4UiqcyjVqTWrLABB5wNpfqZAWFeM8e': 'ADDRESS_NOT_TCP',
    '/dns/example.com/tcp/1': 'ADDRESS_NOT_TCP',
    '/ip4/8.8.8.8/tcp': 'ADDRESS_INVALID',
    '/ip4/8.8.8.8/tcp/0': 'PORT_ZERO',
    '/ip4/8.8.8.8/tcp/01': 'ADDRESS_INVALID',
    '/ip4/8.8.8.8/tcp/65536': 'ADDRESS_INVALID',
    '/ip4/8.8.8/tcp/1': 'ADDRESS_INVALID',
    '/ip4/08.8.8.8/tcp/1': 'ADDRESS_INVALID',
    '/ip6/8.8.8.8/tcp/1': 'ADDRESS_INVALID',
    '/ip6/fe80::1%eth0/tcp/1': 'ADDRESS_INVALID',
    '/dns4/-x.com/tcp/1': 'ADDRESS_INVALID',
    '/dns4/1.2.3.4/tcp/1': 'ADDRESS_INVALID',
    [`/dns4/${'a.'.repeat(140)}com/tcp/1`]: 'ADDRESS_TOO_LONG',
    [`/dns4/${'a'.repeat(64)}.com/tcp/1`]: 'ADDRESS_INVALID',
  };
  const found = Object.fromEntries(Object.keys(faults).map((text) => [text, parseAddress(text)]));
  assert.deepEqual(found, faults);
});

test('names of local networks are near, others are judged when they are resolved', () => {
  assert.equal(ok('/dns4/localhost/tcp/1').class, 'private');
  assert.equal(ok('/dns4/nas/tcp/1').class, 'private');
  assert.equal(ok('/dns4/nas.local/tcp/1').class, 'private');
  assert.equal(ok('/dns6/a.b.home.arpa/tcp/1').class, 'private');
  assert.equal(ok('/dns4/notlocal.example/tcp/1').class, 'name');
});

test('subnets: /24 and /48 of public addresses only', () => {
  assert.equal(ok('/ip4/8.8.4.7/tcp/1').subnet, '8.8.4');
  assert.equal(ok('/ip6/2a00:1450:9:1::1/tcp/1').subnet, '2a00:1450:9');
  assert.equal(ok('/ip6/2a00::1/tcp/1').subnet, '2a00:0:0');
  assert.equal(ok('/ip4/10.0.0.1/tcp/1').subnet, undefined);
  assert.equal(ok('/dns4/example.com/tcp/1').subnet, undefined);
});

test('near and nowhere', () => {
  const near = (['private', 'cgnat', 'loopback', 'link-local', 'ula', 'reserved'] as const).map(isNear);
  assert.deepEqual(new Set(near), new Set([true]));
  assert.deepEqual((['public', 'name', 'multicast', 'unspecified'] as const).map(isNear), [
    false,
    false,
    false,
    false,
  ]);
  assert.deepEqual((['public', 'multicast', 'unspecified'] as const).map(isNowhere), [false, true, true]);
});

test('binary form: there and back, and garbage', () => {
  for (const text of ['/ip4/8.8.8.8/tcp/9000', '/ip6/2a00:1450::1/tcp/1', '/dns4/example.com/tcp/443']) {
    const back = parseAddressBytes(addressBytes(text));
    assert.equal(typeof back === 'string' ? back : back.text, text);
  }
  assert.equal(parseAddressBytes(Uint8Array.of(255, 255, 255)), 'ADDRESS_INVALID');
  assert.equal(parseAddressBytes(new Uint8Array(257)), 'ADDRESS_TOO_LONG');
  assert.equal(parseAddressBytes(multiaddr('/ip4/8.8.8.8/udp/1/quic-v1').bytes), 'ADDRESS_NOT_TCP');
});
