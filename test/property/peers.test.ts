import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ConfigError } from '../../config/errors.ts';
import type { PeerEntry } from '../../config/peer-entry.ts';
import { type PeersFile, parsePeers } from '../../config/peers.ts';
import { editPeers, withoutBlock } from '../../config/peers-edit.ts';
import { mergePeers } from '../../config/peers-merge.ts';
import { LEARNED_END, LEARNED_START } from '../../config/peers-text.ts';
import { keyOf } from '../support/peer-file.ts';

const NOW_MS = 1_800_000_000_000;
const opts = { file: 'peers.yaml', ownKey: keyOf(0xee), nowMs: NOW_MS };
const parse = (text: string): PeersFile => parsePeers(text, opts);

const address = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 223 }), fc.nat(255), fc.integer({ min: 1, max: 65535 }))
    .map(([a, b, port]) => `/ip4/${a}.0.${b}.1/tcp/${port}`),
  fc
    .tuple(fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 1, max: 65535 }))
    .map(([a, port]) => `/ip6/2001:db8::${a.toString(16)}/tcp/${port}`),
  fc.constantFrom('/dns4/node.example.com/tcp/1', '/dns6/a-b.example/tcp/65535'),
);
const text = fc.string({
  minLength: 1,
  maxLength: 64,
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
});

function entry(keys: readonly number[]): fc.Arbitrary<PeerEntry> {
  return fc.record(
    {
      publicKey: fc.constantFrom(...keys).map(keyOf),
      addresses: fc.uniqueArray(address, { minLength: 1, maxLength: 8 }),
      lastSeenMs: fc.integer({ min: 0, max: NOW_MS }),
      source: text,
      version: text,
    },
    { requiredKeys: ['publicKey', 'addresses'], noNullPrototype: true },
  );
}
const entries = (keys: readonly number[]): fc.Arbitrary<readonly PeerEntry[]> =>
  fc.uniqueArray(entry(keys), { maxLength: keys.length, selector: ({ publicKey }) => publicKey });

const LEARNED_KEYS = [11, 12, 13, 14, 15, 16];
const OPERATOR_KEYS = [1, 2, 3];

/** A file as people write it: comments, blank lines, odd spacing, unknown keys, entries in error. */
const operatorFile = fc
  .record({
    eol: fc.constantFrom('\n', '\r\n'),
    indent: fc.constantFrom('', '  ', '    '),
    before: fc.shuffledSubarray<readonly string[]>([
      ['# comment'],
      [''],
      ['version: 1'],
      ['other: { a: [1, 2] } # x'],
      ['note: |', '  more # not a comment'],
    ]),
    items: fc.array(
      fc.record({
        key: fc.constantFrom(...OPERATOR_KEYS),
        form: fc.nat(5),
        comment: fc.constantFrom('', ' # why', '   #'),
        gap: fc.constantFrom<readonly string[]>([], [''], ['# between'], ['', '      # deep', '']),
      }),
      { maxLength: 5 },
    ),
    empty: fc.constantFrom('peers:', 'peers: []', 'peers: [] # none yet', 'peers: ~', '', 'peers:   # soon'),
    after: fc.constantFrom<readonly string[]>(
      [],
      ['# end'],
      ['', '', '# end', ''],
      ['  # - public_key: later'],
      ['zoo: 1', '# end'],
      ['# of zoo', 'zoo:', '  a: b'],
    ),
    ends: fc.boolean(),
  })
  .map(({ eol, indent, before, items, empty, after, ends }) => {
    const lines: string[] = before.flat();
    if (items.length === 0) lines.push(empty);
    else {
      lines.push('peers:');
      for (const { key, form, comment, gap } of items) {
        lines.push(...itemLines(key, form, comment).map((line) => indent + line), ...gap);
      }
    }
    lines.push(...after);
    return lines.join(eol) + (ends ? eol : '');
  });

