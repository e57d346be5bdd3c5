import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../../../protocols/peer-exchange/address.ts';
import { decodeMessage, encodeMessage } from '../../../protocols/peer-exchange/codec.ts';
import { PROTOCOL_IDS } from '../../../protocols/peer-exchange/constants.ts';
import { ExchangeError } from '../../../protocols/peer-exchange/errors.ts';
import type { CheckedRecord } from '../../../protocols/peer-exchange/record.ts';
import type { Log } from '../../../src/observe/log.ts';
import { AddressBook } from '../../../src/p2p/address-book.ts';
import { P2pError, type P2pErrorCode } from '../../../src/p2p/errors.ts';
import { PeerExchange } from '../../../src/p2p/exchange.ts';
import { exchangeStream, HostTransport } from '../../../src/p2p/exchange-transport.ts';
import type {
  ConnectedPeer,
  FrameStream,
  Host,
  HostEvents,
  IdentifiedFacts,
} from '../../../src/p2p/types.ts';
import { SimClock } from '../../support/exchange-clock.ts';
import { TestJudge, type TestKey, testKey } from '../../support/exchange-net.ts';
import { seededRandom } from '../../support/fake-clock.ts';
import { MemoryStream } from '../../support/memory-stream.ts';

const OPEN = new AbortController().signal;

/** A stream in memory as the host gives it. */
function frameStream(stream: MemoryStream): FrameStream {
  return {
    peerId: stream.peerId,
    protocol: PROTOCOL_IDS[0],
    async read(signal) {
      const frame = await stream.read(signal).catch(() => {
        throw new P2pError('STREAM_RESET', 'reset');
      });
      if (frame === undefined) throw new P2pError('STREAM_ENDED', 'ended');
      return frame;
    },
    write: (frame, signal) => stream.write(frame, signal),
    close: () => stream.close(),
    abort: () => stream.abort('STREAM_RESET'),
  };
}

/** What the exchange uses of a host, without a network. */
class FakeHost {
  readonly peerId: string;
  readonly publicKey: Uint8Array;
  readonly peers = new Map<string, ConnectedPeer>();
  readonly opened: MemoryStream[] = [];
  readonly hungUp: string[] = [];
  readonly listeners = { connected: new Set(), identified: new Set(), disconnected: new Set() };
  handler: ((stream: FrameStream) => Promise<void>) | undefined;
  handled: readonly string[] = [];
  announced: readonly string[] = ['/ip4/8.8.8.8/tcp/9000'];
  record: Uint8Array = new Uint8Array();

  constructor(key: TestKey) {
    this.peerId = key.peerId;
    this.publicKey = key.publicKey;
  }

  connected = () => [...this.peers.values()];
  peer = (peerId: string) => this.peers.get(peerId);
  announcedAddresses = () => this.announced;
  signedRecord = async () => this.record;

  async handle(protocols: readonly string[], handler: (stream: FrameStream) => Promise<void>) {
    this.handled = protocols;
    this.handler = handler;
    return async () => {
      this.handler = undefined;
    };
  }

  async openStream(peerId: string, protocols: readonly string[]): Promise<FrameStream> {
    assert.deepEqual(protocols, PROTOCOL_IDS);
    if (!this.peers.has(peerId)) throw new P2pError('NOT_CONNECTED', 'not connected');
    const [near, far] = MemoryStream.pair(this.peerId, peerId);
    this.opened.push(far);
    return frameStream(near);
  }

  async hangUp(peerId: string, reason: string): Promise<void> {
    this.hungUp.push(`${peerId} ${reason}`);
    throw new P2pError('NOT_CONNECTED', 'gone already');
  }

  on<E extends keyof HostEvents>(event: E, listener: HostEvents[E]): () => void {
    const set: Set<unknown> = this.listeners[event];
    set.add(listener);
    return () => set.delete(listener);
  }

  emit<E extends keyof HostEvents>(event: E, ...args: Parameters<HostEvents[E]>): void {
    for (const listener of this.listeners[event] as Set<(...args: unknown[]) => void>) listener(...args);
  }
}

