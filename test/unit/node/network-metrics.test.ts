import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MeasuredNetwork, measureNetwork } from '../../../src/node/network-metrics.ts';
import { PromMetrics } from '../../../src/observe/prom-metrics.ts';
import type { ConnectedPeer, ConnectionState } from '../../../src/p2p/types.ts';
import { FakeNetwork } from '../../support/fake-network.ts';
import { seriesOf } from '../../support/metrics-text.ts';

function prom(): PromMetrics {
  const build = { version: '1', commit: 'c', node: 'v24', libp2p: '3' };
  return new PromMetrics(
    { build },
    {
      onCollectFailure: (error) => {
        throw error;
      },
    },
  );
}

function fakeParts(states: Map<string, ConnectionState>, inbound: ReadonlySet<string>): MeasuredNetwork {
  const peer = (peerId: string): ConnectedPeer | undefined =>
    states.get(peerId) !== 'connected'
      ? undefined
      : {
          peerId,
          publicKey: undefined,
          direction: inbound.has(peerId) ? 'inbound' : 'outbound',
          connections: 1,
          remoteAddress: '/ip4/192.0.2.1/tcp/1',
          isPrivate: false,
          sinceMs: 0,
          lastSeenMs: 0,
          latencyMs: undefined,
          identified: undefined,
        };
  return {
    host: { states: () => states, peer, listenAddresses: () => ['/ip4/127.0.0.1/tcp/9000'] },
    book: { counts: () => ({ operator: 1, proved: 3, heard: 5, shareable: 2 }) },
    keeper: {
      facts: () => ({
        dialling: 1,
        operatorPeers: 1,
        operatorConnected: 1,
        circuitsOpen: 2,
        dials: 9,
        dialsSucceeded: 4,
        dialsFailed: { REFUSED: 2, TIMEOUT: 1, INTERNAL: 1, KEY_INVALID: 1 },
      }),
    },
    scores: {
      counts: () =>
        new Map([
          ['FRAME_TOO_LARGE', 2],
          ['OTHER', 1],
          ['12D3KooWWhoever', 4],
        ]),
    },
    exchange: {
      counts: () => ({
        counters: { frames_in: 7, frames_out: 6, bytes_in: 700, bytes_out: 600, requests_answered: 3 },
        records: { new: 2, book_full: 1, RECORD_FORGED: 1, ADDRESS_TOO_LONG: 2 },
        faults: {},
      }),
    },
    connections: { counts: () => ({ connected: 11, disconnected: 8, flapping: 1 }) },
    api: new FakeNetwork(0),
  };
}

test('peers are counted by state and direction, and those who went are counted no more', async () => {
  const metrics = prom();
  const states = new Map<string, ConnectionState>([
    ['a', 'connected'],
    ['b', 'connected'],
    ['c', 'connected'],
    ['d', 'failed'],
    ['e', 'connecting'],
  ]);
  measureNetwork(fakeParts(states, new Set(['a', 'b'])), metrics);
  let series = seriesOf(await metrics.text());
  const peers = (state: string, direction: string) =>
    series.get(`btcfed_peers{state="${state}",direction="${direction}"}`);
  assert.deepEqual([peers('connected', 'inbound'), peers('connected', 'outbound')], [2, 1]);
  assert.deepEqual([peers('failed', 'outbound'), peers('connecting', 'outbound')], [1, 1]);
  states.clear();
  series = seriesOf(await metrics.text());
  assert.deepEqual([peers('connected', 'inbound'), peers('failed', 'outbound')], [0, 0]);
});

test('counts of the parts become totals under their labels; names without one are told together', async () => {
  const metrics = prom();
  const stop = measureNetwork(fakeParts(new Map(), new Set()), metrics);
  const series = seriesOf(await metrics.text());
  const expected = {
    'dials_total{result="ok"}': 4,
    'dials_total{result="REFUSED"}': 2,
    'dials_total{result="other"}': 2,
    'peer_records_total{result="new"}': 2,
    'peer_records_total{result="book_full"}': 1,
    'peer_records_total{result="refused"}': 3,
    'peer_penalties_total{code="FRAME_TOO_LARGE"}': 2,
    'peer_penalties_total{code="other"}': 5,
    'frames_total{protocol="peer_exchange",direction="inbound"}': 7,
    'frame_bytes_total{protocol="peer_exchange",direction="outbound"}': 600,
    'exchange_requests_total{direction="inbound",result="ok"}': 3,
    'known_peers{state="proved"}': 3,
    breaker_open_peers: 2,
    banned_peers: 1,
    listen_addresses: 1,
    peer_connects_total: 11,
  };
  const found = Object.keys(expected).map((name) => [name, series.get(`btcfed_${name}`)]);
  assert.deepEqual(Object.fromEntries(found), expected);
  stop();
  assert.equal(seriesOf(await metrics.text()).get('btcfed_peer_connects_total'), 11);
});
