import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Cleanup } from './operator.ts';

/** Bytes on their way in one direction of one connection, each not before its time. */
interface Parcel {
  readonly atMs: number;
  readonly bytes: Buffer;
}

/** Both ends of a connection, and how to let what waits go on its way. */
interface Pair {
  readonly inner: Socket;
  readonly outer: Socket;
  readonly wake: () => void;
}

/** A stretch of network between two programs on this machine: it can be slow, silent or cut. */
export class TcpProxy {
  readonly port: number;
  /** Milliseconds that bytes take, each way. */
  delayMs = 0;
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #pairs = new Set<Pair>();
  #isStalled = false;
  #isCut = false;
  #limit = Number.POSITIVE_INFINITY;
  #broken = 0;
  #accepted = 0;
  #carried = 0;

  private constructor(server: Server, target: { readonly host: string; readonly port: number }) {
    this.#server = server;
    this.#target = target;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => this.#accept(socket));
  }

  /** Listens on 127.0.0.1, or another loopback address, at a free port; closed with the test. */
  static async open(
    cleanup: Cleanup,
    target: { readonly host?: string; readonly port: number },
    host = '127.0.0.1',
  ): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: false, pauseOnConnect: true });
    server.listen(0, host);
    await once(server, 'listening');
    const proxy = new TcpProxy(server, { host: target.host ?? '127.0.0.1', port: target.port });
    cleanup.after(() => proxy.close());
    return proxy;
  }

  /** Connections so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Bytes so far, both ways together. */
  get carried(): number {
    return this.#carried;
  }

  get open(): number {
    return this.#pairs.size;
  }

  /** Connections that broke at the limit. */
  get broken(): number {
    return this.#broken;
  }

  /** From now on each connection breaks once it has carried so many bytes, both ways together. */
  breakAfter(bytes: number): void {
    this.#limit = bytes;
  }

  /** Nothing gets through any more, and nobody is told: a frozen peer or a black hole. New connections are accepted. */
  stall(): void {
    this.#isStalled = true;
  }

  /** What waited goes on its way. */
  resume(): void {
    this.#isStalled = false;
    for (const { wake } of this.#pairs) wake();
  }

  /** Breaks all connections, and each new one at once. */
  cut(): void {
    this.#isCut = true;
    this.reset();
  }

  /** New connections get through again. */
  heal(): void {
    this.#isCut = false;
  }

  /** Breaks the connections that there are. */
  reset(): void {
    for (const pair of this.#pairs) this.#break(pair);
  }

  #break(pair: Pair): void {
    this.#pairs.delete(pair);
    pair.inner.resetAndDestroy();
    pair.outer.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.reset();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  #accept(inner: Socket): void {
    this.#accepted += 1;
    if (this.#isCut) {
      inner.on('error', () => undefined).resetAndDestroy();
      return;
    }
    const outer = connect(this.#target);
    let left = this.#limit;
    const takes = (bytes: Buffer): Buffer => {
      const taken = bytes.subarray(0, Math.max(0, left));
      left -= bytes.length;
      if (left <= 0 && left > -bytes.length) {
        this.#broken += 1;
        setImmediate(() => this.#break(pair));
      }
      return taken;
    };
    const wakeInner = this.#pipe(inner, outer, takes);
    const wakeOuter = this.#pipe(outer, inner, takes);
    const pair: Pair = {
      inner,
      outer,
      wake: () => {
        wakeInner();
        wakeOuter();
      },
    };
    this.#pairs.add(pair);
    for (const [socket, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      socket.on('error', () => undefined);
      socket.setNoDelay(true);
      socket.on('close', () => {
        this.#pairs.delete(pair);
        // A silent line does not tell of an end either.
        if (!this.#isStalled) other.destroySoon();
      });
    }
    inner.resume();
  }

  /** Carries what `takes` leaves of the bytes one way, late and in order; the result looks again whether it may. */
  #pipe(from: Socket, to: Socket, takes: (bytes: Buffer) => Buffer): () => void {
    const parcels: Parcel[] = [];
    let timer: NodeJS.Timeout | undefined;
    const pump = (): void => {
      clearTimeout(timer);
      timer = undefined;
      while (!this.#isStalled && parcels.length > 0) {
        const waitMs = (parcels[0]?.atMs ?? 0) - performance.now();
        if (waitMs > 0) {
          timer = setTimeout(pump, waitMs);
          return;
        }
        to.write(parcels.shift()?.bytes ?? Buffer.alloc(0));
      }
    };
    from.on('data', (all: Buffer) => {
      const bytes = takes(all);
      if (bytes.length === 0) return;
      this.#carried += bytes.length;
      parcels.push({ atMs: performance.now() + this.delayMs, bytes });
      pump();
    });
    from.on('close', () => clearTimeout(timer));
    return pump;
  }
}
