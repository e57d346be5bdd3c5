import type { MultiaddrConnection, Upgrader, UpgraderOptions } from '@libp2p/interface';

/**
 * Every socket from accept or connect to its close: libp2p's own stop may resolve before the last one is gone
 * (js-libp2p issue 3616). `upgrader` does what the given one does, and sees them all.
 */
export class Sockets {
  readonly upgrader: Upgrader;
  readonly #open = new Set<MultiaddrConnection>();

  constructor(inner: Upgrader) {
    this.upgrader = {
      upgradeOutbound: (connection: MultiaddrConnection, opts: UpgraderOptions) => {
        this.#watch(connection);
        return inner.upgradeOutbound(connection, opts);
      },
      upgradeInbound: (connection: MultiaddrConnection, opts: UpgraderOptions) => {
        this.#watch(connection);
        return inner.upgradeInbound(connection, opts);
      },
      createInboundAbortSignal: (signal) => inner.createInboundAbortSignal(signal),
      getStreamMuxers: () => inner.getStreamMuxers(),
      getConnectionEncrypters: () => inner.getConnectionEncrypters(),
    };
  }

  get open(): number {
    return this.#open.size;
  }

  /** Cuts all that are left. */
  async end(): Promise<void> {
    await Promise.all(
      [...this.#open].map((connection) => {
        const closed = new Promise<void>((resolve) => connection.addEventListener('close', () => resolve()));
        connection.abort(new Error('stopping'));
        return closed;
      }),
    );
  }

  #watch(connection: MultiaddrConnection): void {
    if (connection.status !== 'open') return;
    this.#open.add(connection);
    connection.addEventListener('close', () => this.#open.delete(connection));
  }
}
