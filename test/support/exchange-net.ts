import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record';
import { multiaddr } from '@multiformats/multiaddr';
import { contentHash } from '../../protocols/peer-exchange/digest.ts';
import { ExchangeError } from '../../protocols/peer-exchange/errors.ts';
import type {
  ExchangePeer,
  ExchangeStream,
  ExchangeTransport,
} from '../../protocols/peer-exchange/interfaces.ts';
import type { PrivateAddresses } from '../../protocols/peer-exchange/record.ts';
import { ExchangeService } from '../../protocols/peer-exchange/service.ts';
import { AddressBook } from '../../src/p2p/address-book.ts';
import { drawUnproved } from '../../src/p2p/dial-rank.ts';
import { ExchangeCounts } from '../../src/p2p/exchange-counts.ts';
import { SignedRecords } from '../../src/p2p/signed-record.ts';
import { SimClock } from './exchange-clock.ts';
import { seededRandom } from './fake-clock.ts';
import { MemoryStream } from './memory-stream.ts';

export interface TestKey {
  readonly peerId: string;
  readonly publicKey: Uint8Array;
  sign(addresses: readonly string[], seq: bigint): Promise<Uint8Array>;
}

/** An Ed25519 key from a number, and its peer records. */
export async function testKey(number: number): Promise<TestKey> {
  const seed = Buffer.alloc(32);
  seed.writeUInt32BE(number, 0);
  const key = await generateKeyPairFromSeed('Ed25519', seed);
  const peerId = peerIdFromPrivateKey(key);
  return {
    peerId: peerId.toString(),
    publicKey: key.publicKey.raw,
    async sign(addresses, seq) {
      const record = new PeerRecord({
        peerId,
        multiaddrs: addresses.map((a) => multiaddr(a)),
        seqNumber: seq,
      });
      return (await RecordEnvelope.seal(record, key)).marshal();
    },
  };
}

/** Scores without memory of time: 50 points hang up, 100 ban. */
export class TestJudge {
  readonly points = new Map<string, number>();
  readonly codes: string[] = [];

  penalise(peerId: string, code: string, weight = 10): 'none' | 'disconnect' | 'ban' {
    const sum = (this.points.get(peerId) ?? 0) + weight;
    this.points.set(peerId, sum);
    this.codes.push(code);
    return sum >= 100 ? 'ban' : sum >= 50 ? 'disconnect' : 'none';
  }

  isBanned(peerId: string): boolean {
    return (this.points.get(peerId) ?? 0) >= 100;
  }
}

export interface NetOptions {
  readonly seed?: number;
  readonly intervalMs?: number;
  readonly isPrivate?: boolean;
  readonly privateAddresses?: PrivateAddresses;
  /** One way; the actual is random up to this. */
  readonly latencyMs?: number;
  /** Connections a node makes by itself. */
  readonly dials?: number;
}

/** Nodes with the real service and book, in one process, on a clock of their own. */
export class ExchangeNet {
  readonly clock = new SimClock();
  readonly random: () => number;
  readonly options: Required<NetOptions>;
  readonly nodes: SimNode[] = [];
  readonly byId = new Map<string, SimNode>();
  readonly records = new SignedRecords();
  /** Streams opened, frames and bytes written, over all nodes. */
  frames = 0;
  bytes = 0;
  kinds: Record<string, number> = {};
  canReach: (a: SimNode, b: SimNode) => boolean = () => true;

  constructor(options: NetOptions = {}) {
    this.options = {
      seed: 1,
      intervalMs: 30_000,
      isPrivate: false,
      privateAddresses: 'auto',
      latencyMs: 40,
      dials: 8,
      ...options,
    };
    this.random = seededRandom(this.options.seed);
  }

  async add(seeds: readonly SimNode[] = []): Promise<SimNode> {
    const index = this.nodes.length;
    const node = new SimNode(
      this,
      await testKey(index + 1),
      `/ip4/${20 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.1/tcp/9000`,
    );
    this.nodes.push(node);
    this.byId.set(node.key.peerId, node);
    await node.start(seeds);
    return node;
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  connect(dialler: SimNode, listener: SimNode): void {
    if (dialler.links.has(listener.key.peerId)) return;
    dialler.link(listener, true);
    listener.link(dialler, false);
    dialler.identified(listener);
    listener.identified(dialler);
  }

  disconnect(a: SimNode, b: SimNode): void {
    a.unlink(b.key.peerId);
    b.unlink(a.key.peerId);
  }

  /** Mean and least share of the others that a node knows. */
  known(): { readonly mean: number; readonly least: number } {
    const up = this.nodes.filter(({ isUp }) => isUp);
    const shares = up.map(
      (node) =>
        up.filter((other) => other !== node && node.book.isKnown(other.key.peerId)).length / (up.length - 1),
    );
    return { mean: shares.reduce((a, b) => a + b, 0) / shares.length, least: Math.min(...shares) };
  }

  async open(from: SimNode, to: string, signal: AbortSignal): Promise<ExchangeStream> {
    await new Promise<void>((resolve) => {
      const cancel = this.clock.after(this.random() * this.options.latencyMs, resolve);
      const end = () => {
        cancel();
        resolve();
      };
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    });
    signal.throwIfAborted();
    const other = this.byId.get(to);
    if (!from.links.has(to) || other === undefined || !this.canReach(from, other)) {
      throw new ExchangeError('NOT_CONNECTED', 'not connected');
    }
    const [near, far] = MemoryStream.pair(from.key.peerId, to);
    void other.service.serve(far);
    return near;
  }
}

export class SimNode implements ExchangeTransport {
  readonly key: TestKey;
  readonly address: string;
  readonly book: AddressBook;
  readonly service: ExchangeService;
  readonly judge = new TestJudge();
  readonly counts = new ExchangeCounts();
  readonly links = new Map<string, ExchangePeer>();
  readonly hungUp: string[] = [];
  readonly traces: { message: string; fields: Readonly<Record<string, unknown>> }[] = [];
  readonly followed = new Map<string, readonly Uint8Array[]>();
  tokens: readonly Uint8Array[] = [];
  exchanges = 0;
  isTraced = false;
  isUp = false;
  record: Uint8Array | undefined;
  readonly #net: ExchangeNet;
  #cancelDial: () => void = () => {};

