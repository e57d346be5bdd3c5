import assert from 'node:assert/strict';
import { test } from 'node:test';
import { multiaddr } from '@multiformats/multiaddr';
import type { TrackedLink } from '../../../src/p2p/connection-table.ts';
import { HOST_CLOCK } from '../../../src/p2p/host-clock.ts';
import { KeyTwins, TWINS_AFTER_MS } from '../../../src/p2p/key-twins.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/operator.ts';
import { makeHost, targetOf, testKey } from '../../support/p2p.ts';
import { type Line, recordingLog } from '../../support/peer-file.ts';

const PUBLIC = '/ip4/203.0.113.7/tcp/9000';
const PRIVATE = '/ip4/10.0.0.7/tcp/9000';

function bench() {
  const clock = new FakeClock();
  const lines: Line[] = [];
  const told: (readonly string[])[] = [];
  const link = (addresses: readonly string[], i: number) =>
    ({
      connection: { remoteAddr: multiaddr(`/ip4/198.51.100.${i}/tcp/4000`) },
      told: new Set(addresses),
    }) as unknown as TrackedLink;
  const twins = new KeyTwins({ clock, links: () => told.map(link), log: recordingLog(lines) });
  const after = async (ms: number): Promise<number> => {
    twins.look('peer');
    await clock.advance(ms);
    return lines.length;
  };
  return { clock, lines, told, twins, after };
}

test('two connections of one peer that go on telling different addresses are told once an hour, with where they come from', async () => {
  const { lines, told, after } = bench();
  told.push([PUBLIC], ['/ip4/203.0.113.8/tcp/9000']);
  assert.equal(await after(TWINS_AFTER_MS - 1), 0);
  assert.equal(await after(1), 1);
  assert.deepEqual(lines[0], {
    event: 'peer.key_twice',
    fields: { peer: 'peer', addresses: ['/ip4/198.51.100.0/tcp/4000', '/ip4/198.51.100.1/tcp/4000'] },
  });
  assert.equal(await after(TWINS_AFTER_MS), 1);
  assert.equal(await after(3_600_000), 1);
  assert.equal(await after(TWINS_AFTER_MS), 2);
});

test('two hosts with one key at a third: it notices; alone, a host whose addresses change is no twin', async (t) => {
  const lines: Line[] = [];
  const key = testKey();
  const quick = {
    ...HOST_CLOCK,
    after: (ms: number, run: () => void) => HOST_CLOCK.after(ms === TWINS_AFTER_MS ? 200 : ms, run),
  };
  const third = await makeHost(t, { clock: quick, log: recordingLog(lines) });
  const told = () => lines.filter(({ event }) => event === 'peer.key_twice');
  const soon = (): AbortSignal => AbortSignal.timeout(5_000);
  const one = await makeHost(t, { privateKey: key });
  await one.dial(targetOf(third), soon());
  const change = await one.prepareListen(['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.2/tcp/0']);
  await change.commit();
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.deepEqual(told(), []);
  const other = await makeHost(t, { privateKey: key });
  await other.dial(targetOf(third), soon());
  await until('it is noticed', () => told().length > 0);
  assert.equal(told()[0]?.fields['peer'], one.peerId);
  assert.equal(third.connected().length, 1);
});

test('one peer is not two: addresses that change, that a connection leaves out, or that were not told yet', async () => {
  const { told, twins, clock, after } = bench();
  // A change of addresses reaches one connection before the other.
  told.push([PUBLIC], [PRIVATE]);
  twins.look('peer');
  told[0] = [PRIVATE];
  assert.equal(await after(2 * TWINS_AFTER_MS), 0);
  told[0] = [PUBLIC, PRIVATE];
  assert.equal(await after(2 * TWINS_AFTER_MS), 0);
  told[1] = [];
  assert.equal(await after(2 * TWINS_AFTER_MS), 0);
  // Gone before it could be sure, and stopped: no timer is left.
  told[1] = ['/dns4/other.example.com/tcp/1'];
  twins.look('peer');
  twins.clear();
  assert.equal(clock.waiting, 0);
});
