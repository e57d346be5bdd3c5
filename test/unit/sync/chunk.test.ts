import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PIECE_BYTES } from '../../../protocols/token-sync/constants.ts';
import { hashBytes } from '../../../protocols/token-sync/digests.ts';
import { PENALTY_POINTS, type TokenSyncErrorCode } from '../../../protocols/token-sync/errors.ts';
import type { ChunkBlock, ChunkBody, FetchRequestBody } from '../../../protocols/token-sync/messages.ts';
import { encodeRuns } from '../../../protocols/token-sync/runs.ts';
import { ChunkReader } from '../../../src/sync/chunk.ts';
import { RangeLog } from '../../../src/sync/token-log.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { SyncNode } from '../../support/sync-node.ts';
import { head, rangeAsk, wired } from '../../support/sync-transfer.ts';

/** Block 2: deploy. Block 3: three transfers, the last of which also spends a purse coin. */
const chain = new TestChain('chunk');
const alice = chain.key('alice');
const deploy = chain.deployMint(90n, { owner: alice });
chain.mine([deploy]);
const split = chain.transfer({
  from: [deploy.coin(0)],
  to: [
    [alice, 30n],
    [alice, 30n],
    [alice, 30n],
  ],
});
const one = chain.transfer({ from: [split.coin(0)], to: [[alice, 30n]] });
const two = chain.transfer({ from: [split.coin(1)], to: [[alice, 30n]] });
chain.mine([split, one, two]);
const unmined = chain.transfer({ from: [two.coin(0)], to: [[alice, 30n]] });

const all = rangeAsk(0, 9);
let honest: ChunkBody;
let sync: SyncNode;

before(async () => {
  sync = await SyncNode.open({ tokens: [deploy.tokenId()] });
  await sync.node.headers(chain.headerBytes({ from: 1 }));
  const txs = [deploy, split, one, two, unmined];
  await sync.node.offerAll(txs.map((tx) => chain.beef(tx, { parents: 'all' })));
  const { store } = sync.node;
  const tokenNo = store.tokenNos.get(deploy.tokenId())!;
  const log = new RangeLog(store, { tokenNo, fromHeight: 0, toHeight: 9, only: undefined, most: 4 });
  honest = (await log.next())!.chunk;
});
after(() => sync.close());

function read(chunk: ChunkBody, entries = 4, ask = all) {
  return new ChunkReader(ask, head(entries)).chunk(wired(chunk).body, 1000);
}

function withBlock(place: number, change: Partial<ChunkBlock>): ChunkBody {
  return { ...honest, blocks: honest.blocks.map((b, i) => (i === place ? { ...b, ...change } : b)) };
}

function refused(code: TokenSyncErrorCode, run: () => unknown): void {
  assert.throws(run, (error: { name?: string; code?: string }) => {
    assert.deepEqual([error.name, error.code], ['TokenSyncError', code]);
    assert.ok(PENALTY_POINTS[code]! >= 25);
    return true;
  });
}

