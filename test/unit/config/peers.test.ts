import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ConfigError, formatProblem } from '../../../config/errors.ts';
import { storableEntry } from '../../../config/peer-entry.ts';
import { MAX_LEARNED_PEERS, type PeersFile, parsePeers } from '../../../config/peers.ts';
import { editPeers } from '../../../config/peers-edit.ts';
import { examplePeersYaml } from '../../../config/peers-example.ts';
import { LEARNED_END, LEARNED_START } from '../../../config/peers-text.ts';
import { peerIdOf } from '../../../config/public-key.ts';
import { cpuMs } from '../../support/cpu-ms.ts';
import { entryText, keyOf, OWN_KEY, peer } from '../../support/peer-file.ts';
import { checkoutRoot } from './helpers.ts';

const NOW_MS = Date.parse('2026-01-31T12:00:00Z');
const K = keyOf(1);
const GOOD = '[/ip4/10.0.0.1/tcp/9000]';

function parse(text: string): PeersFile {
  return parsePeers(text, { file: 'peers.yaml', ownKey: OWN_KEY, nowMs: NOW_MS });
}

const told = ({ problems, notes }: PeersFile): readonly string[] => [
  ...problems.map(formatProblem),
  ...notes.map((note) => `note ${formatProblem(note)}`),
];

/** A file of one entry with these lines, after a good one. */
const withEntry = (...lines: readonly string[]): string =>
  `peers:\n${entryText(9)}  - ${lines.join('\n    ')}\n`;

describe('peers.yaml, empty ones', () => {
  for (const text of [
    '',
    '\n',
    '# nothing\n',
    'peers:\n',
    'peers: []\n',
    'peers: ~\n',
    'version: 1\n',
    'version: 1.0\npeers: null # none\n',
    '---\n',
  ]) {
    it(JSON.stringify(text), () => {
      const { operator, learned, isReadOnly, ...rest } = parse(text);
      assert.deepEqual(
        [operator, learned, isReadOnly, told({ operator, learned, isReadOnly, ...rest })],
        [[], [], false, []],
      );
    });
  }
});

