import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { HeaderChain } from '../../../src/chain/header-chain.ts';
import type { Libp2pHost } from '../../../src/p2p/host.ts';
import { HOST_CLOCK } from '../../../src/p2p/host-clock.ts';
import { HeadersSync } from '../../../src/sync/headers-sync.ts';
import { mineChain, nth, openRegtest } from '../../support/chain.ts';
import { connectHosts, makeHost } from '../../support/p2p.ts';

interface Daemon {
  readonly host: Libp2pHost;
  readonly chain: HeaderChain;
  readonly sync: HeadersSync;
  readonly penalties: string[];
}

async function daemon(t: TestContext, headers?: Uint8Array): Promise<Daemon> {
  const { chain } = await openRegtest();
  if (headers !== undefined) await chain.add(headers);
  const host = await makeHost(t);
  const penalties: string[] = [];
  const sync = new HeadersSync({
    ...{ network: 'regtest', chain, host, clock: HOST_CLOCK, random: Math.random },
    judge: {
      penalise: (_peerId, code) => {
        penalties.push(code);
        return 'none';
      },
    },
    log: { event: () => undefined, debug: () => undefined },
    onError: (error) => assert.fail(String(error)),
  });
  await sync.start();
  sync.source.start();
  t.after(() => sync.stop());
  return { host, chain, sync, penalties };
}

/** When the chain has come to that tip. */
function reached(chain: HeaderChain, hash: string): Promise<void> {
  if (chain.tip().hash === hash) return Promise.resolve();
  return new Promise((resolve) => {
    const off = chain.onChange(({ tip }) => {
      if (tip.hash !== hash) return;
      off();
      resolve();
    });
  });
}

test('over real connections: a whole chain, a block and a reorganisation through a third', async (t) => {
  const trunk = mineChain(8_000);
  const [a, b, c] = [await daemon(t, trunk), await daemon(t), await daemon(t)];
  await connectHosts(b.host, a.host);
  await connectHosts(c.host, b.host);
  await reached(c.chain, a.chain.tip().hash);
  await a.chain.add(mineChain(1, { on: nth(trunk, -1) }));
  await reached(c.chain, a.chain.tip().hash);
  const undone: unknown[] = [];
  c.chain.onChange((update) => undone.push(update.undone));
  await a.chain.add(mineChain(12, { on: nth(trunk, -10) }));
  await reached(c.chain, a.chain.tip().hash);
  assert.deepEqual(undone, [{ from: 7_992, to: 8_001 }]);
  assert.deepEqual([...a.penalties, ...b.penalties, ...c.penalties], []);
});

test('over real connections: a poke brings a block that was not announced', async (t) => {
  const trunk = mineChain(50);
  const [a, b] = [await daemon(t, trunk), await daemon(t, trunk.subarray(0, 80 * 40))];
  await b.sync.source.stop();
  await connectHosts(a.host, b.host);
  await new Promise<void>((resolve) => {
    const look = (): void => (b.sync.facts().peers > 0 ? resolve() : void setImmediate(look));
    look();
  });
  assert.equal(b.chain.tip().height, 40);
  b.sync.source.start();
  await b.sync.poke(a.host.peerId);
  assert.equal(b.chain.tip().height, 50);
});

test('over real connections: the other side goes away in the middle', async (t) => {
  const trunk = mineChain(8_000);
  const [a, b] = [await daemon(t, trunk), await daemon(t)];
  const cut = new Promise<void>((resolve) => {
    const off = b.chain.onChange(() => {
      off();
      resolve(b.host.hangUp(a.host.peerId, 'test'));
    });
  });
  await connectHosts(b.host, a.host);
  await cut;
  // Resolves when the broken taking is over.
  await b.sync.poke();
  assert.ok(b.chain.tip().height < 8_000);
  const done = reached(b.chain, a.chain.tip().hash);
  await connectHosts(b.host, a.host);
  await done;
  assert.deepEqual([...a.penalties, ...b.penalties], []);
});