function peerOf(
  key: TestKey,
  identified: Partial<IdentifiedFacts> | undefined,
  more: object = {},
): ConnectedPeer {
  return {
    peerId: key.peerId,
    publicKey: key.publicKey,
    direction: 'outbound',
    connections: 1,
    remoteAddress: '/ip4/8.8.8.8/tcp/1',
    isPrivate: false,
    sinceMs: 0,
    lastSeenMs: 0,
    latencyMs: undefined,
    identified:
      identified === undefined
        ? undefined
        : { agent: 'x', protocols: [], addresses: [], signedRecord: undefined, ...identified },
    ...more,
  };
}

async function made(privateAddresses: 'auto' | 'no' = 'auto') {
  const key = await testKey(1);
  const host = new FakeHost(key);
  host.record = await key.sign(host.announced, 1n);
  const clock = new SimClock();
  const judge = new TestJudge();
  const book = new AddressBook({ clock, self: key.peerId });
  const events: string[] = [];
  const log: Log = {
    event: (name, fields) => events.push(`${name} ${fields?.['code'] ?? fields?.['peer'] ?? ''}`),
    debug: () => {},
    with: () => log,
  };
  const exchange = new PeerExchange(
    { intervalMs: 30_000, privateAddresses },
    {
      host: host as unknown as Host,
      book,
      judge,
      clock,
      random: seededRandom(1),
      log,
      tokens: () => [new Uint8Array(36)],
    },
  );
  return { host, clock, judge, book, events, exchange };
}

const SPEAKS = { protocols: ['/ipfs/id/1.0.0', PROTOCOL_IDS[2]] };

test('all three names are handled, and given back at the stop with every listener and timer', async () => {
  const { host, clock, exchange } = await made();
  await exchange.start();
  assert.deepEqual(host.handled, PROTOCOL_IDS);
  assert.equal(clock.pending, 1);
  await exchange.stop();
  assert.equal(host.handler, undefined);
  assert.deepEqual(
    Object.values(host.listeners).map(({ size }) => size),
    [0, 0, 0],
  );
  assert.equal(clock.pending, 0);
});

test('a legacy peer stays connected, is known by what it says of itself, and is never asked nor penalised', async () => {
  const { host, clock, judge, book, exchange } = await made();
  await exchange.start();
  const key = await testKey(2);
  const addresses = ['/ip4/9.9.9.9/tcp/9000', '/ip4/9.9.9.9/udp/9000/quic-v1'];
  const legacy = peerOf(key, { agent: 'go-libp2p', protocols: ['/ipfs/ping/1.0.0'], addresses });
  host.peers.set(key.peerId, legacy);
  host.emit('connected', legacy);
  assert.ok(book.isKnown(key.peerId));
  host.emit('identified', legacy);
  await clock.advance(300_000);
  assert.equal(host.opened.length, 0);
  assert.deepEqual(judge.codes, []);
  assert.deepEqual(host.hungUp, []);
  assert.deepEqual(book.candidate(key.peerId)?.addresses, ['/ip4/9.9.9.9/tcp/9000']);
  host.peers.delete(key.peerId);
  host.emit('disconnected', key.peerId, 'gone');
  await exchange.stop();
});

test('a peer that speaks it is greeted with our record and tokens, also if it was there before the start', async () => {
  const { host, clock, book, events, exchange } = await made();
  const key = await testKey(2);
  const signedRecord = await key.sign(['/ip4/9.9.9.9/tcp/9000'], 1n);
  const peer = peerOf(key, { ...SPEAKS, signedRecord });
  host.peers.set(key.peerId, peer);
  await exchange.start();
  await clock.advance(10);
  const frame = await host.opened[0]!.read(OPEN);
  const { body } = decodeMessage(frame!);
  assert.equal(body.kind, 'announcement');
  assert.ok(body.kind === 'announcement' && body.tokens?.length === 1);
  assert.deepEqual(
    body.kind === 'announcement' && Buffer.from(body.records[0]!.envelope!),
    Buffer.from(host.record),
  );
  assert.equal(book.shareableCount, 1);
  assert.deepEqual(events, [`peer.learned ${key.peerId}`]);
  // Identify again: nothing new.
  host.emit('identified', peer);
  await clock.advance(10);
  assert.equal(host.opened.length, 1);
  assert.equal(exchange.stats().links, 1);
  await exchange.stop();
});