function itemLines(key: number, form: number, comment: string): readonly string[] {
  const where = `/ip4/10.0.0.${key}/tcp/9000`;
  switch (form) {
    case 0:
      return [`- public_key: ${keyOf(key)}${comment}`, `  addresses: [${where}]`];
    case 1:
      return [
        `- addresses:${comment}`,
        `    - ${where}`,
        `    - "${where}"`,
        `  public_key: '${keyOf(key)}'`,
      ];
    case 2:
      return [`- {public_key: "${keyOf(key)}", addresses: ["${where}"], x: {y: z}}${comment}`];
    case 3:
      return [
        '-',
        `    public_key: ${keyOf(key)}`,
        `    addresses: [${where}, oops]${comment}`,
        '    notes: |',
        '      # text',
        '      more',
      ];
    case 4:
      return [`- public_key: nonsense${comment}`, '  addresses: []'];
    default:
      return [
        `-   public_key: ${keyOf(key)}`,
        `    addresses: [`,
        `      ${where},${comment}`,
        '    ]',
        '    nick: bob',
      ];
  }
}

/** Each line of the one text in the other, in this order. */
function assertKept(before: string, after: string): void {
  const lines = after.split(/\r?\n/);
  let at = 0;
  for (const line of before.split(/\r?\n/)) {
    const found = lines.indexOf(line, at);
    assert.ok(found >= 0, `lost: ${JSON.stringify(line)}`);
    at = found + 1;
  }
}

