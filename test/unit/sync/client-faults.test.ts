import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ChunkBody, SyncMessage } from '../../../protocols/token-sync/messages.ts';
import { encodeRuns } from '../../../protocols/token-sync/runs.ts';
import { bumpOffset, bumpRoot, parseBump } from '../../../src/spv/bump.ts';
import { parseTransaction } from '../../../src/spv/transaction.ts';
import { type SyncNet, type SyncPeer, withNet } from '../../support/sync-net.ts';
import { areEqual, peerWith } from '../../support/sync-peers.ts';
import { type Bend, bent } from '../../support/sync-proxy.ts';
import { TokenChain } from '../../support/token-history.ts';

/** One of whom everything is true, one who bends what he says, and one who is empty and meets him first. */
async function lied(
  seed: string,
  bend: (at: TokenChain) => Bend,
  then: (found: {
    readonly net: SyncNet;
    readonly at: TokenChain;
    readonly empty: SyncPeer;
    readonly honest: SyncPeer;
    readonly ofLiar: readonly string[];
  }) => Promise<void>,
): Promise<void> {
  await withNet(async (net) => {
    const at = new TokenChain(seed);
    at.blocks(10, 6, 5);
    at.transfers(4);
    const honest = await peerWith(net, 'honest', at, at.txs);
    const liar = await peerWith(net, 'liar', at, at.txs);
    const empty = await peerWith(net, 'empty', at);
    liar.serve = bent(liar, bend(at));
    net.connect(liar, empty);
    await net.until(
      'the lie is met',
      () => empty.judge.codes.length > 0 || empty.state(at.tokenId) === 'synced',
    );
    net.connect(honest, empty);
    await net.until(
      'the truth is found',
      async () =>
        (await areEqual(at, honest, empty)) &&
        empty.client.status(at.tokenId)?.agree.includes('honest') === true,
    );
    const ofLiar = empty.judge.codes;
    assert.ok(
      ofLiar.every((line) => line.startsWith('liar ')),
      ofLiar.join(),
    );
    assert.deepEqual(honest.judge.codes, []);
    await empty.node.node.audit();
    await then({ net, at, empty, honest, ofLiar });
  });
}

/** The blocks, and the context that they need. */
function neededBy(
  blocks: ChunkBody['blocks'],
  { context }: ChunkBody,
): Pick<ChunkBody, 'blocks' | 'context' | 'proven'> {
  const txs = blocks.flatMap((block) => block.txs.map((raw) => parseTransaction(raw)));
  const parents = new Set(txs.flatMap((tx) => tx.inputs.map(({ prevTxid }) => prevTxid)));
  const needed = context.filter((raw) => parents.has(parseTransaction(raw).txid));
  return { blocks, context: needed, proven: [] };
}

/** A BUMP of the same transactions that leads to another root. */
function forged({ bump, txs }: ChunkBody['blocks'][number]): Uint8Array {
  const txids = txs.map((raw) => parseTransaction(raw).txid);
  for (let at = bump.length - 1; at > 0; at--) {
    const bytes = Buffer.from(bump);
    bytes[at]! ^= 0x80;
    try {
      const made = parseBump(bytes);
      const isSame = txids.every((txid) => bumpOffset(made, txid) === bumpOffset(parseBump(bump), txid));
      if (isSame && made.height === parseBump(bump).height && bumpRoot(made) !== bumpRoot(parseBump(bump)))
        return bytes;
    } catch {
      // Not this byte.
    }
  }
  return bump;
}

/** Bends every chunk that has blocks. */
function chunks(change: (chunk: ChunkBody) => ChunkBody | undefined): Bend {
  return (message) => {
    const { body } = message;
    if (body.kind !== 'chunk' || body.blocks.length === 0) return message;
    const made = change(body);
    return made === undefined ? undefined : { ...message, body: made };
  };
}

