import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { GossipSubComponents } from '@libp2p/gossipsub';
import type { Connection, Topology } from '@libp2p/interface';
import { SILENT_LOG } from '../../../src/observe/log.ts';
import { GOSSIP_LIMITS } from '../../../src/p2p/gossip-limits.ts';
import { GossipStreams } from '../../../src/p2p/gossip-streams.ts';
import {
  type GossipTransport,
  type GossipVerdict,
  gossipTransport,
} from '../../../src/p2p/gossip-transport.ts';
import type { Libp2pHost } from '../../../src/p2p/host.ts';
import type { DialTarget } from '../../../src/p2p/types.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { connectHosts, makeHost } from '../../support/p2p.ts';

const CHILD = join(
  import.meta.dirname,
  '..',
  '..',
  'support',
  `gossip-child${import.meta.filename.slice(-3)}`,
);
const TOPIC = `tm_${'ab'.repeat(32)}_0`;
const OTHER = `tm_${'cd'.repeat(32)}_0`;

type Services = { gossip: GossipTransport };

interface Peer {
  readonly host: Libp2pHost<Services>;
  readonly net: GossipTransport;
  readonly clock: FakeClock;
  /** What came, as text, with who sent it. */
  readonly got: { readonly from: string; readonly text: string }[];
  verdict: GossipVerdict;
  readonly connections: () => readonly Connection[];
  /** Resolves at the next message that is looked at. */
  next(): Promise<void>;
}

async function peer(
  t: TestContext,
  topics: readonly string[] = [TOPIC],
  penalties = new Map<string, number>(),
): Promise<Peer> {
  const clock = new FakeClock();
  let manager: GossipSubComponents['connectionManager'] | undefined;
  const make = gossipTransport({ clock, log: SILENT_LOG, penaltyOf: (peerId) => penalties.get(peerId) ?? 0 });
  const host = await makeHost<Services>(t, {
    services: {
      gossip: (components: GossipSubComponents) => {
        manager = components.connectionManager;
        return make(components);
      },
    },
  });
  const net = host.services.gossip;
  const waiting: (() => void)[] = [];
  const made: Peer = {
    ...{ host, net, clock, got: [], verdict: 'accept' },
    connections: () => manager?.getConnections() ?? [],
    next: () => new Promise((resolve) => waiting.push(resolve)),
  };
  for (const topic of topics) {
    net.join(topic, (from, data) => {
      made.got.push({ from, text: Buffer.from(data).toString() });
      for (const resolve of waiting.splice(0)) resolve();
      return Promise.resolve(made.verdict);
    });
  }
  return made;
}

function untilSubscribers(net: GossipTransport, topic: string, count: number): Promise<void> {
  if (net.subscribers(topic) === count) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = net.onSubscribers(() => {
      if (net.subscribers(topic) !== count) return;
      stop();
      resolve();
    });
  });
}

async function connected(a: Peer, b: Peer): Promise<void> {
  const [before, there] = [a.net.subscribers(TOPIC), b.net.subscribers(TOPIC)];
  await connectHosts(a.host, b.host);
  await Promise.all([untilSubscribers(a.net, TOPIC, before + 1), untilSubscribers(b.net, TOPIC, there + 1)]);
}

const texts = ({ got }: Peer): string[] => got.map(({ text }) => text);

