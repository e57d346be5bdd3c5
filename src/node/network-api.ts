import type { NetworkApi, NetworkFacts, PeerBar, PeerSource, PeerView } from '../api/modules.ts';
import type { AddressBook, KnownPeer } from '../p2p/address-book.ts';
import type { PeerKeeper } from '../p2p/keeper.ts';
import type { PeerScores } from '../p2p/peer-scores.ts';
import type { Clock, ConnectedPeer, Host, PeerIdText } from '../p2p/types.ts';

export interface NetworkApiParts {
  readonly host: Pick<
    Host,
    'peerId' | 'publicKey' | 'listenAddresses' | 'announcedAddresses' | 'connected' | 'peer' | 'states'
  >;
  readonly book: AddressBook;
  readonly scores: PeerScores;
  readonly keeper: PeerKeeper;
  readonly clock: Clock;
  readonly maxPeers: () => number;
  /** Whom the operator's lists keep out. */
  readonly bar: (peerId: PeerIdText) => PeerBar | undefined;
}

/** What the RPC shows of the network, gathered when it is asked. */
export function networkApi(parts: NetworkApiParts): NetworkApi {
  return { facts: () => facts(parts), peers: () => peers(parts) };
}

function facts({ host, book, scores, keeper, maxPeers }: NetworkApiParts): NetworkFacts {
  const connected = host.connected();
  const inbound = connected.filter(({ direction }) => direction === 'inbound').length;
  const { operator, proved } = book.counts();
  return {
    peerId: host.peerId,
    publicKey: base64(host.publicKey),
    listening: host.listenAddresses(),
    announced: host.announcedAddresses(),
    inbound,
    outbound: connected.length - inbound,
    dialling: keeper.facts().dialling,
    maxPeers: maxPeers(),
    known: book.size,
    proved,
    operator,
    banned: scores.bans().length,
  };
}

function peers(parts: NetworkApiParts): PeerView[] {
  const { host, book, scores } = parts;
  const known = new Map(book.peers().map((peer) => [peer.peerId, peer]));
  const bans = new Map(scores.bans().map((ban) => [ban.peerId, ban]));
  const states = host.states();
  const ids = new Set<PeerIdText>([...known.keys(), ...bans.keys(), ...states.keys()]);
  for (const { peerId } of host.connected()) ids.add(peerId);
  return [...ids].map((peerId) => {
    const ban = bans.get(peerId);
    return {
      peerId,
      state: states.get(peerId) ?? 'idle',
      ...bookFacts(known.get(peerId), host.peer(peerId)),
      ...connectionFacts(host.peer(peerId)),
      ...dialFacts(parts, peerId),
      penalty: scores.penalty(peerId),
      bar: parts.bar(peerId),
      ...(ban === undefined ? {} : { bannedUntilMs: ban.untilMs, banCode: ban.code }),
    };
  });
}

function bookFacts(known: KnownPeer | undefined, peer: ConnectedPeer | undefined) {
  const publicKey = known?.publicKey ?? peer?.publicKey;
  return {
    publicKey: publicKey === undefined ? undefined : base64(publicKey),
    addresses: known?.addresses ?? [],
    source: known === undefined ? inboundOnly(peer) : sourceOf(known),
    proved: known?.state === 'proved',
    lastSeenMs: peer?.lastSeenMs ?? known?.lastSeenMs,
  };
}

function connectionFacts(peer: ConnectedPeer | undefined) {
  if (peer === undefined) return { connections: 0 };
  return {
    connections: peer.connections,
    direction: peer.direction,
    remoteAddress: peer.remoteAddress,
    latencyMs: peer.latencyMs,
    sinceMs: peer.sinceMs,
    agent: peer.identified?.agent,
    protocols: peer.identified?.protocols,
  };
}

function dialFacts({ keeper, clock }: NetworkApiParts, peerId: PeerIdText) {
  const view = keeper.view(peerId);
  if (view === undefined) return { failures: 0, breaker: 'closed' as const };
  const { nextDialInMs } = view;
  return {
    failures: view.failures,
    lastErrorCode: view.lastErrorCode,
    breaker: view.breaker,
    nextDialMs: nextDialInMs === undefined ? undefined : clock.nowMs() + nextDialInMs,
  };
}

function sourceOf({ isOperator, source }: KnownPeer): PeerSource {
  if (isOperator) return 'operator';
  return source === 'dht' ? 'dht' : 'exchange';
}

function inboundOnly(peer: ConnectedPeer | undefined): PeerSource | undefined {
  return peer?.direction === 'inbound' ? 'inbound' : undefined;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
