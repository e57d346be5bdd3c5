import { createHash } from 'node:crypto';
import type { NetworkApi, NetworkFacts, PeerView } from '../../src/api/modules.ts';

/** Looks like a PeerId, and is one of its own for each number. */
export function fakePeerId(n: number): string {
  return `12D3KooW${createHash('sha256').update(String(n)).digest('hex').slice(0, 44)}`;
}

/** A peer of the book that nobody has reached yet; `over` says what else is the case. */
export function fakePeer(n: number, over: Partial<PeerView> = {}): PeerView {
  return {
    peerId: fakePeerId(n),
    publicKey: createHash('sha256').update(`key ${n}`).digest('base64'),
    state: 'idle',
    connections: 0,
    addresses: [`/ip4/192.0.2.${n % 256}/tcp/9000`],
    source: 'exchange',
    proved: false,
    failures: 0,
    breaker: 'closed',
    penalty: 0,
    ...over,
  };
}

/** The network as the RPC sees it, without one. */
export class FakeNetwork implements NetworkApi {
  list: PeerView[];
  listening: readonly string[] = ['/ip4/127.0.0.1/tcp/9000', '/ip6/::1/tcp/9000'];

  constructor(nowMs: number) {
    this.list = [
      fakePeer(1, {
        state: 'connected',
        direction: 'outbound',
        connections: 1,
        remoteAddress: '/ip4/192.0.2.1/tcp/9000',
        agent: 'btc-federation/0.1.0',
        protocols: ['/btc-federation/v1', '/ipfs/ping/1.0.0'],
        latencyMs: 18.4,
        sinceMs: nowMs - 3_600_000,
        lastSeenMs: nowMs - 2_000,
        source: 'operator',
        proved: true,
      }),
      fakePeer(2, {
        state: 'connected',
        direction: 'inbound',
        connections: 2,
        remoteAddress: '/ip4/198.51.100.9/tcp/50123',
        // What a peer says is not to reach a terminal as it is.
        agent: 'evil\u001b[2J\nagent',
        source: 'inbound',
        proved: true,
      }),
      fakePeer(3, {
        state: 'failed',
        source: 'operator',
        failures: 6,
        lastErrorCode: 'CONNECTION_REFUSED',
        nextDialMs: nowMs + 120_000,
        breaker: 'open',
      }),
      fakePeer(4),
      fakePeer(5, { bannedUntilMs: nowMs + 600_000, banCode: 'FRAME_TOO_LARGE', penalty: 100 }),
    ];
  }

  peers(): readonly PeerView[] {
    return this.list;
  }

  facts(): NetworkFacts {
    const count = (of: (peer: PeerView) => boolean) => this.list.filter(of).length;
    return {
      peerId: fakePeerId(0),
      publicKey: createHash('sha256').update('key 0').digest('base64'),
      listening: this.listening,
      announced: this.listening.slice(0, 1),
      inbound: count((p) => p.direction === 'inbound'),
      outbound: count((p) => p.direction === 'outbound'),
      dialling: count((p) => p.state === 'connecting'),
      maxPeers: 300,
      known: this.list.length,
      proved: count((p) => p.proved),
      operator: count((p) => p.source === 'operator'),
      banned: count((p) => p.bannedUntilMs !== undefined),
    };
  }
}