describe('gossip between hosts', () => {
  it('passes on what is accepted, and nothing else', async (t) => {
    const [a, b, c] = [await peer(t), await peer(t), await peer(t)];
    await connected(a, b);
    await connected(b, c);
    for (const verdict of ['ignore', 'reject', 'accept'] as const) {
      b.verdict = verdict;
      const [atB, atC] = [b.next(), c.next()];
      assert.equal(await a.net.publish(TOPIC, Buffer.from(verdict)), 1);
      await atB;
      if (verdict === 'accept') await atC;
    }
    assert.deepEqual([texts(b), texts(c)], [['ignore', 'reject', 'accept'], ['accept']]);
    assert.equal(c.got[0]?.from, b.host.peerId, 'the sender is who passed it on');
  });

  it('the same content is looked at once, whoever sends it', async (t) => {
    const [a, b, c] = [await peer(t), await peer(t), await peer(t)];
    b.verdict = 'ignore';
    await connected(a, b);
    await connected(c, b);
    const first = b.next();
    await a.net.publish(TOPIC, Buffer.from('same'));
    await first;
    const second = b.next();
    await c.net.publish(TOPIC, Buffer.from('same'));
    await c.net.publish(TOPIC, Buffer.from('other'));
    await second;
    assert.deepEqual(texts(b), ['same', 'other']);
    assert.equal(await b.net.publish(TOPIC, Buffer.from('same')), 0, 'what was ignored has an id already');
  });

  it('topics that are not joined are silent; who listens to them is known when they are joined', async (t) => {
    const [a, b] = [await peer(t, [TOPIC, OTHER]), await peer(t)];
    await connected(a, b);
    await untilSubscribers(b.net, OTHER, 1);
    await a.net.publish(OTHER, Buffer.from('lost'));
    const seen: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    b.net.join(OTHER, (_, data) => {
      seen.push(Buffer.from(data).toString());
      resolve();
      return Promise.resolve('accept');
    });
    await untilSubscribers(a.net, OTHER, 1);
    assert.equal(b.net.subscribers(OTHER), 1);
    await a.net.publish(OTHER, Buffer.from('heard'));
    await promise;
    assert.deepEqual(seen, ['heard']);
    b.net.leave(OTHER);
    await untilSubscribers(a.net, OTHER, 0);
    assert.equal(await a.net.publish(OTHER, Buffer.from('gone')), 0);
  });

  it('a peer with penalties is sent nothing', async (t) => {
    const penalties = new Map<string, number>();
    const [a, b] = [await peer(t, [TOPIC], penalties), await peer(t)];
    penalties.set(b.host.peerId, 60);
    await connected(a, b);
    assert.equal(await a.net.publish(TOPIC, Buffer.from('kept')), 0);
  });

  it('a stream that was reset is opened again, over the same connection', async (t) => {
    const [a, b] = [await peer(t), await peer(t)];
    await connected(a, b);
    const since = a.host.peer(b.host.peerId)?.sinceMs;
    const lost = a
      .connections()
      .flatMap(({ streams }) =>
        streams.filter(
          ({ direction, protocol }) => direction === 'outbound' && protocol.startsWith('/meshsub'),
        ),
      );
    assert.equal(lost.length, 1);
    for (const stream of lost) stream.abort(new Error('as if too much waited'));
    assert.equal(a.net.streamFacts().deaf, 1);
    await a.clock.advance(2 * GOSSIP_LIMITS.watchMs + GOSSIP_LIMITS.repairMs);
    assert.equal(a.net.streamFacts().repaired, 1);
    await untilHeard(a, 'again', b.next());
    assert.equal(a.net.streamFacts().deaf, 0);
    assert.equal(a.host.peer(b.host.peerId)?.sinceMs, since);
  });

  it('a frozen peer costs a bounded buffer, and hears again when it goes on', async (t) => {
    const a = await peer(t);
    const child = fork(CHILD, [TOPIC]);
    t.after(() => child.kill('SIGKILL'));
    const [target] = (await once(child, 'message')) as [DialTarget];
    await a.host.dial(target, AbortSignal.timeout(10_000));
    await untilSubscribers(a.net, TOPIC, 1);
    const smallHeard = (): Promise<void> =>
      new Promise((resolve) => {
        const take = ({ bytes }: { bytes: number }): void => {
          if (bytes >= 100) return;
          child.off('message', take);
          resolve();
        };
        child.on('message', take);
      });
    // Its subscription may come before our stream to it is open.
    await untilHeard(a, 'first', smallHeard());
    child.kill('SIGSTOP');
    let most = 0;
    for (let n = 0, isLost = false; !isLost; n++) {
      assert.ok(n < 100, 'the stream of a frozen peer takes all that is given to it');
      const message = Buffer.alloc(1_000_000, n);
      const heard = await a.net.publish(TOPIC, message);
      await settled();
      most = Math.max(most, a.net.streamFacts().waitingBytes);
      isLost = heard === 0;
    }
    assert.ok(most <= GOSSIP_LIMITS.outboundBytes, `${most} bytes`);
    assert.deepEqual([a.net.streamFacts().waitingBytes, a.net.streamFacts().deaf], [0, 1]);
    child.kill('SIGCONT');
    await a.clock.advance(2 * GOSSIP_LIMITS.watchMs + GOSSIP_LIMITS.repairMs);
    await untilHeard(a, 'again', smallHeard());
  });

  it('before the start topics are kept, after the stop nothing is published', async (t) => {
    const a = await peer(t);
    await a.host.stop();
    assert.equal(await a.net.publish(TOPIC, Buffer.from('late')), 0);
    assert.equal(a.net.subscribers(TOPIC), 0);
    assert.equal(a.clock.waiting, 0);
  });
});