describe('peers.yaml, good entries', () => {
  it('of the Go node, with its keys, and with ours', () => {
    const { operator, learned, ...rest } = parse(`version: "1.0"
checksum: 0123
peers:
  - public_key: ${K}
    addresses:
      - /ip4/10.0.0.1/tcp/9000
      - "/ip6/2001:DB8:0:0::1/tcp/9000"
    connection_timeout: 10s
    max_retries: 3
    nickname: [any, {thing: 1}]
  - { public_key: '${keyOf(2)}', addresses: ["/dns4/Node.Example.COM/tcp/1"], last_seen: 2026-01-31T12:00:00+02:00, source: me, version: 2 }
`);
    assert.deepEqual(operator, [
      { publicKey: K, addresses: ['/ip4/10.0.0.1/tcp/9000', '/ip6/2001:db8::1/tcp/9000'] },
      {
        publicKey: keyOf(2),
        addresses: ['/dns4/node.example.com/tcp/1'],
        lastSeenMs: NOW_MS - 7_200_000,
        source: 'me',
        version: '2',
      },
    ]);
    assert.deepEqual([learned, told({ operator, learned, ...rest })], [[], []]);
  });

  it('an address may end with the id of the same peer, in both old and new form', () => {
    const id = peerIdOf(K);
    assert.match(id, /^12D3KooW/);
    const text = `peers: [{public_key: ${K}, addresses: [/ip4/1.1.1.1/tcp/1/p2p/${id}, /ip4/1.1.1.2/tcp/1/ipfs/${id}]}]`;
    assert.deepEqual(parse(text).operator[0]?.addresses, ['/ip4/1.1.1.1/tcp/1', '/ip4/1.1.1.2/tcp/1']);
    assert.deepEqual(told(parse(text)), []);
  });

  it('knows the id of the sample key of the Go node', () => {
    assert.equal(
      peerIdOf('Ck3dcezlrZTpilJTUh2XeQbNiDUWYRpk8LVkkeaGcpM='),
      '12D3KooWAWb7LK9vdRXZSL4UiqcyjVqTWrLABB5wNpfqZAWFeM8e',
    );
  });

  it('spellings of one address are one address', () => {
    const spellings = [
      '/ip6/2001:db8::1/tcp/1',
      '/ip6/2001:DB8:0:0:0:0:0:1/tcp/1',
      '/ip6/2001:0db8::0001/tcp/1',
      '/dns4/A.example/tcp/2',
      '/dns4/a.EXAMPLE/tcp/2',
    ];
    const text = `peers: [{public_key: ${K}, addresses: ${JSON.stringify(spellings)}}]`;
    assert.deepEqual(parse(text).operator[0]?.addresses, ['/ip6/2001:db8::1/tcp/1', '/dns4/a.example/tcp/2']);
  });

  it('anchors and aliases are what they stand for', () => {
    const text = `list: &a ${GOOD}\npeers:\n  - public_key: ${K}\n    addresses: *a\n`;
    assert.deepEqual(parse(text).operator, [{ publicKey: K, addresses: ['/ip4/10.0.0.1/tcp/9000'] }]);
  });

  it('one key twice: the first stands and takes the addresses; our own key is left out', () => {
    const file = parse(
      `peers:\n${entryText(1)}${entryText(2)}${entryText(1).replace('10.0.0.1/', '10.9.9.9/')}${entryText(0xee)}`,
    );
    assert.deepEqual(file.operator, [
      { publicKey: K, addresses: ['/ip4/10.0.0.1/tcp/9000', '/ip4/10.9.9.9/tcp/9000'] },
      peer(2),
    ]);
    assert.deepEqual(told(file), [
      'note peers.yaml:6:5: peers[2]: has the public key of line 2 and is merged into it (expected each key once)',
      'note peers.yaml:8:5: peers[3]: is this node itself and is left out (expected other nodes)',
    ]);
  });

  it('a last_seen in the future counts as now', () => {
    const file = parse(
      withEntry(`public_key: ${K}`, `addresses: ${GOOD}`, 'last_seen: 2026-02-01T12:00:00.000Z'),
    );
    assert.equal(file.operator[1]?.lastSeenMs, NOW_MS);
    assert.deepEqual(told(file), [
      'note peers.yaml:6:16: peers[1].last_seen: is in the future and counts as now (expected a time such as 2026-01-31T12:00:00Z)',
    ]);
  });
});

const KEY_EXPECTED = "(expected base64 of the 32 bytes of the peer's Ed25519 public key)";
const ADDRESS_EXPECTED =
  '(expected a TCP multiaddr such as /ip4/203.0.113.7/tcp/9000; ip6, dns4 and dns6 likewise)';
const DIAL_EXPECTED = '(expected a multiaddr such as /ip4/203.0.113.7/tcp/9000)';
const LIST_EXPECTED = '(expected a list of multiaddrs such as ["/ip4/203.0.113.7/tcp/9000"])';
const ENTRY_EXPECTED = '(expected an entry with "public_key" and "addresses")';
const b64 = (bytes: number): string => Buffer.alloc(bytes, 7).toString('base64');

