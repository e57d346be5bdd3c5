import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { isPublicIp } from './ip-ranges.ts';

const FAMILIES = ['ip4', 'ip6', 'dns4', 'dns6'] as const;

/** A TCP multiaddr of the four kinds that we speak, without `/p2p/`. */
export interface NetAddress {
  readonly family: (typeof FAMILIES)[number];
  readonly host: string;
  readonly port: number;
  /** Canonical text: `/ip4/203.0.113.7/tcp/9000`. */
  readonly text: string;
}

/** Undefined for anything else than `/ip4|ip6|dns4|dns6/HOST/tcp/PORT`, with or without `/p2p/ID` behind it. */
export function netAddress(address: string | Multiaddr): NetAddress | undefined {
  try {
    const [host, tcp, last, ...rest] = multiaddr(address).getComponents();
    const family = FAMILIES.find((name) => name === host?.name);
    if (family === undefined || tcp?.name !== 'tcp' || rest.length > 0) return undefined;
    if (last !== undefined && last.name !== 'p2p') return undefined;
    const name = host?.value;
    const port = Number(tcp.value);
    if (name === undefined || tcp.value === undefined) return undefined;
    return { family, host: name, port, text: `/${family}/${name}/tcp/${port}` };
  } catch {
    return undefined;
  }
}

export function isName(address: NetAddress): boolean {
  return address.family === 'dns4' || address.family === 'dns6';
}

/** Listens on every interface. */
export function isWildcard({ host }: NetAddress): boolean {
  return host === '0.0.0.0' || host === '::';
}

export function isLoopback({ family, host }: NetAddress): boolean {
  return family === 'ip4' ? host.startsWith('127.') : host === '::1';
}

/** True for private, shared, link-local, loopback and reserved addresses; false for names. */
export function isPrivateAddress(address: NetAddress): boolean {
  return !isName(address) && !isPublicIp(address.host);
}

/** What limits count as one place: the IPv4 address, or the /64 that one IPv6 customer has at least. */
export function placeOf(address: NetAddress): string {
  if (address.family !== 'ip6') return address.host;
  const [head = '', tail] = address.host.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array<string>(Math.max(gap, 0)).fill('0'), ...after];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