describe('editPeers', () => {
  it("what is written is read again, and the operator's text stays byte for byte", () => {
    fc.assert(
      fc.property(
        operatorFile,
        fc.array(entries(LEARNED_KEYS), { minLength: 1, maxLength: 4 }),
        (file, saves) => {
          const first = parse(file);
          let now = first;
          for (const learned of saves) {
            now = editPeers(now, learned, opts);
            const again = parse(now.text);
            assert.deepEqual(again.learned.toSorted(byKey), learned.toSorted(byKey));
            assert.deepEqual(
              again.learned,
              now.layout === undefined ? [] : now.layout.parts.flatMap((part) => part.entry ?? []),
            );
            assert.deepEqual(again.operator, first.operator);
            assert.equal(again.rest, file.trim() === '' ? again.rest : first.rest);
            assert.equal(again.problems.length, first.problems.length);
            // A line may have got its end of line, and `[]` or `~` has made place.
            const ours = /^(\s*)peers:\s*(?:\[\]|~)/m;
            if (now.layout === undefined) assert.equal(now.text, file);
            else if (file.trim() !== '' && !ours.test(file)) {
              assert.ok(
                [
                  file,
                  `${file}\n`,
                  `${file}\r\n`,
                  `${file}\npeers:\n`,
                  `${file}peers:\n`,
                  `${file}peers:\r\n`,
                  `${file}\r\npeers:\r\n`,
                ].includes(withoutBlock(now)),
                JSON.stringify([file, withoutBlock(now)]),
              );
            } else if (file.trim() !== '') {
              assertKept(file.replace(ours, '$1peers:'), now.text);
            }
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it('hand edits in the learned block stay, in entries that do not change and between them', () => {
    const block = fc.array(
      fc.record({
        key: fc.constantFrom(...LEARNED_KEYS),
        form: fc.constantFrom(0, 1, 2, 3, 5),
        comment: fc.constantFrom('', ' # mine'),
        gap: fc.constantFrom<readonly string[]>([], [''], ['# between']),
      }),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(block, entries(LEARNED_KEYS), (items, wanted) => {
        const inside = items.flatMap(({ key, form, comment, gap }) => [
          ...itemLines(key, form, comment).map((line) => `  ${line}`),
          ...gap,
        ]);
        const file = parse(['peers:', `  ${LEARNED_START}`, ...inside, `  ${LEARNED_END}`, ''].join('\n'));
        const same = editPeers(file, file.learned, opts);
        const again = editPeers(file, wanted, opts);
        assert.deepEqual(parse(again.text).learned.toSorted(byKey), wanted.toSorted(byKey));
        for (const part of file.layout?.parts ?? []) {
          if (part.entry === undefined) assert.ok(again.text.includes(part.text), part.text);
        }
        // Unknown keys of an entry that changes.
        const kept = new Set(wanted.map(({ publicKey }) => publicKey));
        const marks = (text: string, mark: string): number => text.split(mark).length - 1;
        const firsts = items.filter(
          ({ key }, index) => items.findIndex((item) => item.key === key) === index,
        );
        for (const [form, mark] of [
          [2, 'x: {y: z}'],
          [3, 'notes: |'],
          [5, 'nick: bob'],
        ] as const) {
          const expected = firsts.filter((item) => item.form === form && kept.has(keyOf(item.key))).length;
          assert.equal(marks(again.text, mark), expected, again.text);
        }
        const isEachOnce = firsts.length === items.length;
        if (isEachOnce) assert.equal(same.text, file.text);
      }),
      { numRuns: 300 },
    );
  });

  it('any text is read or refused, and never changed but by learned entries', () => {
    const piece = fc.constantFrom(
      'peers:',
      '\n',
      '  ',
      '- ',
      'public_key: ',
      keyOf(1),
      'addresses: ',
      '[',
      ']',
      '{',
      '}',
      '/ip4/1.2.3.4/tcp/1',
      '"',
      "'",
      '#',
      ' # x',
      '|',
      '>',
      '&a ',
      '*a',
      '? ',
      ': ',
      ', ',
      '---',
      '...',
      '\r\n',
      '\t',
      '~',
      'version: ',
      '1',
      '2',
      `${LEARNED_START}\n`,
      `${LEARNED_END}\n`,
      '\u2028',
      '%',
      '!x ',
      'key: ',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
        entries(LEARNED_KEYS),
        (file, learned) => {
          let read: PeersFile;
          try {
            read = parse(file);
          } catch (error) {
            assert.ok(error instanceof ConfigError && error.problems.length > 0, String(error));
            return;
          }
          try {
            const next = editPeers(read, learned, opts);
            const again = parse(next.text);
            const added = learned.filter(
              ({ publicKey }) => !again.operator.some((other) => other.publicKey === publicKey),
            );
            assert.deepEqual(again.learned.toSorted(byKey), added.toSorted(byKey), next.text);
            assert.deepEqual(again.operator, read.operator);
            if (file.trim() !== '') assert.equal(again.rest, read.rest);
          } catch (error) {
            assert.ok(error instanceof ConfigError && error.code === 'CONFIG_UNWRITABLE', String(error));
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

describe('mergePeers', () => {
  const side = entries(LEARNED_KEYS).map((list) => new Map(list.map((one) => [one.publicKey, one])));
  const rest = { fileChangedAtMs: NOW_MS, deletedAtMs: new Map(), excluded: new Set<string>() };
  const learnedOf = (input: Parameters<typeof mergePeers>[0]) => [...mergePeers(input).learned].sort(byKey);

  it('what one side alone did is done; what nobody touched stays', () => {
    fc.assert(
      fc.property(side, side, (base, now) => {
        const seenMs = (key: string) =>
          Math.max(1, base.get(key)?.lastSeenMs ?? 0, now.get(key)?.lastSeenMs ?? 0);
        const later = [...now].map(([key, one]) => [key, { ...one, lastSeenMs: seenMs(key) }] as const);
        const edited = new Map(later);
        assert.deepEqual(
          learnedOf({ base, file: edited, memory: base, ...rest }),
          [...edited.values()].sort(byKey),
        );
        // What memory does not know of a peer it has not changed.
        const known = new Map(later.map(([key, one]) => [key, { ...base.get(key), ...one }]));
        assert.deepEqual(
          learnedOf({ base, file: base, memory: known, ...rest }),
          [...known.values()].sort(byKey),
        );
      }),
    );
  });

  it('nothing that one side added is lost, and merging again changes nothing', () => {
    fc.assert(
      fc.property(side, side, side, (base, file, memory) => {
        const merged = learnedOf({ base, file, memory, ...rest });
        const keys = merged.map(({ publicKey }) => publicKey);
        for (const key of [...file.keys(), ...memory.keys()]) {
          if (!base.has(key)) assert.ok(keys.includes(key));
        }
        const map = new Map(merged.map((one) => [one.publicKey, one]));
        assert.deepEqual(learnedOf({ base: map, file: map, memory: map, ...rest }), merged);
      }),
    );
  });
});

function byKey(left: PeerEntry, right: PeerEntry): number {
  return left.publicKey < right.publicKey ? -1 : 1;
}