/** Entries that are skipped, as second of the list, with all that is said about them. */
const SKIPPED: readonly (readonly [lines: readonly string[], said: readonly string[]])[] = [
  [[''], [`peers.yaml:4:5: peers[1]: has no value ${ENTRY_EXPECTED}`]],
  [['text'], [`peers.yaml:4:5: peers[1]: is the text "text" ${ENTRY_EXPECTED}`]],
  [['12'], [`peers.yaml:4:5: peers[1]: is the number 12 ${ENTRY_EXPECTED}`]],
  [['[a]'], [`peers.yaml:4:5: peers[1]: is a list ${ENTRY_EXPECTED}`]],
  [
    ['{}'],
    [
      `peers.yaml:4:5: peers[1].public_key: required key is missing ${KEY_EXPECTED}`,
      `peers.yaml:4:5: peers[1].addresses: required key is missing ${LIST_EXPECTED}`,
    ],
  ],
  [
    ['publicKey: x', 'adresses: y'],
    [
      `peers.yaml:4:5: peers[1].public_key: required key is missing, unless "publicKey" is meant to be it ${KEY_EXPECTED}`,
      `peers.yaml:4:5: peers[1].addresses: required key is missing, unless "adresses" is meant to be it ${LIST_EXPECTED}`,
    ],
  ],
  [[`addresses: ${GOOD}`], [`peers.yaml:4:5: peers[1].public_key: required key is missing ${KEY_EXPECTED}`]],
  ...(
    [
      ['', 'has no value', 4],
      ['""', 'has no value', 17],
      ['[x]', 'is not a text', 17],
      ['12', 'is not a text', 17],
      ['"-----BEGIN PUBLIC KEY-----"', 'is in PEM form', 17],
      [`" ${K}"`, 'has spaces around it', 17],
      [peerIdOf(K), 'is a PeerId, not a public key', 17],
      ['ab'.repeat(32), 'is in hex', 17],
      [b64(64), 'is 64 bytes: a private key, which only conf.yaml may hold', 17],
      [b64(36), "is in libp2p's protobuf form, not the raw 32 bytes", 17],
      [b64(31), 'is 31 bytes', 17],
      [b64(33), 'is 33 bytes', 17],
      [`${K.slice(0, 42)}B=`, 'is not canonical base64: its last letter holds bits of no byte', 17],
      [K.slice(0, 43), 'is not padded base64', 17],
      [`${'-_'.repeat(21)}A=`, 'is base64url, not standard base64', 17],
      ['"what is this?"', 'is not base64', 17],
    ] as const
  ).map(
    ([value, said, column]) =>
      [
        [`public_key: ${value}`, `addresses: ${GOOD}`],
        [`peers.yaml:4:${column === 4 ? 5 : column}: peers[1].public_key: ${said} ${KEY_EXPECTED}`],
      ] as const,
  ),
  ...(
    [
      ['', 'has no value', 5],
      ['/ip4/1.2.3.4/tcp/1', 'is the text "/ip4/1.2.3.4/tcp/1"', 16],
      ['{a: 1}', 'is a section', 16],
      ['[]', 'is an empty list', 16],
    ] as const
  ).map(
    ([value, said, column]) =>
      [
        [`public_key: ${K}`, `addresses: ${value}`],
        [`peers.yaml:5:${column}: peers[1].addresses: ${said} ${LIST_EXPECTED}`],
      ] as const,
  ),
  [[`public_key: ${K}`], [`peers.yaml:4:5: peers[1].addresses: required key is missing ${LIST_EXPECTED}`]],
  [
    [`public_key: ${K}`, `public_key: ${keyOf(2)}`, `addresses: ${GOOD}`],
    ['peers.yaml:5:5: peers[1].public_key: is given twice, first on line 4 (expected each key once)'],
  ],
];

