import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PeerEntry } from '../../../config/peer-entry.ts';
import { MAX_LEARNED_PEERS } from '../../../config/peers.ts';
import { mergePeers, type PeerMergeInput, type PeerMergeResult } from '../../../config/peers-merge.ts';
import { cpuMs } from '../../support/cpu-ms.ts';
import { keyOf, peer } from '../../support/peer-file.ts';

const mapOf = (entry: PeerEntry | undefined): ReadonlyMap<string, PeerEntry> =>
  new Map(entry === undefined ? [] : [[entry.publicKey, entry]]);

interface Sides {
  readonly base?: PeerEntry;
  readonly file?: PeerEntry;
  readonly memory?: PeerEntry;
}

function merge({ base, file, memory }: Sides, more: Partial<PeerMergeInput> = {}) {
  const { learned, conflicts, deleted } = mergePeers({
    base: mapOf(base),
    file: mapOf(file),
    memory: mapOf(memory),
    fileChangedAtMs: 1_000,
    deletedAtMs: new Map(),
    excluded: new Set(),
    ...more,
  });
  return { learned, conflict: conflicts.length > 0, deleted: deleted.length > 0 };
}

const at = (seconds: number, host = 1): PeerEntry =>
  peer(1, { lastSeenMs: seconds * 100, addresses: [`/ip4/10.0.0.${host}/tcp/9000`] });
const BASE = at(1);
const SAME = BASE;

/** What each side did since both had the same; then what is kept. `undefined`: it is not there. */
const CELLS: readonly (readonly [name: string, sides: Sides, kept: PeerEntry | undefined, marks?: string])[] =
  [
    ['nobody has it', {}, undefined],
    ['added in the file', { file: at(2) }, at(2)],
    ['added in memory', { memory: at(2) }, at(2)],
    ['added in both alike', { file: at(2), memory: at(2) }, at(2)],
    ['added in both, memory saw it later', { file: at(2, 2), memory: at(3, 3) }, at(3, 3), 'conflict'],
    ['added in both, the file saw it later', { file: at(4, 2), memory: at(3, 3) }, at(4, 2), 'conflict'],
    [
      'added in both, seen at the same time: the file',
      { file: at(3, 2), memory: at(3, 3) },
      at(3, 2),
      'conflict',
    ],
    ['untouched', { base: BASE, file: SAME, memory: SAME }, BASE],
    ['changed in the file', { base: BASE, file: at(2, 2), memory: SAME }, at(2, 2)],
    ['changed in memory', { base: BASE, file: SAME, memory: at(2, 2) }, at(2, 2)],
    ['changed in both alike', { base: BASE, file: at(2, 2), memory: at(2, 2) }, at(2, 2)],
    [
      'changed in both, memory saw it later',
      { base: BASE, file: at(2, 2), memory: at(3, 3) },
      at(3, 3),
      'conflict',
    ],
    [
      'changed in both, the file saw it later',
      { base: BASE, file: at(4, 2), memory: at(3, 3) },
      at(4, 2),
      'conflict',
    ],
    [
      'addresses changed in the file, seen again by memory: both',
      { base: BASE, file: at(1, 2), memory: at(9) },
      at(9, 2),
    ],
    [
      'addresses changed in memory, seen later by the file: both',
      { base: BASE, file: at(9), memory: at(1, 2) },
      at(9, 2),
    ],
    ['removed in the file', { base: BASE, memory: SAME }, undefined, 'deleted'],
    ['removed in memory', { base: BASE, file: SAME }, undefined],
    ['removed in both', { base: BASE }, undefined, 'deleted'],
    [
      'removed in the file, changed in memory before that',
      { base: BASE, memory: at(9, 2) },
      undefined,
      'conflict deleted',
    ],
    ['removed in the file, met again after that', { base: BASE, memory: at(11) }, at(11), 'conflict'],
    [
      'removed in the file, met in the same instant',
      { base: BASE, memory: at(10) },
      undefined,
      'conflict deleted',
    ],
    ['changed in the file, removed in memory', { base: BASE, file: at(1, 2) }, at(1, 2), 'conflict'],
  ];

describe('mergePeers, base / file / memory', () => {
  for (const [name, sides, kept, marks = ''] of CELLS) {
    it(name, () => {
      const { learned, conflict, deleted } = merge(sides);
      assert.deepEqual(learned, kept === undefined ? [] : [kept]);
      assert.equal([conflict ? 'conflict' : '', deleted ? 'deleted' : ''].join(' ').trim(), marks);
    });
  }

  it('source and version go with the side that changed them; what memory does not know it has not changed', () => {
    const base = peer(1, { source: 'a', version: '1' });
    assert.deepEqual(
      merge({ base, file: peer(1, { source: 'b', version: '1' }), memory: base }).learned[0]?.source,
      'b',
    );
    assert.deepEqual(merge({ base, file: base, memory: peer(1, { source: 'c' }) }).learned, [
      peer(1, { source: 'c', version: '1' }),
    ]);
  });

  it('an earlier deletion holds until the peer is met after it', () => {
    const deletedAtMs = new Map([[keyOf(1), 500]]);
    assert.deepEqual(merge({ memory: at(5) }, { deletedAtMs }).learned, []);
    assert.deepEqual(merge({ memory: peer(1) }, { deletedAtMs }).learned, []);
    assert.deepEqual(merge({ memory: at(6) }, { deletedAtMs }).learned, [at(6)]);
    // The operator, or another daemon, put it back.
    assert.deepEqual(merge({ file: at(1), memory: at(1) }, { deletedAtMs }).learned, [at(1)]);
  });

  it('operator keys and our own are never learned', () => {
    for (const sides of [{ memory: at(5) }, { base: BASE, file: SAME, memory: at(5) }, { file: at(5) }]) {
      assert.deepEqual(merge(sides, { excluded: new Set([keyOf(1)]) }).learned, []);
    }
  });

  it('keeps the order of the file, then that of memory', () => {
    const map = (...bytes: readonly number[]) => new Map(bytes.map((byte) => [keyOf(byte), peer(byte)]));
    const { learned } = mergePeers({
      base: map(3, 1),
      file: map(3, 1, 2),
      memory: map(5, 1, 4, 3),
      fileChangedAtMs: 0,
      deletedAtMs: new Map(),
      excluded: new Set(),
    });
    assert.deepEqual(
      learned.map(({ publicKey }) => publicKey),
      [3, 1, 2, 5, 4].map(keyOf),
    );
  });

  it('2,048 at most: those unseen for longest are left out; in less than 500 ms', () => {
    const many = (from: number, count: number) =>
      new Map(
        Array.from({ length: count }, (_, index) => {
          const publicKey = `key ${from + index}`;
          return [
            publicKey,
            { publicKey, addresses: ['/ip4/10.0.0.1/tcp/1'], lastSeenMs: from + index },
          ] as const;
        }),
      );
    const merge = (): PeerMergeResult =>
      mergePeers({
        base: new Map(),
        file: many(1, MAX_LEARNED_PEERS),
        memory: many(1_001, MAX_LEARNED_PEERS),
        fileChangedAtMs: 0,
        deletedAtMs: new Map(),
        excluded: new Set(),
      });
    let learned: PeerMergeResult['learned'] = [];
    const tookMs = cpuMs(() => {
      ({ learned } = merge());
    });
    assert.ok(tookMs < 500, `${tookMs} ms`);
    assert.equal(learned.length, MAX_LEARNED_PEERS);
    assert.equal(Math.min(...learned.map(({ lastSeenMs }) => lastSeenMs ?? 0)), 1_001);
  });
});
