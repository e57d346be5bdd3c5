import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  LEGAL_STEPS,
  type LinkEvent,
  NO_LINKS,
  type PeerLinks,
  reduceLinks,
} from '../../../src/p2p/peer-links.ts';
import type { ConnectionState } from '../../../src/p2p/types.ts';

function run(events: readonly LinkEvent[]): { peer: PeerLinks; passed: ConnectionState[] } {
  let peer = NO_LINKS;
  const passed: ConnectionState[] = [];
  for (const event of events) {
    const step = reduceLinks(peer, event);
    peer = step.peer;
    passed.push(...step.passed);
  }
  return { peer, passed };
}

const linkEvent = fc
  .record({
    type: fc.constantFrom(
      'dial-started',
      'dial-ended',
      'opened',
      'proven',
      'closed',
      'hang-up',
      'swap-overdue',
      'forget',
    ),
    id: fc.constantFrom('a', 'b', 'c'),
    hasFailed: fc.boolean(),
  })
  .map((fields) => fields as LinkEvent);

test('10: whatever happens in whatever order, no illegal transition is taken', () => {
  fc.assert(
    fc.property(fc.array(linkEvent, { maxLength: 60 }), (events) => {
      let peer = NO_LINKS;
      for (const event of events) {
        const step = reduceLinks(peer, event);
        let at = peer.state;
        for (const next of step.passed) {
          assert.ok(LEGAL_STEPS[at].includes(next), `${at} -> ${next} by ${event.type}`);
          at = next;
        }
        assert.equal(at, step.peer.state, 'the last state passed is the state');
        peer = step.peer;
      }
    }),
    { numRuns: 2_000 },
  );
});

test('10: a proven connection that is not being closed means connected; none and no dial means idle or failed', () => {
  fc.assert(
    fc.property(fc.array(linkEvent, { maxLength: 60 }), (events) => {
      const { peer } = run(events);
      const isProven = peer.links.some((link) => link.isProven && !link.isLeaving);
      if (isProven) assert.equal(peer.state, 'connected');
      if (peer.links.length === 0 && !peer.isDialing && peer.swap === 'no') {
        assert.ok(peer.state === 'idle' || peer.state === 'failed', peer.state);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('10: the usual ways: dial and remote close, failed dial, inbound', () => {
  const dialled = run([
    { type: 'dial-started' },
    { type: 'opened', id: 'a' },
    { type: 'proven', id: 'a' },
    { type: 'dial-ended', hasFailed: false },
    { type: 'closed', id: 'a' },
    { type: 'swap-overdue' },
  ]);
  assert.deepEqual(dialled.passed, ['connecting', 'connected', 'disconnecting', 'idle']);
  const failed = run([{ type: 'dial-started' }, { type: 'dial-ended', hasFailed: true }]);
  assert.deepEqual(failed.passed, ['connecting', 'failed']);
  const hungUp = run([
    { type: 'opened', id: 'a' },
    { type: 'proven', id: 'a' },
    { type: 'hang-up' },
    { type: 'closed', id: 'a' },
  ]);
  assert.deepEqual(hungUp.passed, ['connecting', 'connected', 'disconnecting', 'idle']);
});

test('14: while connections swap the peer stays connected: no flap is counted', () => {
  const swapped = run([
    { type: 'opened', id: 'a' },
    { type: 'proven', id: 'a' },
    { type: 'closed', id: 'a' },
    { type: 'opened', id: 'b' },
    // Identify of the new one takes longer than the wait.
    { type: 'swap-overdue' },
    { type: 'proven', id: 'b' },
  ]);
  assert.deepEqual(swapped.passed, ['connecting', 'connected']);
  assert.equal(swapped.peer.swap, 'no');
});

test('a new connection while the old ones are being closed is a new one', () => {
  const { passed } = run([
    { type: 'opened', id: 'a' },
    { type: 'proven', id: 'a' },
    { type: 'hang-up' },
    { type: 'opened', id: 'b' },
    { type: 'closed', id: 'a' },
    { type: 'proven', id: 'b' },
  ]);
  const steps = ['connecting', 'connected', 'disconnecting', 'idle', 'connecting', 'connected'];
  assert.deepEqual(passed, steps);
});
