import { networkInterfaces } from 'node:os';
import type { Listener, MultiaddrConnection, Transport, Upgrader, UpgraderOptions } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import type { Admission } from './admission.ts';
import { orAbort, type ResolveAddresses } from './dialer.ts';
import { P2pError, type P2pErrorCode } from './errors.ts';
import { isLoopback, isName, isWildcard, type NetAddress, netAddress } from './net-address.ts';
import type { ListenChange } from './types.ts';

/** The listener of @libp2p/tcp can do more than its interface says; `close` would cut what it accepted. */
interface TcpListener extends Listener {
  /** Stops accepting and keeps the accepted connections. */
  pause(permanent: boolean): void;
  readonly server: { readonly listening: boolean };
}

/** How long the name of a listen address may take. */
const RESOLVE_MS = 5_000;

interface Bound {
  /** As it was asked for. */
  readonly wanted: string;
  /** Where it really listens, with the real port. */
  readonly address: NetAddress;
  readonly listener: TcpListener;
  /** Until then accepted connections wait. */
  readonly open: () => void;
  /** It accepts nobody, and the last of its connections is gone. */
  readonly closed: Promise<void>;
}

export interface ListenOptions {
  readonly transport: Transport;
  readonly upgrader: Upgrader;
  readonly admission: Admission;
  readonly resolve: ResolveAddresses;
  /** An IPv6 address is left out because this machine has no IPv6. */
  readonly onNoIpv6: (address: string) => void;
  /** An address could not be taken back into use after a refused change. */
  readonly onLost: (address: string, code: P2pErrorCode) => void;
}

/** The sockets that we listen on; libp2p's own manager can neither remove one softly nor take a failed one away. */
export class Listeners {
  readonly #opts: ListenOptions;
  #bound: readonly Bound[] = [];
  /** Removed, with connections that live on. */
  readonly #draining = new Set<Bound>();
  #isChanging = false;

  constructor(opts: ListenOptions) {
    this.#opts = opts;
  }

  /** Where we listen, with real ports; a socket that died is not told. */
  addresses(): readonly NetAddress[] {
    return this.#bound.filter(isAlive).map(({ address }) => address);
  }