test('a peer of another key type is served and never kept', async () => {
  const { host, clock, book, exchange } = await made();
  await exchange.start();
  const key = await testKey(2);
  const peer = peerOf(key, { ...SPEAKS, addresses: ['/ip4/9.9.9.9/tcp/1'] }, { publicKey: undefined });
  host.peers.set(key.peerId, peer);
  host.emit('identified', peer);
  await clock.advance(10);
  assert.equal(host.opened.length, 1);
  assert.equal(book.size, 0);
  const unidentified = peerOf(key, undefined);
  host.emit('identified', unidentified);
  await exchange.stop();
});

test('streams are served, what is told is passed to the listeners, a fault hangs up', async () => {
  const { host, clock, events, exchange } = await made();
  const followed: number[] = [];
  const exchanged: number[] = [];
  const endFollowed = exchange.onFollowed((_, tokens) => followed.push(tokens.length));
  const endExchanged = exchange.onExchanged((_, added) => exchanged.push(added));
  await exchange.start();
  const key = await testKey(2);
  const peer = peerOf(key, SPEAKS);
  host.peers.set(key.peerId, peer);
  host.emit('identified', peer);
  await clock.advance(10);
  const serve = async (bytes: Uint8Array) => {
    const [near, far] = MemoryStream.pair(key.peerId, host.peerId);
    await near.write(bytes, OPEN);
    await near.close();
    await host.handler!(frameStream(far));
    return far;
  };
  await serve(encodeMessage({ body: { kind: 'announcement', records: [], tokens: [new Uint8Array(36)] } }));
  assert.deepEqual(followed, [1]);
  await clock.advance(10);
  // We dialled, and its digest is another: we ask. The request is on its way.
  const request = decodeMessage((await host.opened[1]!.read(OPEN))!);
  assert.equal(request.body.kind, 'request');
  const record = await (await testKey(3)).sign(['/ip4/7.7.7.7/tcp/1'], 1n);
  const near = await (await testKey(4)).sign(['/ip4/10.0.0.1/tcp/1'], 1n);
  const records = [record, near].map((envelope) => ({ envelope }));
  await host.opened[1]!.write(encodeMessage({ body: { kind: 'response', isComplete: true, records } }), OPEN);
  await clock.advance(10);
  assert.deepEqual(exchanged, [1]);
  assert.equal((await serve(Uint8Array.of(1))).isReset, true);
  await serve(Uint8Array.of(1));
  assert.deepEqual(host.hungUp, [`${key.peerId} FRAME_MALFORMED`]);
  const { counters, records: taken, faults } = exchange.counts();
  assert.equal(counters.responses_received, 1);
  assert.deepEqual(taken, { new: 1, RECORD_NO_ADDRESS: 1 });
  assert.deepEqual(faults, { FRAME_MALFORMED: 2 });
  assert.ok(!events.some((event) => event.startsWith('peer.refused')), 'an address nearby is no fault');
  const forged = record.with(-1, record.at(-1)! ^ 1);
  await serve(encodeMessage({ body: { kind: 'announcement', records: [{ envelope: forged }] } }));
  assert.ok(events.includes('peer.refused RECORD_FORGED'));
  endFollowed();
  endExchanged();
  await exchange.stop();
});

