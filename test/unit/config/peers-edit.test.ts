import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PeerEntry } from '../../../config/peer-entry.ts';
import { parsePeers } from '../../../config/peers.ts';
import { editPeers, withoutBlock } from '../../../config/peers-edit.ts';
import { LEARNED_END, LEARNED_START, renderEntry } from '../../../config/peers-text.ts';
import { entryText, keyOf, peer } from '../../support/peer-file.ts';

const opts = { file: 'peers.yaml', nowMs: Date.now() };
const parse = (text: string) => parsePeers(text, opts);
const edit = (text: string, learned: readonly PeerEntry[]): string =>
  editPeers(parse(text), learned, opts).text;

function block(inside: string, indent = 2, eol = '\n'): string {
  const spaces = ' '.repeat(indent);
  return `${spaces}${LEARNED_START}${eol}${inside}${spaces}${LEARNED_END}${eol}`;
}
const rendered = (entry: PeerEntry, indent = 2, eol = '\n') => renderEntry(entry, indent, eol);
const NEW = peer(5, { lastSeenMs: 1_700_000_000_000, source: 'heard', version: 'x/1: "y"' });

describe('editPeers, where the block goes', () => {
  const cases: readonly (readonly [name: string, before: string, after: string])[] = [
    ['behind the last entry', `peers:\n${entryText(1)}`, `peers:\n${entryText(1)}${block(rendered(NEW))}`],
    [
      'behind an entry without an end of line',
      `peers:\n${entryText(1).trimEnd()}`,
      `peers:\n${entryText(1)}${block(rendered(NEW))}`,
    ],
    [
      'behind all comments at the end',
      `peers:\n${entryText(1)}# a\n\n# b\n`,
      `peers:\n${entryText(1)}# a\n\n# b\n${block(rendered(NEW))}`,
    ],
    [
      'before the next key, behind the comments of the list',
      `peers:\n${entryText(1)}  # of the list\n# of zoo\nzoo: 1\n`,
      `peers:\n${entryText(1)}  # of the list\n${block(rendered(NEW))}# of zoo\nzoo: 1\n`,
    ],
    [
      'with the dashes of the list',
      `peers:\n- public_key: ${keyOf(1)}\n  addresses: [/ip4/10.0.0.1/tcp/1]\n`,
      `peers:\n- public_key: ${keyOf(1)}\n  addresses: [/ip4/10.0.0.1/tcp/1]\n${block(rendered(NEW, 0), 0)}`,
    ],
    [
      'in a file of Windows',
      `peers: # x\r\nzoo: 1\r\n`,
      `peers: # x\r\n${block(rendered(NEW, 2, '\r\n'), 2, '\r\n')}zoo: 1\r\n`,
    ],
    [
      'in place of an empty list',
      `peers: [] # none\nzoo: 1\n`,
      `peers: # none\n${block(rendered(NEW))}zoo: 1\n`,
    ],
    ['without a list', `zoo: 1`, `zoo: 1\npeers:\n${block(rendered(NEW))}`],
    ['in a file of comments', `# a\n`, `# a\npeers:\n${block(rendered(NEW))}`],
    [
      'a list in brackets is rewritten, comments and order kept',
      `# top\npeers: [ {public_key: "${keyOf(1)}", addresses: [/ip4/10.0.0.1/tcp/9000]}, # bob\n  7 ] # end\nzoo: 1 # last\n`,
      `# top\npeers:\n  - {public_key: "${keyOf(1)}", addresses: [/ip4/10.0.0.1/tcp/9000]} # bob\n  - 7\n  # end\n${block(rendered(NEW))}zoo: 1 # last\n`,
    ],
  ];
  for (const [name, before, after] of cases) it(name, () => assert.equal(edit(before, [NEW]), after));

  it('no learned entries, no block', () => {
    for (const text of ['', 'peers: []', `peers: [{}]\n`]) assert.equal(edit(text, []), text);
  });

  for (const [name, text] of [
    ['an alias', `list: &l\n${entryText(1)}peers: *l\n`],
    ['a file in braces', `{ peers: [], zoo: 1 }\n`],
    ['the end of the document marked', `zoo: 1\n...\n`],
  ] as const) {
    it(`has no place in ${name}`, () => {
      assert.throws(() => edit(text, [NEW]), {
        code: 'CONFIG_UNWRITABLE',
        message:
          'peers.yaml: has no place for learned peers, written like this (expected version 1 and a plain list "peers:", as in peers.example.yaml)',
      });
    });
  }
});