describe('a peer that lies to token sync', () => {
  it('withholds a transaction that it lists: WITHHELD', () =>
    lied(
      'withholds',
      () => {
        let gone = 0;
        let isRange = false;
        return (message, way) => {
          const { body } = message;
          if (way === 'asked' && body.kind !== 'credit') isRange = body.kind === 'rangeRequest';
          if (!isRange) return message;
          if (body.kind === 'chunk') {
            gone = body.blocks.at(-1)?.txs.length ?? 0;
            const blocks = body.blocks.slice(0, -1);
            return blocks.length === 0
              ? undefined
              : { ...message, body: { ...body, ...neededBy(blocks, body) } };
          }
          if (body.kind !== 'done') return message;
          const entries = body.entries - gone;
          gone = 0;
          return { ...message, body: { ...body, entries } };
        };
      },
      async ({ ofLiar }) => assert.deepEqual(new Set(ofLiar), new Set(['liar WITHHELD'])),
    ));

  it('tells a commitment that its list does not make up: COMMITMENT_WRONG', () =>
    lied(
      'commitment',
      () => (message) => {
        const { body } = message;
        const wrong = (tac: Uint8Array): Uint8Array => Buffer.from(tac).map((byte) => byte ^ 1);
        if (body.kind === 'welcome' || body.kind === 'update')
          return {
            ...message,
            body: {
              ...body,
              tokens: body.tokens.map((f) => (f.tac === undefined ? f : { ...f, tac: wrong(f.tac) })),
            },
          };
        return body.kind === 'anchors' ? { ...message, body: { ...body, tacs: wrong(body.tacs) } } : message;
      },
      async ({ ofLiar }) => assert.deepEqual(new Set(ofLiar), new Set(['liar COMMITMENT_WRONG'])),
    ));

  it('forges a proof: the code of the ingest, and banned', () =>
    lied(
      'proof',
      () =>
        chunks((chunk) => {
          const blocks = chunk.blocks.map((block) => {
            return { ...block, bump: forged(block) };
          });
          return { ...chunk, blocks };
        }),
      async ({ ofLiar }) => assert.deepEqual(ofLiar, ['liar PROOF_ROOT_MISMATCH']),
    ));

  it('sends a transaction that is not where the proof has it: BUMP_TXID_WRONG', () =>
    lied(
      'place',
      () =>
        chunks((chunk) => {
          const blocks = chunk.blocks.map((block) => ({
            ...block,
            runs: encodeRuns(block.txs.map((_, i) => i + 3)),
          }));
          return { ...chunk, blocks };
        }),
      async ({ ofLiar }) =>
        assert.ok(
          ofLiar.every((line) => line === 'liar BUMP_TXID_WRONG'),
          ofLiar.join(),
        ),
    ));

  it('sends chunks without end: COUNT_EXCEEDED', () =>
    lied(
      'endless',
      () => (message) => {
        const { body } = message;
        if (body.kind === 'done') return undefined;
        return body.kind === 'chunk' ? Array.from({ length: 4 }, () => message) : message;
      },
      async ({ ofLiar }) => assert.match(ofLiar[0]!, /ORDER_WRONG|COUNT_EXCEEDED|CREDIT_EXCEEDED/),
    ));

  it('breaks a signature of an unmined transaction: the code of the ingest', () =>
    lied(
      'signature',
      () => (message) => {
        const { body } = message;
        if (body.kind !== 'chunk' || body.loose.length === 0) return message;
        const loose = body.loose.map((raw) => {
          const bytes = Buffer.from(raw);
          bytes[60]! ^= 1;
          return bytes;
        });
        return { ...message, body: { ...body, loose } };
      },
      async ({ ofLiar }) =>
        assert.ok(
          ofLiar.length > 0 && ofLiar.every((line) => /SCRIPT_FAILED|FIELD_INVALID/.test(line)),
          ofLiar.join(),
        ),
    ));

  it('answers nothing: SILENT, and others are asked', () =>
    lied(
      'silent',
      () => (message) =>
        message.body.kind === 'welcome' || message.body.kind === 'hello' ? message : undefined,
      async ({ ofLiar }) =>
        assert.ok(
          ofLiar.every((line) => line === 'liar SILENT'),
          ofLiar.join(),
        ),
    ));

  it('says what nobody asked: MESSAGE_UNEXPECTED', () =>
    lied(
      'unasked',
      () => (message) => {
        const { body } = message;
        if (body.kind !== 'welcome') return message;
        const update: SyncMessage = { id: 0, body: { kind: 'update', tip: body.tip, tokens: [], gone: [] } };
        return [message, ...Array.from({ length: 60 }, () => update)];
      },
      async ({ ofLiar }) => assert.match(ofLiar[0]!, /MESSAGE_UNEXPECTED/),
    ));
});