  /** The same as others could dial it: wildcards stand for the addresses of the interfaces at this moment. */
  dialable(): readonly string[] {
    const all = this.#bound.flatMap(({ address, listener }) => {
      const found = listener.getAddrs().flatMap((addr) => netAddress(addr) ?? []);
      const foreign = found.filter((one) => !isLoopback(one));
      return isWildcard(address) && foreign.length > 0 ? foreign : found;
    });
    return [...new Set(all.map(({ text }) => text))];
  }

  /**
   * Binds what is new among `addresses`; what is to go stays until the commit.
   * @throws P2pError ADDRESS_IN_USE | ADDRESS_UNAVAILABLE | ADDRESS_NOT_PERMITTED, with nothing left behind
   */
  async prepare(addresses: readonly string[]): Promise<ListenChange> {
    if (this.#isChanging)
      throw new P2pError('INTERNAL', 'another change of the listen addresses is under way');
    this.#isChanging = true;
    const wanted = new Set(addresses);
    const change: Change = {
      added: [],
      kept: this.#bound.filter((bound) => wanted.has(bound.wanted) && isAlive(bound)),
      removed: this.#bound.filter((bound) => !wanted.has(bound.wanted) || !isAlive(bound)),
      moved: [],
    };
    try {
      const isNew = (text: string): boolean => !change.kept.some((bound) => bound.wanted === text);
      for (const text of [...wanted].filter(isNew)) await this.#add(text, change);
      if (change.added.length + change.kept.length === 0) {
        throw new P2pError('ADDRESS_UNAVAILABLE', 'no address to listen on', {
          address: [...wanted].join(' '),
        });
      }
    } catch (error) {
      await this.#undo(change);
      throw error;
    }
    let isDone = false;
    const once = (run: () => Promise<void>) => async () => {
      if (isDone) return;
      isDone = true;
      await run();
    };
    return { commit: once(() => this.#commit(change)), rollback: once(() => this.#undo(change)) };
  }

  /** Accepts nobody any more. */
  pause(): void {
    for (const { listener } of this.#bound) listener.pause(true);
  }

  /** Cuts what is left of accepted connections, too. */
  async close(): Promise<void> {
    const all = [...this.#bound, ...this.#draining];
    this.#bound = [];
    this.#draining.clear();
    await Promise.all(all.map(({ listener }) => listener.close()));
    await Promise.all(all.map(({ closed }) => closed));
  }

  async #add(text: string, change: Change): Promise<void> {
    try {
      change.added.push(await this.#bindBeside(text, change));
    } catch (error) {
      if (!(error instanceof P2pError)) throw error;
      const ours = change.removed.filter(
        (bound) => blocks(bound.address, text) && !change.moved.includes(bound),
      );
      if (error.code === 'ADDRESS_IN_USE' && ours.length > 0) {
        // The port is ours, under a wider or narrower address: it must go first.
        for (const bound of ours) this.#drain(bound);
        change.moved.push(...ours);
        change.added.push(await this.#bindBeside(text, change));
      } else if (error.data['noIpv6'] === true) {
        this.#opts.onNoIpv6(text);
      } else {
        throw error;
      }
    }
  }

  /** @throws P2pError as `#bind`; where an address that stays is in the way, it is named */
  async #bindBeside(text: string, { kept, added }: Change): Promise<Bound> {
    try {
      return await this.#bind(text);
    } catch (error) {
      const own = [...kept, ...added].find((bound) => blocks(bound.address, text));
      if (own === undefined || !(error instanceof P2pError) || error.code !== 'ADDRESS_IN_USE') throw error;
      const message = `${text}: this daemon listens there itself, on ${own.wanted}, which stays in the list`;
      throw new P2pError('ADDRESS_IN_USE', message, error.data, error);
    }
  }

  async #commit(change: Change): Promise<void> {
    for (const bound of change.removed) if (!change.moved.includes(bound)) this.#drain(bound);
    this.#bound = [...change.kept, ...change.added];
    for (const { open } of change.added) open();
    this.#isChanging = false;
  }

  async #undo(change: Change): Promise<void> {
    await Promise.all(change.added.map(({ listener }) => listener.close()));
    for (const { wanted, address } of change.moved) {
      try {
        const again = await this.#bind(address.text);
        again.open();
        this.#bound = this.#bound.map((bound) => (bound.address === address ? { ...again, wanted } : bound));
      } catch (error) {
        this.#bound = this.#bound.filter((bound) => bound.address !== address);
        this.#opts.onLost(address.text, error instanceof P2pError ? error.code : 'INTERNAL');
      }
    }
    this.#isChanging = false;
  }

  #drain(bound: Bound): void {
    this.#draining.add(bound);
    void bound.closed.then(() => this.#draining.delete(bound));
    bound.listener.pause(true);
  }

  async #bind(text: string): Promise<Bound> {
    const address = await this.#resolved(text);
    const gate = Promise.withResolvers<void>();
    const { transport, upgrader, admission } = this.#opts;
    const listener = transport.createListener({ upgrader: gated(upgrader, admission, gate.promise) });
    try {
      await listener.listen(multiaddr(address.text));
    } catch (error) {
      // It never was in any list: nothing inert is left.
      throw listenError(address, error);
    }
    const port = listener.getAddrs().flatMap((addr) => netAddress(addr)?.port ?? [])[0] ?? address.port;
    const real = { ...address, port, text: `/${address.family}/${address.host}/tcp/${port}` };
    const closed = new Promise<void>((resolve) => listener.addEventListener('close', () => resolve()));
    return { wanted: text, address: real, listener: listener as TcpListener, open: gate.resolve, closed };
  }

  async #resolved(text: string): Promise<NetAddress> {
    const address = netAddress(text);
    if (address === undefined) {
      throw new P2pError('ADDRESS_INVALID', `${text} is no TCP address`, { address: text });
    }
    if (!isName(address)) return address;
    let failure: unknown;
    const signal = AbortSignal.timeout(RESOLVE_MS);
    const [first] = await this.#opts.resolve([text], signal).catch((error: unknown) => {
      failure = error;
      return [];
    });
    const resolved = first === undefined ? undefined : netAddress(first);
    if (resolved !== undefined) return resolved;
    const message = `${text}: to listen on a name, it must lead to an address of this machine, and it cannot be resolved`;
    throw new P2pError('DNS_FAILED', message, { address: text }, failure);
  }
}