  constructor(net: ExchangeNet, key: TestKey, address: string) {
    this.#net = net;
    this.key = key;
    this.address = address;
    const { clock, random, records, options } = net;
    this.book = new AddressBook({ clock, self: key.peerId });
    this.service = new ExchangeService(
      { intervalMs: options.intervalMs, privateAddresses: options.privateAddresses },
      {
        clock,
        random,
        transport: this,
        book: this.book,
        judge: this.judge,
        records,
        metrics: this.counts,
        log: (message, fields) => this.#trace(message, fields),
        hooks: {
          exchanged: () => {
            this.exchanges++;
          },
          followed: (peerId, tokens) => this.followed.set(peerId, tokens),
        },
        self: {
          peerId: key.peerId,
          publicKey: key.publicKey,
          record: async () => this.record,
          tokens: () => this.tokens,
        },
      },
    );
  }

  async start(seeds: readonly SimNode[]): Promise<void> {
    this.isUp = true;
    this.record ??= await this.key.sign([this.address], 1n);
    await this.#net.records.open(this.record);
    this.book.setOperator(seeds.map((seed) => seed.fileEntry()));
    this.book.start();
    await this.service.start();
    this.#dialSoon();
  }

  async stop(): Promise<void> {
    this.isUp = false;
    this.#cancelDial();
    this.book.stop();
    for (const peerId of [...this.links.keys()]) this.#net.disconnect(this, this.#net.byId.get(peerId)!);
    await this.service.stop();
  }

  fileEntry(): { publicKey: string; addresses: string[] } {
    return { publicKey: Buffer.from(this.key.publicKey).toString('base64'), addresses: [this.address] };
  }

  /** Of the book with ourselves, as others are told. */
  digest(): Uint8Array {
    const facts = this.#net.records.known(this.record!)!;
    const content = contentHash(this.key.publicKey, facts.addresses);
    return this.book.digest({ publicKey: this.key.publicKey, content }).total;
  }

  peer(peerId: string): ExchangePeer | undefined {
    return this.links.get(peerId);
  }

  async open(peerId: string, signal: AbortSignal): Promise<ExchangeStream> {
    const stream = await this.#net.open(this, peerId, signal);
    return stream;
  }

  hangUp(peerId: string, code: string): void {
    this.hungUp.push(code);
    const other = this.#net.byId.get(peerId);
    if (other !== undefined) this.#net.disconnect(this, other);
    else this.unlink(peerId);
  }

  link(other: SimNode, isDialler: boolean): void {
    const { peerId, publicKey } = other.key;
    this.links.set(peerId, { peerId, publicKey, isDialler, isPrivate: this.#net.options.isPrivate });
    this.book.present(peerId);
    if (isDialler) this.book.dialSucceeded(peerId);
  }

  unlink(peerId: string): void {
    if (!this.links.delete(peerId)) return;
    this.service.left(peerId);
    this.book.absent(peerId);
  }

  identified(other: SimNode): void {
    const peer = this.links.get(other.key.peerId)!;
    this.service.joined(peer);
    this.service.heardOwn(peer, { envelope: other.record, addresses: [] });
  }

  /** A keeper as simple as can be: once a second one more connection, until there are enough. */
  #dialSoon(): void {
    const { clock, random } = this.#net;
    this.#cancelDial = clock.after(500 + 1_000 * random(), () => {
      this.#dialOne();
      this.#dialSoon();
    });
  }

  #dialOne(): void {
    const { random, byId, options } = this.#net;
    const made = [...this.links.values()].filter(({ isDialler }) => isDialler).length;
    if (made >= options.dials) return;
    const open = [...this.book.candidates()].filter(({ peerId }) => !this.links.has(peerId));
    const candidate = open[drawUnproved(open, random)];
    if (candidate === undefined) return;
    const other = byId.get(candidate.peerId);
    if (other?.isUp === true && this.#net.canReach(this, other) && !other.judge.isBanned(this.key.peerId)) {
      this.#net.connect(this, other);
    } else this.book.dialFailed(candidate.peerId);
  }

  #trace(message: string, fields: Readonly<Record<string, unknown>>): void {
    if (message === 'sent') {
      this.#net.frames++;
      this.#net.bytes += Number(fields['bytes']);
      const kind = String(fields['kind']);
      this.#net.kinds[kind] = (this.#net.kinds[kind] ?? 0) + 1;
    }
    if (this.isTraced) this.traces.push({ message, fields });
  }
}
