import assert from 'node:assert/strict';
import { createHash, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { peerIdOfKey } from '../../protocols/peer-exchange/peer-id.ts';
import { connectClient } from '../../src/api/client.ts';
import type { Params, Result } from '../../src/api/methods/index.ts';
import { seriesOf } from './metrics-text.ts';
import { type Cleanup, type Daemon, Home, until } from './operator.ts';
import { testKey } from './p2p.ts';
import { TcpProxy } from './tcp-proxy.ts';

/** One daemon of a federation; what is not given is meant for a quick test. */
export interface MemberOptions {
  /** Listen addresses; one free port of 127.0.0.1 otherwise. */
  readonly listen?: readonly string[];
  /** What others are told to dial. */
  readonly announce?: readonly string[];
  readonly exchangeInterval?: string;
  readonly connectionTimeout?: string;
  /** Further lines of the section `network:`, each with two spaces in front. */
  readonly network?: string;
  readonly level?: 'debug' | 'info' | 'warn' | 'error';
  /** Further lines of the section `peers:`, each with two spaces in front. */
  readonly peers?: string;
  /** Further sections of conf.yaml. */
  readonly more?: string;
}

/** A peer as the daemon's RPC tells it. */
export type SeenPeer = Result<'node.peers'>['items'][number];

interface PeerEntry {
  readonly publicKey: string;
  readonly addresses: readonly string[];
}

/** A real daemon in a home of its own, by its PeerId; it can be started, stopped, frozen and started again. */
export class Member {
  readonly home: Home;
  readonly peerId: string;
  /** Base64 of the raw 32 bytes, as peers.yaml has it. */
  readonly publicKey: string;
  readonly listen: readonly string[];
  daemon: Daemon | undefined;
  readonly #key: Uint8Array;
  readonly #cleanup: Cleanup;
  readonly #entries = new Map<string, PeerEntry>();

  constructor(cleanup: Cleanup, key: Uint8Array, listen: readonly string[], options: MemberOptions) {
    this.#cleanup = cleanup;
    this.#key = key;
    this.home = new Home(cleanup);
    const publicKey = key.subarray(32);
    this.peerId = peerIdOfKey(publicKey);
    this.publicKey = Buffer.from(publicKey).toString('base64');
    this.listen = listen;
    this.configure(options);
  }

  /** The port of the first listen address. */
  get port(): number {
    return Number(this.listen[0]?.split('/').at(-1));
  }

  /** Writes conf.yaml anew; what is given replaces all that was given before. The key stays. */
  configure(options: MemberOptions): void {
    const { exchangeInterval = '1s', connectionTimeout = '3s', level = 'info', announce, network } = options;
    const lines = [
      `node: { private_key: "${Buffer.from(this.#key).toString('base64')}" }`,
      'network:',
      `  addresses: [${(options.listen ?? this.listen).join(', ')}]`,
      ...(announce === undefined ? [] : [`  announce: [${announce.join(', ')}]`]),
      ...(network === undefined ? [] : [network]),
      'peers:',
      `  connection_timeout: ${connectionTimeout}`,
      `  exchange_interval: ${exchangeInterval}`,
      ...(options.peers === undefined ? [] : [options.peers]),
      `logging: { level: ${level}, format: text }`,
      'chain: { network: regtest }',
      options.more ?? '',
      '',
    ];
    const next = this.home.path('conf.yaml~');
    writeFileSync(next, lines.join('\n'), { mode: 0o600 });
    renameSync(next, this.home.configFile);
  }

  /** Lists another member as a peer, at its own addresses or at those given, and writes peers.yaml. */
  list(other: Member, addresses: readonly string[] = other.listen): void {
    this.listKey(other.peerId, other.publicKey, addresses);
  }

  /** The same of a peer that is no daemon. */
  listKey(peerId: string, publicKey: string, addresses: readonly string[]): void {
    this.#entries.set(peerId, { publicKey, addresses });
    this.writePeers();
  }

  unlist(other: Member): void {
    this.#entries.delete(other.peerId);
    this.writePeers();
  }

  /** The operator's file with nothing but what was listed here. */
  writePeers(): void {
    const entries = [...this.#entries.values()].flatMap(({ publicKey, addresses }) => [
      `  - public_key: "${publicKey}"`,
      `    addresses: [${addresses.map((address) => `"${address}"`).join(', ')}]`,
    ]);
    const text = entries.length === 0 ? 'peers: []\n' : `peers:\n${entries.join('\n')}\n`;
    writeFileSync(this.peersFile, text);
  }

  get peersFile(): string {
    return this.home.path('peers.yaml');
  }

  /** Base64 keys in peers.yaml as it is on disk now. */
  savedKeys(): readonly string[] {
    if (!existsSync(this.peersFile)) return [];
    const text = readFileSync(this.peersFile, 'utf8');
    return [...text.matchAll(/public_key:\s*"?([A-Za-z0-9+/=]{44})/g)].map(([, key]) => key!);
  }

  /** Starts the daemon and waits until it serves. */
  async start(): Promise<Daemon> {
    this.daemon = await this.home.start();
    return this.daemon;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const { daemon } = this;
    this.daemon = undefined;
    const exit = await daemon?.stop(signal);
    if (daemon !== undefined && signal === 'SIGTERM') assert.equal(exit, 0, daemon.log);
  }

  /** Stands still as a machine under load does: sockets stay open, nothing is answered. */
  freeze(): void {
    this.daemon?.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.daemon?.child.kill('SIGCONT');
  }

  /** It dials whom it waits to dial at once. */
  lookNow(): void {
    this.daemon?.child.kill('SIGUSR1');
  }

  reload(): void {
    this.daemon?.child.kill('SIGHUP');
  }

  /** The daemon that runs. */
  get running(): Daemon {
    assert.ok(this.daemon !== undefined, 'the member is not started');
    return this.daemon;
  }

  /** Ends it without a chance to do anything. */
  async kill(): Promise<void> {
    await this.stop('SIGKILL');
  }

  /** What it says of its network. */
  async network(): Promise<NonNullable<Result<'node.status'>['p2p']>> {
    const { p2p } = await this.call('node.status', {});
    assert.ok(p2p !== undefined);
    return p2p;
  }

  /** What it knows of one peer; undefined: nothing. */
  async peer(peerId: string): Promise<SeenPeer | undefined> {
    return (await this.#peers('all')).find((peer) => peer.peerId === peerId);
  }

  /** Values of its metrics by series, as in `btcfed metrics`. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    return seriesOf((await this.call('node.metrics', {})).text);
  }

  /** Calls one method on its socket. */
  async call<M extends 'node.status' | 'node.metrics'>(method: M, params: Params<M>): Promise<Result<M>> {
    const client = await connectClient({ socketPath: this.home.socket });
    try {
      return await client.call(method, params);
    } finally {
      await client.close();
    }
  }

  /** Who is connected, by the daemon's own word. */
  connected(): Promise<readonly SeenPeer[]> {
    return this.#peers('connected');
  }

  /** Every PeerId in its address book. */
  async known(): Promise<readonly string[]> {
    return (await this.#peers('all')).map(({ peerId }) => peerId);
  }

  async #peers(which: 'connected' | 'all'): Promise<readonly SeenPeer[]> {
    const client = await connectClient({ socketPath: this.home.socket });
    try {
      const items: SeenPeer[] = [];
      let cursor: string | undefined;
      do {
        const rest = cursor === undefined ? {} : { cursor };
        const page = await client.call('node.peers', { which, detail: 2, limit: 500, ...rest });
        items.push(...page.items);
        cursor = page.cursor;
      } while (cursor !== undefined);
      return items;
    } finally {
      await client.close();
    }
  }

  /** A stretch of network in front of this member: others list `proxied(proxy)` instead of its address. */
  async proxy(): Promise<TcpProxy> {
    return TcpProxy.open(this.#cleanup, { port: this.port });
  }
}

/** Where a proxy is dialled. */
export function proxied(proxy: TcpProxy): string {
  return `/ip4/127.0.0.1/tcp/${proxy.port}`;
}

/** A number of daemons on this machine. None is started or lists another. */
export async function federation(
  cleanup: Cleanup,
  count: number,
  options: MemberOptions | ((index: number) => MemberOptions) = {},
): Promise<readonly Member[]> {
  const ports = await freePorts(count);
  return ports.map((port, index) => {
    const of = typeof options === 'function' ? options(index) : options;
    return new Member(cleanup, testKey(), of.listen ?? [`/ip4/127.0.0.1/tcp/${port}`], of);
  });
}

/** Starts all, a few at a time: each takes a core for some hundred milliseconds. */
export async function startAll(members: readonly Member[], atOnce = 4): Promise<void> {
  const waiting = [...members];
  const lanes = Array.from({ length: Math.min(atOnce, members.length) }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next.start();
  });
  await Promise.all(lanes);
}

/** Resolves when each member sees exactly the others of the list as connected peers. */
export async function untilMesh(members: readonly Member[]): Promise<void> {
  const wanted = members.map(({ peerId }) => peerId);
  await until(`${members.length} members form a mesh`, async () => {
    const seen = await Promise.all(members.map((member) => member.connected()));
    return seen.every((peers, i) => {
      const ids = new Set(peers.map(({ peerId }) => peerId));
      return ids.size === wanted.length - 1 && wanted.every((id, j) => i === j || ids.has(id));
    });
  });
}

/** Below the range from which systems take ports for outgoing connections: one of those cannot take a port meanwhile. */
const PORTS = { from: 10_000, count: 20_000 };

/** Ports that nobody uses now, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers: Server[] = [];
  while (servers.length < count) {
    const server = createServer();
    server.listen(PORTS.from + randomInt(PORTS.count), '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (isFree) servers.push(server);
  }
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(
    servers.map(async (server) => {
      server.close();
      await once(server, 'close');
    }),
  );
  return ports;
}

/** Hash of a file, to see that nobody touched it. */
export function fingerprint(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
