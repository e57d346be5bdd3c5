import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MessageBody } from '../../../protocols/token-sync/messages.ts';
import { withNet } from '../../support/sync-net.ts';
import { agreement, areEqual, peerWith, peerWithout } from '../../support/sync-peers.ts';
import { bent } from '../../support/sync-proxy.ts';
import { TokenChain } from '../../support/token-history.ts';

type Kind = MessageBody['kind'];
type How = 'before' | 'after' | 'swallowed';

/** Every message of a sync that takes mined and unmined transactions, with a search. */
const STEPS: readonly Kind[] = [
  'hello',
  'welcome',
  'anchorsRequest',
  'anchors',
  'rangeRequest',
  'head',
  'listing',
  'chunk',
  'done',
  'unminedRequest',
  'unmined',
  'fetchRequest',
];

describe('token sync goes on after a cut', () => {
  for (const how of ['before', 'after', 'swallowed'] as const satisfies readonly How[]) {
    it(`of the connection at each message: ${how}`, () =>
      withNet(async (net) => {
        const at = new TokenChain(`cut ${how}`, { leaves: 130 });
        at.blocks(30, 4, 6);
        at.transfers(3);
        const a = await peerWith(net, 'a', at, at.txs);
        // Much, little and single ones are missing: each way of fetching is used.
        const b = await peerWithout(net, 'b', at, (i) => (i > 1 && i <= 40) || i === 60 || i >= 110);
        b.judge.disconnectAt = 1_000;
        const met = new Set<Kind>();
        let cuts = 0;
        a.serve = bent(a, (message, _, stream) => {
          const { kind } = message.body;
          if (met.has(kind)) return message;
          met.add(kind);
          if (how === 'swallowed') return undefined;
          cuts++;
          if (how === 'after') queueMicrotask(() => stream.abort('CUT'));
          else stream.abort('CUT');
          return how === 'before' ? undefined : message;
        });
        net.connect(a, b);
        await net.until(
          'equal',
          async () => b.state(at.tokenId) === 'synced' && (await areEqual(at, a, b)),
          900_000,
        );
        const missed = STEPS.filter((kind) => !met.has(kind));
        assert.deepEqual(missed, [], 'steps that were never met');
        assert.ok(how === 'swallowed' || cuts >= STEPS.length, `${cuts} cuts`);
        // A list that came without one of its frames is no cut; else silence is all that may be held against it.
        const codes = b.judge.codes.filter((line) => line !== 'a SILENT');
        assert.deepEqual(codes, how === 'swallowed' ? ['a FIELD_INVALID'] : []);
        await b.node.node.audit();
      }));
  }

  it('of the process: what has come is there, the rest is asked for', () =>
    withNet(async (net) => {
      const at = new TokenChain('killed', { purseCoins: 900 });
      at.blocks(40, 16);
      at.transfers(5);
      const a = await peerWith(net, 'a', at, at.txs);
      const b = await peerWith(net, 'b', at);
      // A chunk holds all of it: cut it into blocks, so that there is a middle.
      let sent = 0;
      a.serve = bent(a, (message) => {
        const { body } = message;
        if (body.kind === 'rangeRequest')
          return { ...message, body: { ...body, toHeight: Math.min(body.toHeight, body.fromHeight + 6) } };
        if (body.kind === 'chunk') for (const block of body.blocks) sent += block.txs.length;
        return message;
      });
      net.connect(a, b);
      let kills = 0;
      for (let want = 100; want < 600; want += 150) {
        await net.until('more came', () => b.client.facts().taken >= 90 || b.state(at.tokenId) === 'synced');
        if (b.state(at.tokenId) === 'synced') break;
        await b.crash();
        kills++;
      }
      assert.ok(kills >= 2, `${kills} kills`);
      await net.until('equal', async () => b.state(at.tokenId) === 'synced' && (await areEqual(at, a, b)));
      assert.ok(sent < at.mined.length * 1.6, `${sent} sent of ${at.mined.length}`);
      await b.node.node.audit();
    }));

  it('a peer that freezes is left for another', () =>
    withNet(async (net) => {
      const at = new TokenChain('frozen');
      at.blocks(20, 6);
      const a = await peerWith(net, 'a', at, at.txs);
      const c = await peerWith(net, 'c', at, at.txs);
      const b = await peerWith(net, 'b', at);
      let isFrozen = false;
      a.serve = bent(a, (message) => {
        isFrozen ||= message.body.kind === 'head';
        return isFrozen ? undefined : message;
      });
      net.connect(a, b);
      await net.until('frozen', () => isFrozen);
      net.connect(b, c);
      const ms = await net.until(
        'taken from the other',
        () => b.client.status(at.tokenId)?.agree.includes('c') === true,
      );
      assert.ok(ms < 30_000, `${ms} ms`);
      assert.ok(await areEqual(at, b, c));
    }));
});