/** Addresses that are left out, of an entry with a good one as well. */
const BAD_ADDRESSES: readonly (readonly [address: string, said: string])[] = [
  ['~', `has no value ${DIAL_EXPECTED}`],
  ['12', `is the number 12 ${DIAL_EXPECTED}`],
  ['10.0.0.1:9000', `"10.0.0.1:9000" is not a multiaddr (expected /ip4/10.0.0.1/tcp/9000)`],
  ['"[::1]:9000"', `"[::1]:9000" is not a multiaddr (expected /ip6/::1/tcp/9000)`],
  [
    '/ip4/10.0.0.256/tcp/1',
    `"/ip4/10.0.0.256/tcp/1": "10.0.0.256" is not an IPv4 address ${ADDRESS_EXPECTED}`,
  ],
  [
    '/ip4/10.0.0.1/udp/1/quic-v1',
    `"/ip4/10.0.0.1/udp/1/quic-v1": UDP and QUIC are not supported, only TCP (expected /ip4/10.0.0.1/tcp/1)`,
  ],
  [
    '/dns/a.example/tcp/1',
    `"/dns/a.example/tcp/1": /dns/ leaves the IP version open, write /dns4/ or /dns6/ (expected /dns4/a.example/tcp/1)`,
  ],
  ['/ip4/10.0.0.1/tcp/0', `"/ip4/10.0.0.1/tcp/0": nobody can dial port 0 ${DIAL_EXPECTED}`],
  ['/ip4/10.0.0.1/tcp/70000', `"/ip4/10.0.0.1/tcp/70000": port "70000" is above 65535 ${ADDRESS_EXPECTED}`],
  ['/ip4/0.0.0.0/tcp/1', `"/ip4/0.0.0.0/tcp/1" is no address to dial ${DIAL_EXPECTED}`],
  ['"/ip6/::/tcp/1"', `"/ip6/::/tcp/1" is no address to dial ${DIAL_EXPECTED}`],
  ['"/ip6/::0.0.0.0/tcp/1"', `"/ip6/::0.0.0.0/tcp/1" is no address to dial ${DIAL_EXPECTED}`],
  ['/ip4/224.0.0.1/tcp/1', `"/ip4/224.0.0.1/tcp/1" is a multicast or reserved address ${DIAL_EXPECTED}`],
  ['"/ip6/ff02::1/tcp/1"', `"/ip6/ff02::1/tcp/1" is a multicast or reserved address ${DIAL_EXPECTED}`],
  [
    `/ip4/10.0.0.1/tcp/1/p2p/${peerIdOf(keyOf(2))}`,
    `"/p2p/${peerIdOf(keyOf(2)).slice(0, 20)}" is another peer than public_key (expected no /p2p/, or /p2p/ and the peer of the key)`,
  ],
  [`/ip4/10.0.0.1/tcp/1/${'x'.repeat(240)}`, `is longer than 256 characters ${ADDRESS_EXPECTED}`],
];

/** Fields of ours that are left out. */
const BAD_FIELDS: readonly (readonly [line: string, said: string])[] = [
  [
    'last_seen: yesterday',
    'peers[1].last_seen: is the text "yesterday" (expected a time such as 2026-01-31T12:00:00Z)',
  ],
  [
    'last_seen: 1700000000',
    'peers[1].last_seen: is the number 1700000000 (expected a time such as 2026-01-31T12:00:00Z)',
  ],
  [
    'last_seen: 2026-13-01T00:00:00Z',
    'peers[1].last_seen: is the text "2026-13-01T00:00:00Z" (expected a time such as 2026-01-31T12:00:00Z)',
  ],
  [
    'last_seen: 1960-01-01T00:00:00Z',
    'peers[1].last_seen: is the text "1960-01-01T00:00:00Z" (expected a time such as 2026-01-31T12:00:00Z)',
  ],
  ['source: [a]', 'peers[1].source: is a list (expected at most 64 printable ASCII characters)'],
  ['source: ""', 'peers[1].source: is the text "" (expected at most 64 printable ASCII characters)'],
  [
    `version: "a\\tb"`,
    'peers[1].version: is the text "a\\tb" (expected at most 64 printable ASCII characters)',
  ],
  [
    `version: ${'v1'.repeat(19)} ${'v1'.repeat(19)}`,
    `peers[1].version: is the text "${`${'v1'.repeat(19)} ${'v1'.repeat(19)}`.slice(0, 57)}..." (expected at most 64 printable ASCII characters)`,
  ],
];