interface Change {
  readonly added: Bound[];
  readonly kept: readonly Bound[];
  readonly removed: readonly Bound[];
  /** Of the removed: had to stop already, to make room. */
  readonly moved: Bound[];
}

function isAlive({ listener }: Bound): boolean {
  return listener.server.listening;
}

/** Takes inbound sockets through the limits, and holds them until the address is in use. */
function gated(upgrader: Upgrader, admission: Admission, opened: Promise<void>): Upgrader {
  return {
    upgradeOutbound: (connection: MultiaddrConnection, opts: UpgraderOptions) =>
      upgrader.upgradeOutbound(connection, opts),
    async upgradeInbound(connection: MultiaddrConnection, opts: UpgraderOptions): Promise<void> {
      const ticket = admission.enter(connection, opts.signal);
      if (ticket === undefined) throw new Error('too many connections from that address');
      try {
        await orAbort(opened, ticket.signal);
        await upgrader.upgradeInbound(connection, { ...opts, signal: ticket.signal });
      } finally {
        ticket.done();
      }
    },
    createInboundAbortSignal: (signal) => upgrader.createInboundAbortSignal(signal),
    getStreamMuxers: () => upgrader.getStreamMuxers(),
    getConnectionEncrypters: () => upgrader.getConnectionEncrypters(),
  };
}

/** A port that one holds keeps the other from binding: same family and port, and one covers the other. */
function blocks(held: NetAddress, text: string): boolean {
  const wanted = netAddress(text);
  if (wanted === undefined || wanted.family !== held.family || wanted.port !== held.port) return false;
  return wanted.host === held.host || isWildcard(held) || isWildcard(wanted);
}

function listenError(address: NetAddress, thrown: unknown): P2pError {
  const { text } = address;
  const errno = String((thrown as { readonly code?: unknown }).code ?? '');
  if (errno === 'EADDRINUSE') {
    const message = `${text}: another program listens there (\`ss -ltnp\` shows which)`;
    return new P2pError('ADDRESS_IN_USE', message, { address: text, errno });
  }
  if (errno === 'EACCES' || errno === 'EPERM') {
    const message = `${text}: this user may not bind that port; those from 1024 on need no rights`;
    return new P2pError('ADDRESS_NOT_PERMITTED', message, { address: text, errno });
  }
  if (isWildcard(address) && address.family === 'ip6' && isIpv6Missing(errno)) {
    const message = `${text}: this machine has no IPv6`;
    return new P2pError('ADDRESS_UNAVAILABLE', message, { address: text, errno, noIpv6: true });
  }
  const message = `${text}: no interface of this machine has that address`;
  return new P2pError('ADDRESS_UNAVAILABLE', message, { address: text, errno }, thrown);
}

/** The kernel has none, or no interface has an address: other than a busy port, that is not the operator's fault. */
function isIpv6Missing(errno: string): boolean {
  if (errno === 'EAFNOSUPPORT') return true;
  const families = Object.values(networkInterfaces()).flatMap(
    (all) => all?.map(({ family }) => family) ?? [],
  );
  return errno === 'EADDRNOTAVAIL' && !families.includes('IPv6');
}
