import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type SyncNet, withNet } from '../../support/sync-net.ts';
import { agreement, areEqual, peerWith, peerWithout } from '../../support/sync-peers.ts';
import { TokenChain } from '../../support/token-history.ts';

async function whileTimePasses<T>(net: SyncNet, promises: readonly Promise<T>[]): Promise<T[]> {
  let found: T[] | undefined;
  void Promise.all(promises).then((all) => {
    found = all;
  });
  await net.until('all are answered', () => found !== undefined);
  return found!;
}

describe('token sync', () => {
  it('an empty node takes all of a history, mined and unmined, within a second, and says so', () =>
    withNet(async (net) => {
      const at = new TokenChain('empty');
      at.blocks(10, 6, 5);
      at.transfers(5);
      const full = await peerWith(net, 'full', at, at.txs);
      const empty = await peerWith(net, 'empty', at);
      await net.pass(10);
      assert.equal(empty.state(at.tokenId), 'alone');
      net.connect(full, empty);
      const ms = await net.until('synced', () => empty.state(at.tokenId) === 'synced');
      assert.ok(ms < 1_000, `${ms} ms`);
      assert.ok(await areEqual(at, full, empty));
      await agreement(net, at, full, empty);
      assert.deepEqual(empty.client.status(at.tokenId)?.agree, ['full']);
      await empty.node.node.audit();
    }));

  it('both have what the other lacks: each takes the rest', () =>
    withNet(async (net) => {
      const at = new TokenChain('both', { leaves: 100 });
      at.blocks(20, 4, 4);
      at.transfers(6);
      const mined = at.mined.length;
      const a = await peerWithout(net, 'a', at, (i) => i > 1 && i % 2 === 0 && i < mined - 20);
      const b = await peerWithout(net, 'b', at, (i) => i > 1 && i % 2 === 1 && i < mined - 20);
      net.connect(a, b);
      await agreement(net, at, a, b);
      assert.equal(a.node.node.store.waiting.size, 0);
    }));

  it('differences at either end of a history hide none between them', () =>
    withNet(async (net) => {
      const at = new TokenChain('ends', { leaves: 100 });
      at.blocks(40, 2);
      const a = await peerWithout(net, 'a', at, (i) => [4, 30, 77].includes(i));
      const b = await peerWithout(net, 'b', at, (i) => [3, 31, 50, 76].includes(i));
      net.connect(a, b);
      await agreement(net, at, a, b);
    }));

  it('one transaction that is missing is found and fetched alone', () =>
    withNet(async (net) => {
      const at = new TokenChain('one', { purseCoins: 1_200, leaves: 970 });
      at.blocks(80, 12);
      const a = await peerWith(net, 'a', at, at.txs);
      const b = await peerWithout(net, 'b', at, (i) => i === 500);
      net.connect(a, b);
      const ms = await agreement(net, at, a, b);
      const bytes = net.bytesBetween('a', 'b');
      assert.ok(bytes < 40_000, `${bytes} bytes`);
      assert.ok(ms < 3_000, `${ms} ms`);
      assert.equal(b.client.facts().taken, 1, `${b.client.facts().taken} taken`);
    }));

  it('one transaction that many wait for is fetched alone, and decides them', () =>
    withNet(async (net) => {
      const at = new TokenChain('root', { purseCoins: 1_000 });
      at.blocks(60, 12);
      const a = await peerWith(net, 'a', at, at.txs);
      const b = await peerWithout(net, 'b', at, (i) => i === 20);
      assert.ok((await b.node.commitments.tip(at.tokenId)).entries < at.mined.length * 0.9);
      net.connect(a, b);
      await agreement(net, at, a, b);
      assert.ok(b.client.facts().taken <= 2, `${b.client.facts().taken} taken`);
    }));

  it('a chain of three agrees, whoever comes first', () =>
    withNet(async (net) => {
      const at = new TokenChain('three');
      at.blocks(12, 6);
      at.transfers(3);
      const a = await peerWith(net, 'a', at, at.txs);
      const b = await peerWith(net, 'b', at);
      const c = await peerWith(net, 'c', at);
      net.connect(b, c);
      net.connect(a, b);
      await agreement(net, at, a, b, c);
    }));

  it('what is mined and what is made while they talk comes too', () =>
    withNet(async (net) => {
      const at = new TokenChain('live');
      at.blocks(3, 4);
      const a = await peerWith(net, 'a', at, at.txs);
      const b = await peerWith(net, 'b', at);
      net.connect(a, b);
      await agreement(net, at, a, b);
      const later = at.transfers(4);
      await a.node.node.offerAll(at.beefs(later));
      await net.until('unmined ones come', () => areEqual(at, a, b));
      at.block(later);
      await a.node.node.headers(at.headers());
      await a.node.node.offerAll(at.beefs(later));
      await net.until('proofs come', () => areEqual(at, a, b));
      await agreement(net, at, a, b);
      assert.ok(b.poked.includes('a'), 'the headers came from elsewhere');
    }));

  it('while gossip has transactions to take in, the same ones are not asked for as well: but not for ever', () =>
    withNet(async (net) => {
      const at = new TokenChain('arriving');
      at.blocks(3, 4);
      const a = await peerWith(net, 'a', at, at.txs);
      const b = await peerWith(net, 'b', at);
      net.connect(a, b);
      await agreement(net, at, a, b);
      b.isArriving = true;
      await a.node.node.offerAll(at.beefs(at.transfers(4)));
      await net.pass(9_000);
      assert.equal(await areEqual(at, a, b), false, 'it waits for gossip');
      await net.until('what does not come is asked for', () => areEqual(at, a, b), 10_000);
    }));

  it('a peer whose headers nobody has is compared with at our own tip', () =>
    withNet(async (net) => {
      const at = new TokenChain('tips');
      at.blocks(6, 4);
      const b = await peerWith(net, 'b', at);
      at.chain.mineEmpty(3);
      const a = await peerWith(net, 'a', at, at.txs);
      a.givesHeaders = false;
      net.connect(a, b);
      await net.until('it has all up to its tip', () => b.state(at.tokenId) === 'synced');
      assert.equal((await b.node.commitments.tip(at.tokenId)).entries, at.mined.length);
      assert.deepEqual(b.judge.codes, []);
    }));

  it('while the headers of many blocks are on their way, equal commitments below them are not called synced', () =>
    withNet(async (net) => {
      const at = new TokenChain('late headers');
      const first = at.headers();
      at.blocks(6, 4);
      const a = await peerWith(net, 'a', at, at.txs);
      a.givesHeaders = false;
      const b = await net.add('b', { tokens: [at.tokenId] });
      await b.node.node.headers(first.subarray(0, 80));
      b.takesHeadersOf.add('a');
      net.connect(a, b);
      for (let i = 0; i < 10; i++) {
        await net.pass(1_000);
        const status = b.client.status(at.tokenId);
        assert.equal(status?.state, 'behind');
        assert.deepEqual([status?.progress?.done, status?.progress?.total], [0, at.mined.length]);
      }
      await b.node.node.headers(at.headers());
      b.takesHeadersOf.clear();
      await agreement(net, at, a, b);
    }));

  it('blocks that are undone in the middle are followed by both', () =>
    withNet(async (net) => {
      const at = new TokenChain('reorg');
      at.blocks(8, 6);
      const a = await peerWith(net, 'a', at, at.txs);
      const b = await peerWith(net, 'b', at);
      const fork = at.chain.blockAt(5);
      net.connect(a, b);
      await net.until('some came', () => b.client.facts().taken > 0);
      // The transactions of the blocks that are undone are mined again, in one block of the longer branch.
      const undone = at.mined.filter((tx) => at.chain.blocks.position(tx.txid)!.height > fork.height);
      const branch = at.chain.mine(undone, { on: fork });
      at.chain.makeActive(branch);
      await a.node.node.headers(at.headers());
      await a.node.node.offerAll(at.beefs(undone));
      await agreement(net, at, a, b);
      await b.node.node.audit();
    }));

  it('two in agreement are silent', () =>
    withNet(async (net) => {
      const at = new TokenChain('idle');
      at.blocks(3, 4);
      const a = await peerWith(net, 'a', at, at.txs);
      const b = await peerWith(net, 'b', at);
      net.connect(a, b);
      await agreement(net, at, a, b);
      await net.pass(2_500);
      const before = net.bytesBetween('a', 'b');
      await net.clock.advance(120_000);
      const bytes = net.bytesBetween('a', 'b') - before;
      assert.equal(bytes, 0);
      await net.clock.advance(3_600_000);
      await net.pass(100);
      const perHour = net.bytesBetween('a', 'b') - before;
      assert.ok(perHour > 0 && perHour < 20_000, `${perHour} bytes an hour`);
      assert.equal(a.state(at.tokenId), 'synced');
    }));

  it('who has the next block first stays synced while it comes to the other, however long nothing changed before', () =>
    withNet(async (net) => {
      const at = new TokenChain('next block');
      at.blocks(3, 4);
      const a = await peerWith(net, 'a', at, at.txs);
      const b = await peerWith(net, 'b', at);
      net.connect(a, b);
      await agreement(net, at, a, b);
      const since = a.client.status(at.tokenId)?.sinceMs;
      await net.clock.advance(300_000);
      const later = at.transfers(4);
      at.block(later);
      await a.node.node.headers(at.headers());
      await net.pass(300);
      assert.equal(a.client.status(at.tokenId)?.sinceMs, since, 'the block is here, and not there');
      await net.pass(3_000);
      await a.node.node.offerAll(at.beefs(later));
      await net.pass(300);
      assert.equal(await areEqual(at, a, b), false);
      assert.equal(
        a.client.status(at.tokenId)?.sinceMs,
        since,
        'both have the block, and its transactions are here',
      );
      await agreement(net, at, a, b);
      assert.equal(a.client.status(at.tokenId)?.sinceMs, since);
    }));

  it('who gets the proofs of a new block by gossip a moment after the others is not behind; who does not get them is', () =>
    withNet(async (net) => {
      const at = new TokenChain('later proofs');
      at.blocks(3, 4);
      const a = await peerWith(net, 'a', at, at.txs);
      const b = await peerWith(net, 'b', at);
      net.connect(a, b);
      await agreement(net, at, a, b);
      const { length } = b.reports;
      const block = async (): Promise<readonly Uint8Array[]> => {
        const txs = at.transfers(4);
        at.block(txs);
        await a.node.node.headers(at.headers());
        await b.node.node.headers(at.headers());
        await a.node.node.offerAll(at.beefs(txs));
        await net.pass(1_000);
        assert.equal(await areEqual(at, a, b), false);
        assert.equal(b.state(at.tokenId), 'synced');
        return at.beefs(txs);
      };
      await b.node.node.offerAll(await block());
      await agreement(net, at, a, b);
      await net.pass(5_000);
      assert.deepEqual(b.reports.slice(length), []);
      await block();
      await net.until('what gossip does not bring is fetched', () => areEqual(at, a, b), 5_000);
      assert.ok(
        b.reports.slice(length).some((line) => line.startsWith('sync.behind')),
        b.reports.join('\n'),
      );
    }));

  it('a transaction that something waits for is fetched by txid, with what it needs', () =>
    withNet(async (net) => {
      const at = new TokenChain('wanted');
      at.blocks(3, 3);
      const later = at.transfers(24);
      const last = later.at(-1)!;
      const a = await peerWith(net, 'a', at, at.txs);
      const c = await peerWith(net, 'c', at, at.mined);
      const b = await peerWith(net, 'b', at, at.mined);
      // Its own looks would bring them as well: only what is asked for here is to come.
      for (const { txid } of later) b.refuses.add(txid);
      net.connect(a, b);
      net.connect(c, b);
      await net.until('there', () => b.client.facts().sessions.talking === 2);
      await net.pass(500);
      b.refuses.clear();
      assert.equal(b.node.node.store.tx(last.txid), undefined);
      const [first, again, unknown, stranger] = await whileTimePasses(net, [
        b.client.fetchMissing('c', at.tokenId, last.txid),
        b.client.fetchMissing('a', at.tokenId, last.txid),
        b.client.fetchMissing('a', at.tokenId, 'ab'.repeat(32)),
        b.client.fetchMissing('a', `${'cd'.repeat(32)}_0`, last.txid),
      ]);
      assert.deepEqual([first, again, unknown, stranger], ['taken', 'taken', 'missing', 'stopped']);
      assert.equal(b.node.node.store.tx(last.txid)?.status, 'active');
      assert.equal(b.client.facts().wanted, 0);
    }));

  it('nobody to compare with is alone, and looks for others', () =>
    withNet(async (net) => {
      const at = new TokenChain('alone');
      at.blocks(2, 2);
      const a = await peerWith(net, 'a', at, at.txs);
      await net.pass(50);
      assert.equal(a.state(at.tokenId), 'alone');
      assert.deepEqual(a.sought, [at.tokenId]);
      await net.clock.advance(70_000);
      await net.pass(50);
      assert.ok(a.sought.length >= 2 && a.sought.length <= 4, `${a.sought.length}`);
    }));
});