describe('a chunk that is read', () => {
  it('becomes a set for the ingest: listed history, proofs, and context that decides', () => {
    const { set, entries, blocks, upTo } = read(honest);
    assert.equal(entries, 4);
    assert.deepEqual([...set.listed].sort(), [deploy, split, one, two].map((tx) => tx.txid).sort());
    assert.deepEqual(
      blocks,
      [2, 3].map((height) => ({ height, hash: chain.blockAt(height).hash })),
    );
    assert.deepEqual(upTo, { height: 3, index: 3 });
    const context = set.txs.filter(({ tx }) => !set.listed.has(tx.txid));
    assert.ok(context.length > 0);
    const parents = new Set(set.txs.flatMap(({ tx }) => tx.inputs.map((input) => input.prevTxid)));
    assert.ok(context.every(({ tx }) => parents.has(tx.txid)));
    assert.ok(set.txs.every(({ tx, bump }) => !set.listed.has(tx.txid) || bump !== undefined));
  });

  it('may spread a block over several chunks', () => {
    const reader = new ChunkReader(all, head(4));
    const [first, second] = honest.blocks;
    assert.equal(reader.chunk({ ...honest, blocks: [first!], proven: [], context: [] }, 1).entries, 1);
    const split = (from: number, to: number): ChunkBody => {
      const block = chain.blockAt(3);
      const txids = block.txids.slice(from, to);
      const places = txids.map((_, i) => from + i);
      const part = {
        ...second!,
        runs: encodeRuns(places),
        bump: block.bump(txids),
        txs: second!.txs.slice(from - 1, to - 1),
      };
      return { kind: 'chunk', blocks: [part], loose: [], context: [], proven: [] };
    };
    assert.equal(reader.chunk(split(1, 3), 1).entries, 2);
    const again = new ChunkReader(all, head(4));
    again.chunk(split(1, 3), 1);
    refused('ORDER_WRONG', () => again.chunk(split(2, 4), 1));
    assert.equal(reader.chunk(split(3, 4), 1).entries, 1);
    assert.equal(reader.count, 4);
  });

  const lies: Readonly<Record<string, readonly [TokenSyncErrorCode, () => unknown]>> = {
    'more than was announced': ['COUNT_EXCEEDED', () => read(honest, 3)],
    'an announcement of more than was asked': [
      'COUNT_EXCEEDED',
      () => new ChunkReader({ ...rangeAsk(3, 3), only: encodeRuns([1]) }, head(2)),
    ],
    'a block outside of the range': ['ORDER_WRONG', () => read(honest, 4, rangeAsk(3, 9))],
    'a place that was not asked': [
      'ORDER_WRONG',
      () =>
        read({ ...honest, blocks: honest.blocks.slice(1) }, 1, { ...rangeAsk(3, 3), only: encodeRuns([1]) }),
    ],
    'blocks that do not ascend': [
      'ORDER_WRONG',
      () => read({ ...honest, blocks: honest.blocks.toReversed() }),
    ],
    'a block twice': [
      'ORDER_WRONG',
      () => read({ ...honest, blocks: [honest.blocks[0]!, honest.blocks[0]!] }),
    ],
    'bytes that are no transaction': [
      'TX_MALFORMED',
      () => read(withBlock(0, { txs: [Buffer.concat([deploy.raw, Buffer.of(0)])] })),
    ],
    'bytes that are no BUMP': [
      'BUMP_MALFORMED',
      () => read(withBlock(0, { bump: Buffer.from('00', 'hex') })),
    ],
    'a BUMP of another height': ['BUMP_HEIGHT_WRONG', () => read(withBlock(0, { height: 1 }))],
    'a BUMP of other transactions': ['BUMP_TXID_WRONG', () => read(withBlock(0, { txs: [one.raw] }))],
    'a BUMP that proves more': [
      'BUMP_TXID_WRONG',
      () => read(withBlock(0, { bump: chain.blockAt(2).bump(chain.blockAt(2).txids) })),
    ],
    'another place': ['BUMP_TXID_WRONG', () => read(withBlock(0, { runs: encodeRuns([0]) }))],
    'something that nobody asked for': ['TX_UNRELATED', () => read({ ...honest, context: [unmined.raw] })],
    'an unmined transaction in a range': ['TX_UNRELATED', () => read({ ...honest, loose: [unmined.raw] })],
    'a transaction twice': ['TX_TWICE', () => read({ ...honest, context: [deploy.raw] })],
    'an empty place without pieces': ['PIECE_WRONG', () => read(withBlock(0, { txs: [Buffer.alloc(0)] }))],
  };
  for (const [what, [code, run]] of Object.entries(lies)) it(`${code}: ${what}`, () => refused(code, run));

  it('of a fetch only what was asked is listed', () => {
    const txids = Buffer.concat([one, two].map((tx) => hashBytes(tx.txid)));
    const ask: FetchRequestBody = { kind: 'fetchRequest', token: 0, ids: { by: 'txid', txids }, credit: 1 };
    const { set, entries } = new ChunkReader(ask, head(2)).chunk(wired(honest).body, 1000);
    assert.deepEqual([entries, [...set.listed].sort()], [2, [one, two].map((tx) => tx.txid).sort()]);
    refused('COUNT_EXCEEDED', () => new ChunkReader(ask, head(3)));
  });

  it('a large transaction comes in pieces, and only as one', () => {
    const big = chain.build({
      inputs: [unmined.coin(0)],
      outputs: [
        {
          lock: { kind: 'script', script: Buffer.alloc(PIECE_BYTES + 9, 0x51), unlock: Buffer.alloc(0) },
          satoshis: 1,
        },
      ],
    });
    const ask: FetchRequestBody = {
      kind: 'fetchRequest',
      token: 0,
      ids: { by: 'txid', txids: hashBytes(big.txid) },
      credit: 1,
    };
    const total = big.raw.length;
    const piece = (from: number, to: number, of = total) =>
      ({ kind: 'piece', total: of, bytes: big.raw.subarray(from, to) }) as const;
    const empty: ChunkBody = { kind: 'chunk', blocks: [], loose: [Buffer.alloc(0)], context: [], proven: [] };
    const reader = (): ChunkReader => new ChunkReader(ask, head(1));
    const good = reader();
    good.piece(piece(0, PIECE_BYTES));
    good.piece(piece(PIECE_BYTES, total));
    assert.deepEqual([...good.chunk(empty, 1).set.listed], [big.txid]);
    const short = reader();
    refused('PIECE_WRONG', () => short.piece(piece(0, 100)));
    const other = reader();
    other.piece(piece(0, PIECE_BYTES));
    refused('PIECE_WRONG', () => other.piece(piece(PIECE_BYTES, total, total + 1)));
    const part = reader();
    part.piece(piece(0, PIECE_BYTES));
    refused('PIECE_WRONG', () => part.chunk(empty, 1));
    const unused = reader();
    unused.piece(piece(0, PIECE_BYTES));
    unused.piece(piece(PIECE_BYTES, total));
    refused('PIECE_WRONG', () => unused.chunk({ ...empty, loose: [unmined.raw] }, 1));
  });
});