describe('a peer that token sync cannot use, and that does not lie', () => {
  it('is talked to again when it is back after it was disconnected, and banned for the next lie', () =>
    withNet(async (net) => {
      const at = new TokenChain('is back');
      at.blocks(3, 2);
      const liar = await peerWith(net, 'liar', at, at.txs);
      const empty = await peerWith(net, 'empty', at);
      liar.serve = bent(
        liar,
        chunks((chunk) => ({
          ...chunk,
          blocks: chunk.blocks.map((block) => ({
            ...block,
            runs: encodeRuns(block.txs.map((_, i) => i + 7)),
          })),
        })),
      );
      net.connect(liar, empty);
      await net.until('it is disconnected', () => !net.isLinked('liar', 'empty'));
      assert.ok(!empty.judge.isBanned('liar'));
      net.connect(liar, empty);
      await net.until('it is banned', () => empty.judge.isBanned('liar'));
      assert.ok(!net.isLinked('liar', 'empty'));
    }));

  it('of another network is told apart, without a penalty', () =>
    withNet(async (net) => {
      const at = new TokenChain('network');
      at.blocks(2, 2);
      const a = await peerWith(net, 'a', at, at.txs);
      const b = await net.add('b', { tokens: [at.tokenId] });
      b.serve = bent(b, (message) =>
        message.body.kind === 'hello' ? { ...message, body: { ...message.body, network: 'test' } } : message,
      );
      net.connect(a, b);
      await net.until('told apart', () => a.client.facts().sessions.incompatible === 1);
      await net.pass(2_000);
      assert.deepEqual(a.judge.codes, []);
      assert.equal(a.reports.filter((line) => line.startsWith('sync.peer_incompatible')).length, 1);
    }));

  it('keeps a history of its own: in dispute after a minute, with the height', () =>
    withNet(async (net) => {
      const at = new TokenChain('dispute');
      at.blocks(6, 4);
      const a = await peerWith(net, 'a', at, at.txs);
      const b = await peerWith(net, 'b', at, at.txs.slice(0, 10));
      const c = await peerWith(net, 'c', at, at.txs);
      // It asks nobody, so it never gets the rest.
      a.serve = (stream) => stream.abort('GONE');
      await b.client.stop();
      net.connect(a, b);
      net.connect(a, c);
      await net.until('compared', () => a.client.status(at.tokenId)?.disagree[0]?.firstHeight !== undefined);
      assert.equal(a.state(at.tokenId), 'synced');
      await net.pass(61_000, 500);
      await net.until('disputed', () => a.state(at.tokenId) === 'disputed');
      const [disagreement] = a.client.status(at.tokenId)!.disagree;
      assert.equal(disagreement?.peerId, 'b');
      assert.equal(disagreement?.firstHeight, at.chain.blocks.position(at.txs[10]!.txid)!.height);
      assert.deepEqual(a.judge.codes, []);
    }));

  it('has what our rules do not count: in dispute, at that block, and no penalty', () =>
    withNet(async (net) => {
      const at = new TokenChain('rules', { leaves: 60 });
      at.blocks(10, 5);
      const a = await peerWith(net, 'a', at, at.txs);
      const b = await peerWith(net, 'b', at);
      const strange = at.txs[30]!;
      b.refuses.add(strange.txid);
      net.connect(a, b);
      await net.until('disputed', () => b.state(at.tokenId) === 'disputed');
      const [disagreement] = b.client.status(at.tokenId)!.disagree;
      assert.equal(disagreement?.why, 'RULES_DIFFER');
      assert.equal(disagreement?.firstHeight, at.chain.blocks.position(strange.txid)!.height);
      assert.equal((await b.node.commitments.tip(at.tokenId)).entries, at.mined.length - 1);
      assert.deepEqual([a.judge.codes, b.judge.codes], [[], []]);
      const bytes = net.bytesBetween('a', 'b');
      await net.pass(120_000, 500);
      assert.ok(net.bytesBetween('a', 'b') - bytes < 200_000, 'it is not fetched over and over');
      b.refuses.clear();
      await net.until('settled', () => b.state(at.tokenId) === 'synced', 600_000);
    }));

  it('tells of more and is always busy: it is waited for, then it does not count', () =>
    withNet(async (net) => {
      const at = new TokenChain('busy');
      at.blocks(4, 4);
      const a = await peerWith(net, 'a', at, at.txs);
      const b = await peerWith(net, 'b', at);
      let asked = 0;
      a.serve = bent(a, (message, way) => {
        if (way !== 'answered' || message.id === 0) return message;
        const isFirst = message.body.kind === 'anchors';
        if (!isFirst) return message;
        asked++;
        return { id: message.id, body: { kind: 'failure', code: 'BUSY', retryAfterMs: 3_000 } };
      });
      net.connect(a, b);
      await net.until('asked', () => asked === 1);
      assert.equal(b.state(at.tokenId), 'behind');
      await net.pass(2_900);
      assert.equal(asked, 1, 'it is left alone as long as it asks for');
      await net.until('given up', () => b.state(at.tokenId) === 'disputed', 300_000);
      assert.equal(b.client.status(at.tokenId)?.disagree[0]?.why, 'NOT_GIVEN');
      assert.ok(asked < 12, `${asked} times asked`);
      assert.deepEqual(b.judge.codes, []);
    }));

  it('conflicting unmined transactions stay, and are not fetched over and over', () =>
    withNet(async (net) => {
      const at = new TokenChain('conflict');
      at.blocks(2, 2);
      const [one] = at.transfers(1);
      const other = at.chain.doubleSpend(one!);
      const a = await peerWith(net, 'a', at, [...at.mined, one!]);
      const b = await peerWith(net, 'b', at, [...at.mined, other]);
      net.connect(a, b);
      await net.until('both say so', () => [a, b].every((p) => p.state(at.tokenId) === 'synced'));
      await net.pass(3_000);
      const bytes = net.bytesBetween('a', 'b');
      await net.pass(120_000, 500);
      assert.ok(net.bytesBetween('a', 'b') - bytes < 60_000);
      assert.equal(a.node.node.store.tx(other.txid)?.status, 'conflicted');
      assert.deepEqual([a.judge.codes, b.judge.codes], [[], []]);
      await agreementOf(at, a, b);
    }));
});

async function agreementOf(at: TokenChain, ...peers: readonly SyncPeer[]): Promise<void> {
  const tacs = await Promise.all(peers.map((p) => p.node.commitments.tip(at.tokenId)));
  assert.equal(new Set(tacs.map(({ tac }) => tac?.toString('hex'))).size, 1);
}
