import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TrackedLink } from '../../../src/p2p/connection-table.ts';
import { Liveness } from '../../../src/p2p/liveness.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';

/** A connection whose pings nobody answers; `comes`: bytes wait in the socket when the ping is given up. */
function silent(comes: boolean) {
  const state = { bytes: 0, aborted: false };
  const connection = {
    id: '1',
    status: 'open',
    maConn: {
      socket: {
        get bytesRead() {
          return state.bytes;
        },
      },
    },
    newStream: (_name: string, { signal }: { readonly signal: AbortSignal }) =>
      new Promise(() => {
        signal.addEventListener('abort', () => {
          if (comes) setImmediate(() => state.bytes++);
        });
      }),
    abort: () => {
      state.aborted = true;
    },
  };
  return { state, link: { connection, lastSeenMs: 0 } as unknown as TrackedLink };
}

for (const comes of [false, true]) {
  test(`12: a process that stood still reads before it judges: a peer whose bytes ${comes ? 'wait is kept' : 'never came is given up'}`, async () => {
    const clock = new FakeClock();
    const liveness = new Liveness({
      clock,
      random: () => 0.5,
      intervalMs: 1_000,
      timeoutMs: 1_000,
      randomBytes: (count) => Buffer.alloc(count),
    });
    const { state, link } = silent(comes);
    liveness.watch(link);
    await clock.advance(1_900);
    await settled();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(state.aborted, !comes);
    liveness.clear();
  });
}
