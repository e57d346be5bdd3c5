import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FrameStream } from '../../../src/p2p/types.ts';
import { mineChain } from '../../support/chain.ts';
import { HeadersNet } from '../../support/headers-net.ts';

/** How a stream is broken at one of its messages. */
type Break = 'before' | 'after' | 'swallow' | 'close';

const CHAIN = mineChain(4_100);

/** Breaks the connection, or the stream alone, at the given message of all that are written from now on. */
function breakAt(net: HeadersNet, step: number, how: Break, cut: () => void): () => boolean {
  let written = 0;
  let isDone = false;
  const wrap = (end: FrameStream): void => {
    const { write } = end;
    end.write = async (frame, signal) => {
      const isIt = !isDone && written++ === step;
      if (!isIt) return write.call(end, frame, signal);
      isDone = true;
      if (how === 'swallow') return;
      if (how === 'close') return end.close(signal);
      if (how === 'after') await write.call(end, frame, signal);
      cut();
    };
  };
  for (const { host } of net.nodes) {
    host.onOpen = (near, far) => {
      wrap(near);
      wrap(far);
    };
  }
  return () => isDone;
}

for (const how of ['before', 'after', 'swallow', 'close'] as const) {
  test(`a break at every message (${how}): the rest comes after it`, async () => {
    let step = 0;
    for (; ; step++) {
      const net = new HeadersNet();
      const [full, fresh] = [await net.add(CHAIN), await net.add()];
      const wasBroken = breakAt(net, step, how, () => net.disconnect(fresh, full));
      net.connect(fresh, full);
      const isEqual = (): boolean => fresh.chain.tip().hash === full.chain.tip().hash;
      await net.until(
        () => isEqual() || fresh.host.links.size === 0 || net.clock.monotonicMs() > 1_015_000,
        20_000,
      );
      if (fresh.host.links.size === 0) net.connect(fresh, full);
      await net.until(isEqual, 90_000);
      const faults = [...fresh.penalties, ...full.penalties].filter((line) => !line.includes(' SILENT '));
      assert.deepEqual(faults, [], `step ${step}`);
      await net.stop();
      if (!wasBroken()) break;
    }
    // Two greetings, a status each way, three pages and their questions.
    assert.ok(step >= 10, `${step} steps`);
  });
}