/** Resolves when a message from there gets through; those before it are lost with the stream. */
async function untilHeard(from: Peer, text: string, heard: Promise<void>): Promise<void> {
  let isHeard = false;
  void heard.then(() => {
    isHeard = true;
  });
  for (let n = 0; !isHeard; n++) {
    await from.net.publish(TOPIC, Buffer.from(`${text} ${n}`));
    await settled();
  }
}

/** A host's connections as gossip sees them, by a test. */
class FakeConnections {
  readonly protocol = '/meshsub/1.2.0';
  readonly aborted: string[] = [];
  readonly told: string[] = [];
  readonly buffers = new Map<string, number>();
  topology: Topology | undefined;

  streams(clock: FakeClock): GossipStreams {
    const registrar = {
      register: (_: string, topology: Topology) => {
        this.topology = topology;
        return Promise.resolve('id');
      },
    };
    const connectionManager = {
      getConnections: (peerId: { toString(): string }) => this.connections(String(peerId)),
    };
    const components = { registrar, connectionManager } as unknown as GossipSubComponents;
    const streams = new GossipStreams(components, { clock, log: SILENT_LOG, onGone: () => undefined });
    const inner = { onConnect: (peerId: { toString(): string }) => this.told.push(String(peerId)) };
    void streams.registrar.register(this.protocol, inner as unknown as Topology);
    streams.watch([this.protocol]);
    return streams;
  }

  meet(name: string, bytes: number | undefined): void {
    if (bytes !== undefined) this.buffers.set(name, bytes);
    this.topology?.onConnect?.(name as never, this.connections(name)[0] as never);
    this.told.length = 0;
  }

  private connections(name: string) {
    const bytes = this.buffers.get(name);
    const stream = {
      ...{ direction: 'outbound', protocol: this.protocol, status: 'open', writeBufferLength: bytes },
      abort: () => {
        this.aborted.push(name);
        this.buffers.delete(name);
      },
    };
    return [{ status: 'open', streams: bytes === undefined ? [] : [stream] }];
  }
}

describe('streams of gossip', () => {
  it('what waits for all peers together is bounded: the largest is given up', async () => {
    const clock = new FakeClock();
    const fake = new FakeConnections();
    const streams = fake.streams(clock);
    const each = GOSSIP_LIMITS.outboundBytes - 1;
    for (let i = 0; i < 8; i++) fake.meet(`slow ${i}`, each);
    fake.meet('slower', each + 1);
    fake.meet('fast', 0);
    await clock.advance(GOSSIP_LIMITS.watchMs);
    assert.deepEqual(fake.aborted, ['slower']);
    assert.ok(streams.facts().waitingBytes <= GOSSIP_LIMITS.allOutboundBytes);
    assert.equal(streams.facts().cut, 1);
    streams.stop();
    assert.equal(clock.waiting, 0);
  });

  it('one that is lost again and again is opened less and less often, but never given up', async () => {
    const clock = new FakeClock();
    const fake = new FakeConnections();
    const streams = fake.streams(clock);
    fake.meet('lost', undefined);
    fake.meet('well', 0);
    await clock.advance(10 * 60_000);
    const tries = fake.told.length;
    assert.ok(tries >= 12 && tries <= 20, `${tries} tries in 10 minutes`);
    assert.deepEqual(new Set(fake.told), new Set(['lost']));
    fake.buffers.set('lost', 0);
    await clock.advance(2 * GOSSIP_LIMITS.maxRepairMs);
    fake.buffers.delete('lost');
    fake.told.length = 0;
    await clock.advance(10_000);
    assert.equal(fake.told.length, 2, 'after a minute of life it is as new');
    fake.topology?.onDisconnect?.('lost' as never);
    await clock.advance(60_000);
    assert.deepEqual([fake.told.length, streams.facts().peers], [2, 1]);
    streams.stop();
  });
});