describe('peers.yaml, entries in error', () => {
  SKIPPED.forEach(([lines, said], index) => {
    it(`skipped ${index + 1}: ${lines.join(' ').slice(0, 60)}`, () => {
      const file = parse(withEntry(...lines));
      assert.deepEqual(told(file), said);
      assert.deepEqual(file.operator, [peer(9)]);
    });
  });

  for (const [address, said] of BAD_ADDRESSES) {
    it(`address ${address.slice(0, 50)}`, () => {
      const file = parse(withEntry(`public_key: ${K}`, `addresses: [${address}, /ip4/10.0.0.1/tcp/9000]`));
      assert.deepEqual(told(file), [`peers.yaml:5:17: peers[1].addresses[0]: ${said}`]);
      assert.deepEqual(file.operator, [peer(9), peer(1)]);
      const alone = parse(withEntry(`public_key: ${K}`, `addresses: [${address}]`));
      assert.deepEqual([alone.operator, told(alone).length], [[peer(9)], 1]);
    });
  }

  for (const [line, said] of BAD_FIELDS) {
    it(line.slice(0, 50), () => {
      const file = parse(withEntry(`public_key: ${K}`, `addresses: ${GOOD}`, line));
      assert.deepEqual(
        told(file).map((text) => text.replace(/^peers\.yaml:6:\d+: /, '')),
        [said],
      );
      assert.deepEqual(file.operator, [peer(9), peer(1)]);
    });
  }

  it('the ninth address and those after it', () => {
    const addresses = Array.from({ length: 9 }, (_, index) => `/ip4/10.0.0.1/tcp/${index + 1}`);
    const file = parse(withEntry(`public_key: ${K}`, `addresses: [${addresses.join(', ')}]`));
    assert.deepEqual(file.operator[1]?.addresses, addresses.slice(0, 8));
    assert.deepEqual(told(file), [
      'peers.yaml:5:16: peers[1].addresses: has 9 addresses, the first 8 are used (expected at most 8 addresses)',
    ]);
  });

  it('no key appears in a message', () => {
    const secret = Buffer.alloc(64, 0x5a).toString('base64');
    const file = parse(
      withEntry(`public_key: "${secret}"`, `addresses: ["${secret}"]`, `source: "${secret}${secret}"`),
    );
    assert.ok(told(file).length >= 2);
    for (const text of told(file)) assert.ok(!text.includes(secret.slice(0, 30)), text);
  });

  it('a hundred are told, and how many more there are', () => {
    const file = parse(`peers:\n${'  - 1\n'.repeat(130)}`);
    assert.equal(file.problems.length, 101);
    assert.match(formatProblem(file.problems[100]!), /and 30 more/);
  });
});