describe('token sync with several peers', () => {
  it('three of them give parts of one history', () =>
    withNet(async (net) => {
      const at = new TokenChain('deal', { purseCoins: 1_600 });
      at.blocks(30, 45);
      const full = [];
      for (const id of ['a', 'c', 'd']) full.push(await peerWith(net, id, at, at.txs));
      const b = await peerWith(net, 'b', at);
      const gave = new Map<string, number>();
      for (const peer of full) {
        peer.serve = bent(peer, (message) => {
          const { body } = message;
          if (body.kind !== 'chunk') return message;
          const entries = body.blocks.reduce((sum, block) => sum + block.txs.length, 0);
          gave.set(peer.id, (gave.get(peer.id) ?? 0) + entries);
          return message;
        });
      }
      for (const peer of full) net.connect(peer, b);
      await agreement(net, at, b, ...full);
      assert.deepEqual([...gave.keys()].sort(), ['a', 'c', 'd']);
      const sum = [...gave.values()].reduce((x, y) => x + y, 0);
      assert.ok(sum < at.mined.length * 1.3, `${sum} sent of ${at.mined.length}`);
      await b.node.node.audit();
    }));

  it('tokens are followed and left while it runs, and others notice nothing', () =>
    withNet(async (net) => {
      const gold = new TokenChain('gold');
      gold.blocks(10, 5);
      const other = gold.chain.deployMint(50n, { owner: gold.chain.key('alice') });
      gold.chain.mine([other]);
      const iron = other.tokenId();
      const a = await net.add('a', { tokens: [gold.tokenId, iron] });
      await a.node.node.headers(gold.headers());
      await a.node.node.offerAll(gold.beefs([...gold.txs, other]));
      const b = await net.add('b', { tokens: [gold.tokenId] });
      await b.node.node.headers(gold.headers());
      net.connect(a, b);
      await agreement(net, gold, a, b);
      const streams = net.streams.length;
      await b.follow([gold.tokenId, iron]);
      await net.until('the new one is synced', () => b.state(iron) === 'synced');
      assert.equal(b.state(gold.tokenId), 'synced');
      assert.equal(net.streams.length, streams + 1, 'one new stream, with a new hello');
      await b.follow([iron]);
      await net.until('left', () => b.client.status(gold.tokenId) === undefined);
      assert.equal(b.state(iron), 'synced');
      assert.equal(
        b.reports.filter((line) => line.includes('sync.behind') && line.includes(gold.tokenId)).length <= 1,
        true,
      );
    }));

  it('leaving a token in the middle of its sync stops it', () =>
    withNet(async (net) => {
      const at = new TokenChain('left', { purseCoins: 900 });
      at.blocks(40, 16);
      const a = await peerWith(net, 'a', at, at.txs);
      const b = await peerWith(net, 'b', at);
      net.connect(a, b);
      await net.until('some came', () => b.client.facts().taken > 0);
      await b.follow([]);
      const { taken } = b.client.facts();
      await net.pass(2_000);
      assert.ok(b.client.facts().taken - taken < 2_000);
      assert.equal(b.client.facts().hunts, 0);
      await b.follow([at.tokenId]);
      await agreement(net, at, a, b);
      assert.deepEqual(b.judge.codes, []);
    }));
});
