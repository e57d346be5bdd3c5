import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { createHost, type Libp2pHost } from '../../src/p2p/host.ts';
import type { HostOptions } from '../../src/p2p/host-options.ts';
import type { ExtraServices } from '../../src/p2p/libp2p-node.ts';
import type { DialTarget, HostEvents, HostPolicy } from '../../src/p2p/types.ts';

/** Lets everybody in. */
export const OPEN_POLICY: HostPolicy = {
  maxPeers: 300,
  maxPerIp: 300,
  connectionTimeoutMs: 5_000,
  allowed: undefined,
  isDenied: () => false,
};

/** Private key as conf.yaml holds it, 64 bytes; from a seed byte, so that a test can name its peers. */
export function testKey(seed?: number): Uint8Array {
  const bytes = seed === undefined ? randomBytes(32) : Buffer.alloc(32, seed);
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), bytes]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return Buffer.concat([bytes, spki.subarray(-32)]);
}

export interface TestHostOptions<S extends ExtraServices = Record<never, never>>
  extends Partial<Omit<HostOptions<S>, 'policy'>> {
  readonly policy?: Partial<HostPolicy>;
}

/** A started host on loopback with a free port and a fresh key; stopped when the test ends. */
export async function makeHost<S extends ExtraServices = Record<never, never>>(
  t: Pick<TestContext, 'after'>,
  opts: TestHostOptions<S> = {},
): Promise<Libp2pHost<S>> {
  const host = await newHost<S>(opts);
  t.after(() => host.stop());
  await host.start();
  return host;
}

/** The same, neither started nor stopped. */
export function newHost<S extends ExtraServices = Record<never, never>>(
  opts: TestHostOptions<S> = {},
): Promise<Libp2pHost<S>> {
  return createHost<S>({
    privateKey: testKey(),
    version: '0.0.0-test',
    listen: ['/ip4/127.0.0.1/tcp/0'],
    ...opts,
    policy: { ...OPEN_POLICY, ...opts.policy },
  });
}

/** Whom and where to dial to reach this host. */
export function targetOf(host: Pick<Libp2pHost, 'peerId' | 'listenAddresses'>): DialTarget {
  return { peerId: host.peerId, addresses: host.listenAddresses() };
}

/** Dials with a generous limit; both sides see the peer when it resolves. */
export async function connectHosts<A extends ExtraServices, B extends ExtraServices>(
  from: Libp2pHost<A>,
  to: Libp2pHost<B>,
): Promise<void> {
  const seen = to.peer(from.peerId) === undefined ? nextEvent(to, 'connected') : undefined;
  await from.dial(targetOf(to), AbortSignal.timeout(10_000));
  await seen;
}

/** Arguments of the next event of that name. */
export function nextEvent<E extends keyof HostEvents, S extends ExtraServices>(
  host: Libp2pHost<S>,
  event: E,
): Promise<Parameters<HostEvents[E]>> {
  return new Promise((resolve) => {
    const off = host.on(event, ((...args: Parameters<HostEvents[E]>) => {
      off();
      resolve(args);
    }) as HostEvents[E]);
  });
}