describe('peers.yaml, the whole file', () => {
  it('a slip of the pen is no quiet list of nobody; other keys are none of ours', () => {
    const slip = parse(`# mine\nPeer:\n${entryText(1)}`);
    assert.deepEqual(slip.operator, []);
    assert.deepEqual(told(slip), [
      'peers.yaml:2:1: Peer: unknown key, did you mean "peers"? (expected "peers:")',
    ]);
    assert.deepEqual(told(parse('nickname: me\n')), []);
    assert.deepEqual(told(parse(`peer: 1\npeers:\n${entryText(1)}`)), []);
  });

  for (const [text, said] of [
    ['- a\n', 'peers.yaml:1:1: the file is a list (expected a list under "peers:")'],
    ['hello\n', 'peers.yaml:1:1: the file is the text "hello" (expected a list under "peers:")'],
    [
      'peers: [\n',
      'peers.yaml:2:1: the indentation is wrong, or a bracket or quote above is not closed (expected as many spaces as its neighbours)',
    ],
    [
      'peers: *x\n',
      'peers.yaml:1:8: a value starts with "*" but names no anchor (expected quotes around the value)',
    ],
  ] as const) {
    it(`damaged: ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parse(text),
        (error) => error instanceof ConfigError && error.code === 'CONFIG_INVALID' && error.message === said,
      );
    });
  }

  for (const [text, said] of [
    [
      'version: 2\n',
      'peers.yaml:1:10: version: 2 is newer than this program knows: the entries are used, the file is not written (expected 1)',
    ],
    ['version: x\n', 'peers.yaml:1:10: version: is the text "x": the file is not written (expected 1)'],
    ['version: 0\n', 'peers.yaml:1:10: version: is the number 0: the file is not written (expected 1)'],
  ] as const) {
    it(`used, never written: ${text.trim()}`, () => {
      const file = parse(`${text}peers:\n${entryText(1)}`);
      assert.deepEqual([file.isReadOnly, file.operator, told(file)], [true, [peer(1)], [said]]);
      assert.throws(() => editPeers(file, [peer(2)], { file: 'peers.yaml', nowMs: NOW_MS }), {
        message:
          'peers.yaml: is not to be written by this program (expected version 1 and a plain list "peers:", as in peers.example.yaml)',
      });
    });
  }

  it('peers is no list: nothing is used, nothing written', () => {
    const file = parse('peers: { a: 1 }\n');
    assert.deepEqual([file.isReadOnly, file.operator], [true, []]);
    assert.deepEqual(told(file), [
      'peers.yaml:1:8: peers: is a section (expected a list of entries, each with "- public_key:" and "addresses:")',
    ]);
  });

  it('peers twice: the first list counts', () => {
    const file = parse(`peers:\n${entryText(1)}peers:\n${entryText(2)}`);
    assert.deepEqual(file.operator, [peer(1)]);
    assert.deepEqual(told(file), [
      'peers.yaml:4:1: peers: is given twice, first on line 1 (expected each key once)',
    ]);
  });
});

describe('peers.yaml, the learned block', () => {
  const block = (inside: string): string => `  ${LEARNED_START}\n${inside}  ${LEARNED_END}\n`;

  it("what stands between the two lines is learned; before and after it is the operator's", () => {
    const file = parse(`peers:\n${entryText(1)}${block(entryText(2))}${entryText(3)}`);
    assert.deepEqual([file.operator, file.learned], [[peer(1), peer(3)], [peer(2)]]);
  });

  it('without an end line all that follows is learned', () => {
    const file = parse(`peers:\n${entryText(1)}  ${LEARNED_START}\n${entryText(2)}${entryText(3)}other: 1\n`);
    assert.deepEqual([file.operator, file.learned], [[peer(1)], [peer(2), peer(3)]]);
  });

  it("without a start line all is the operator's", () => {
    const file = parse(`peers:\n${entryText(1)}${entryText(2)}  ${LEARNED_END}\n`);
    assert.deepEqual([file.operator, file.learned], [[peer(1), peer(2)], []]);
  });

  it('an entry that the operator lists as well is his, and what he says of it counts', () => {
    const copied = entryText(2).replace('10.0.0.2', '10.7.7.7');
    const file = parse(`peers:\n${copied}${block(entryText(2))}`);
    assert.deepEqual(
      [file.operator, file.learned, told(file)],
      [[{ publicKey: keyOf(2), addresses: ['/ip4/10.7.7.7/tcp/9000'] }], [], []],
    );
  });

  it('the plain form, read the fast way, says what the parser says', () => {
    const learned = [
      peer(2, { lastSeenMs: 1_000, source: 'no', version: 'a "b" # c: \\' }),
      peer(3),
      peer(0xee),
      peer(1),
    ];
    const own = { file: 'peers.yaml', nowMs: NOW_MS };
    const { text } = editPeers(parse(`peers:\n${entryText(1)}`), learned, own);
    const slow = text.replace(`  ${LEARNED_END}`, `  # touched\n  ${LEARNED_END}`);
    const [fast, read] = [parse(text), parse(slow)];
    assert.deepEqual([fast.operator, fast.learned], [read.operator, read.learned]);
    assert.deepEqual(fast.learned, learned.slice(0, 2));
    assert.equal(fast.rest, read.rest);
  });

  it('a block that is nearly plain is read by the parser', () => {
    const { text } = editPeers(parse('peers:\n'), [peer(2, { version: 'a "b"' })], {
      file: 'peers.yaml',
      nowMs: NOW_MS,
    });
    const broken = parse(text.replace('a \\"b\\""', 'a \\x41""'.replace('""', '"')));
    assert.deepEqual(broken.learned, [peer(2, { version: 'a A' })]);
  });

  it('lines that only look like markers are none', () => {
    const text = `note: |\n  x ${LEARNED_START}\n  ${LEARNED_START} x\npeers:\n${entryText(1)}`;
    assert.equal(parse(text).layout, undefined);
  });

  it('a learned entry in error is named, and stays when the others change', () => {
    const bad = '  - public_key: oops # why\n    addresses: []\n';
    const file = parse(`peers:\n${block(`${entryText(2)}${bad}`)}`);
    assert.equal(file.problems.length, 2);
    const next = editPeers(file, [peer(3)], { file: 'peers.yaml', nowMs: NOW_MS });
    assert.equal(
      next.text,
      `peers:\n${block(`${bad}  - public_key: "${keyOf(3)}"\n    addresses: ["/ip4/10.0.0.3/tcp/9000"]\n`)}`,
    );
  });
});