describe('editPeers, a block that is there', () => {
  it('entries that stay keep their bytes, new ones go to the end, others go', () => {
    const odd = `  -   public_key: ${keyOf(2)}   # seen once\n      addresses:\n        - /ip4/10.0.0.2/tcp/9000\n`;
    const before = `peers:\n${entryText(1)}${block(`  # of two\n${odd}\n${entryText(3)}  # end\n`)}${entryText(4)}`;
    const after = `peers:\n${entryText(1)}${block(`  # of two\n${odd}\n  # end\n${rendered(NEW)}`)}${entryText(4)}`;
    assert.equal(edit(before, [NEW, peer(2)]), after);
    assert.equal(
      edit(after, []),
      `peers:\n${entryText(1)}${block('  # of two\n\n  # end\n')}${entryText(4)}`,
    );
  });

  it('an entry that was edited by hand keeps what does not change: keys, comments, order', () => {
    const before = `peers:\n${block(`  # of bob\n  - nick: bob # mine\n    addresses: # where\n      - /ip4/10.0.0.2/tcp/9000\n    public_key: ${keyOf(2)}\n    source: me\n`)}`;
    const now = peer(2, { lastSeenMs: 1_700_000_000_000, version: 'v' });
    assert.equal(
      edit(before, [now]),
      `peers:\n${block(`  # of bob\n  - nick: bob # mine\n    addresses:\n      # where\n      - /ip4/10.0.0.2/tcp/9000\n    public_key: ${keyOf(2)}\n    last_seen: 2023-11-14T22:13:20.000Z\n    version: v\n`)}`,
    );
    const moved = edit(before, [peer(2, { source: 'me', addresses: ['/ip4/10.9.9.9/tcp/1'] })]);
    assert.match(
      moved,
      /nick: bob # mine\n {4}addresses: (# where\n {6})?\["?\/ip4\/10\.9\.9\.9\/tcp\/1"?\]\n/,
    );
    assert.deepEqual(parse(moved).learned, [peer(2, { source: 'me', addresses: ['/ip4/10.9.9.9/tcp/1'] })]);
    const seen = edit(edit(before, [now]), [peer(2)]);
    assert.doesNotMatch(seen, /last_seen|version|source/);
  });

  it('an entry with an alias of an anchor elsewhere is written anew', () => {
    const before = `list: &l [/ip4/10.0.0.2/tcp/9000]\npeers:\n${block(`  - public_key: ${keyOf(2)}\n    addresses: *l\n`)}`;
    assert.equal(edit(before, [peer(2)]), before);
    assert.deepEqual(parse(edit(before, [peer(2, { lastSeenMs: 5 })])).learned, [peer(2, { lastSeenMs: 5 })]);
  });

  it('an end line that was taken away is put back', () => {
    const before = `peers:\n  ${LEARNED_START}\n${entryText(2)}# after\nzoo: 1\n`;
    assert.equal(edit(before, [peer(2)]), `peers:\n${block(entryText(2))}# after\nzoo: 1\n`);
    assert.equal(edit(`peers:\n  ${LEARNED_START}`, [NEW]), `peers:\n${block(rendered(NEW))}`);
    assert.equal(
      edit(`peers:\n  ${LEARNED_START}\n${entryText(2).trimEnd()}`, [peer(2), NEW]),
      `peers:\n${block(entryText(2) + rendered(NEW))}`,
    );
  });

  it('two lines in the wrong place are taken out, and the block goes where it belongs', () => {
    const behind = `peers:\n${entryText(1)}zoo: 1\n${LEARNED_START}\n# kept\n${LEARNED_END}\n`;
    assert.equal(edit(behind, [NEW]), `peers:\n${entryText(1)}${block(rendered(NEW))}zoo: 1\n# kept\n`);
    const before = `${LEARNED_START}\npeers:\n${entryText(1)}`;
    assert.deepEqual(parse(edit(before, [NEW])).learned, [NEW]);
    const around = `peers:\n  ${LEARNED_START}\n${entryText(2)}zoo: 1\n${LEARNED_END}\n`;
    assert.equal(edit(around, [peer(2)]), `peers:\n${block(rendered(peer(2)))}zoo: 1\n`);
    const flow = `peers: [ # x\n${LEARNED_START}\n  {public_key: "${keyOf(1)}", addresses: [/ip4/10.0.0.1/tcp/9000]} ]\n`;
    assert.throws(() => edit(flow, [NEW]), { code: 'CONFIG_UNWRITABLE' });
  });

  it("without the block the text is the operator's", () => {
    for (const text of ['', `peers:\n${entryText(1)}`, `# a\npeers:\n${entryText(1)}# b\n`]) {
      const file = parse(text);
      if (text !== '') assert.equal(withoutBlock(editPeers(file, [NEW], opts)), text);
      assert.equal(withoutBlock(file), text);
    }
  });
});