test('options change live and can be taken back; peers are told of our own changes', async () => {
  const { host, clock, book, exchange } = await made();
  await exchange.start();
  const key = await testKey(2);
  const peer = peerOf(key, SPEAKS, { isPrivate: true });
  host.peers.set(key.peerId, peer);
  host.emit('identified', peer);
  await clock.advance(10);
  book.take(await nearby(), { source: key.peerId, isPublic: false });
  const change = exchange.prepare({ intervalMs: 1_000, privateAddresses: 'no' });
  assert.equal(book.size, 1);
  await change.apply();
  assert.equal(book.size, 0);
  await clock.advance(6_000);
  const requests = host.opened.length;
  assert.ok(requests >= 2, `${requests}`);
  await change.rollback();
  host.record = await (await testKey(1)).sign(['/ip4/8.8.4.4/tcp/1'], 2n);
  await exchange.selfChanged();
  await clock.advance(10);
  const last = decodeMessage((await host.opened.at(-1)!.read(OPEN))!);
  assert.equal(last.body.kind, 'update');
  exchange.exchangeNow();
  await exchange.stop();
});

test('under `no` a start leaves out what an earlier run learned nearby, as a reload does', async () => {
  const [near, far, own] = [2, 3, 4].map((byte) => Buffer.alloc(32, byte).toString('base64'));
  const { book } = await made('no');
  book.setOperator([{ publicKey: own!, addresses: ['/ip4/10.0.0.4/tcp/9'] }]);
  const learned = [
    { publicKey: near!, addresses: ['/ip4/10.0.0.2/tcp/9'] },
    { publicKey: far!, addresses: ['/ip4/10.0.0.3/tcp/9', '/ip4/9.9.9.9/tcp/9'] },
  ];
  assert.equal(book.load(learned), 1);
  const known = book.peers().flatMap(({ addresses }) => addresses);
  assert.deepEqual(known.sort(), ['/ip4/10.0.0.4/tcp/9', '/ip4/9.9.9.9/tcp/9']);
});

test('own addresses that others would refuse are not told, and the operator hears of it', async () => {
  const { host, events, exchange } = await made();
  host.announced = Array.from({ length: 9 }, (_, i) => `/ip4/8.8.8.${i}/tcp/1`);
  await exchange.start();
  await exchange.stop();
  assert.deepEqual(events, ['peers.own_record TOO_MANY_ADDRESSES']);
  const large = await made();
  large.host.record = new Uint8Array(2_049);
  await large.exchange.start();
  await large.exchange.stop();
  assert.deepEqual(large.events, ['peers.own_record RECORD_TOO_LARGE']);
  const none = await made();
  none.host.announced = [];
  await none.exchange.start();
  await none.exchange.stop();
  assert.deepEqual(none.events, []);
});

test('the words of the host become those of the protocol', async () => {
  const codes: [P2pErrorCode, string][] = [
    ['FRAME_TOO_LARGE', 'FRAME_TOO_LARGE'],
    ['BAD_FRAME', 'FRAME_MALFORMED'],
    ['TIMEOUT', 'TIMEOUT'],
    ['STREAM_RESET', 'STREAM_RESET'],
    ['NO_COMMON_PROTOCOL', 'STREAM_RESET'],
    ['NOT_CONNECTED', 'NOT_CONNECTED'],
  ];
  for (const [code, expected] of codes) {
    const fail = () => Promise.reject(new P2pError(code, 'x'));
    const stream = exchangeStream({
      peerId: 'p',
      protocol: 'x',
      read: fail,
      write: fail,
      close: fail,
      abort() {},
    });
    const matches = (error: unknown) => error instanceof ExchangeError && error.code === expected;
    await assert.rejects(stream.read(OPEN), matches);
    await assert.rejects(stream.write(Uint8Array.of(1), OPEN), matches);
    await assert.rejects(stream.close(OPEN), matches);
    const host = { peer: () => undefined, openStream: fail, hangUp: fail };
    await assert.rejects(new HostTransport(host).open('p', OPEN), matches);
    assert.equal(new HostTransport(host).peer('p'), undefined);
  }
});

/** A peer that told of itself, at an address nearby. */
async function nearby(): Promise<CheckedRecord> {
  const address = parseAddress('/ip4/10.0.0.1/tcp/1');
  assert.ok(typeof address !== 'string');
  const { peerId, publicKey } = await testKey(5);
  return { peerId, publicKey, addresses: [address], seenS: 0 };
}