describe('peers.example.yaml', () => {
  const file = join(checkoutRoot(), 'peers.example.yaml');

  it('is what the program writes, byte by byte', () => {
    if (process.env['BTCFED_UPDATE_FIXTURES'] === '1') writeFileSync(file, examplePeersYaml());
    assert.equal(readFileSync(file, 'utf8'), examplePeersYaml());
  });

  it('is empty, and with its example taken in has one peer', () => {
    assert.deepEqual([parse(examplePeersYaml()).operator, told(parse(examplePeersYaml()))], [[], []]);
    const used = parse(examplePeersYaml().replace(/^ {2}# /gm, '  '));
    assert.deepEqual([used.operator.length, told(used)], [1, []]);
    assert.equal(used.operator[0]?.addresses.length, 2);
  });
});

describe('2,048 learned peers', () => {
  it('are read and written in less than 500 ms each', () => {
    const learned = Array.from({ length: MAX_LEARNED_PEERS }, (_, index) => {
      const key = Buffer.alloc(32);
      key.writeUInt32BE(index + 1);
      const addresses = [
        `/ip4/10.1.${index >> 8}.${index & 255}/tcp/9000`,
        `/ip6/2001:db8::${(index + 1).toString(16)}/tcp/9000`,
      ];
      return { publicKey: key.toString('base64'), addresses, lastSeenMs: 1_000 + index, source: 'proved' };
    });
    const timed = <T>(what: string, run: () => T): T => {
      let result: T | undefined;
      const tookMs = cpuMs(() => {
        result = run();
      });
      assert.ok(tookMs < 500, `${what} took ${tookMs} ms`);
      return result as T;
    };
    const opts = { file: 'peers.yaml', nowMs: NOW_MS };
    const written = timed('writing', () => editPeers(parse(`peers:\n${entryText(9)}`), learned, opts));
    const read = timed('reading', () => parse(written.text));
    assert.deepEqual(read.learned, learned);
    // Touched by hand it goes through the parser, which is slower, and no less right.
    assert.deepEqual(
      parse(written.text.replace(LEARNED_START, `${LEARNED_START}\n  # mine`)).learned,
      learned,
    );
  });
});

describe('storableEntry', () => {
  it('what another node says is written as it can be read again', () => {
    const said = {
      ...peer(1),
      lastSeenMs: 1_000.5,
      source: 'x'.repeat(100),
      version: 'btc-federation/0.1\n\u202e é',
    };
    assert.deepEqual(storableEntry(said, NOW_MS), {
      ...peer(1),
      lastSeenMs: 1_000,
      source: 'x'.repeat(64),
      version: 'btc-federation/0.1 ',
    });
  });

  it('a time of the future is now, one before 1970 is none, an empty text is none', () => {
    assert.deepEqual(
      storableEntry(peer(1, { lastSeenMs: NOW_MS + 1 }), NOW_MS),
      peer(1, { lastSeenMs: NOW_MS }),
    );
    assert.deepEqual(
      storableEntry({ ...peer(1), lastSeenMs: -1, source: '\n', version: undefined }, NOW_MS),
      peer(1),
    );
  });

  it('not without a key or an address', () => {
    assert.equal(storableEntry({ publicKey: 'oops', addresses: ['/ip4/1.2.3.4/tcp/1'] }, NOW_MS), undefined);
    assert.equal(storableEntry({ publicKey: K, addresses: [] }, NOW_MS), undefined);
  });
});
