import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { multiaddr } from '@multiformats/multiaddr';
import { MAX_ADDRESS_BYTES } from './constants.ts';

/** Where an address lies. `name`: a DNS name of the public tree, its addresses are judged when it is resolved. */
export type AddressClass =
  | 'public'
  | 'name'
  | 'private'
  | 'cgnat'
  | 'loopback'
  | 'link-local'
  | 'ula'
  | 'reserved'
  | 'unspecified'
  | 'multicast';

export type AddressFault = 'ADDRESS_TOO_LONG' | 'ADDRESS_INVALID' | 'ADDRESS_NOT_TCP' | 'PORT_ZERO';

export interface ExchangeAddress {
  /** Canonical text: lower case, shortest IPv6 form, no leading zeros. */
  readonly text: string;
  readonly family: 'ip4' | 'ip6' | 'dns4' | 'dns6';
  readonly host: string;
  readonly port: number;
  readonly class: AddressClass;
  /** `/24` of an IPv4, `/48` of an IPv6 address of the public class; else undefined. */
  readonly subnet: string | undefined;
}

type Range = readonly [net: string, prefix: number, is: AddressClass];

/** IANA special-purpose registries; the first range that holds decides. */
const RANGES_4: readonly Range[] = [
  ['0.0.0.0', 32, 'unspecified'],
  ['0.0.0.0', 8, 'reserved'],
  ['10.0.0.0', 8, 'private'],
  ['100.64.0.0', 10, 'cgnat'],
  ['127.0.0.0', 8, 'loopback'],
  ['169.254.0.0', 16, 'link-local'],
  ['172.16.0.0', 12, 'private'],
  ['192.0.0.0', 24, 'reserved'],
  ['192.0.2.0', 24, 'reserved'],
  ['192.88.99.0', 24, 'reserved'],
  ['192.168.0.0', 16, 'private'],
  ['198.18.0.0', 15, 'reserved'],
  ['198.51.100.0', 24, 'reserved'],
  ['203.0.113.0', 24, 'reserved'],
  ['224.0.0.0', 4, 'multicast'],
  ['240.0.0.0', 4, 'reserved'],
];
const RANGES_6: readonly Range[] = [
  ['::', 128, 'unspecified'],
  ['::1', 128, 'loopback'],
  ['fc00::', 7, 'ula'],
  ['fe80::', 10, 'link-local'],
  ['fec0::', 10, 'private'],
  ['ff00::', 8, 'multicast'],
  // Documentation, benchmarking, Teredo and 6to4: inside the global range, but none of them is a place of its own.
  ['2001::', 23, 'reserved'],
  ['2001:db8::', 32, 'reserved'],
  ['2002::', 16, 'reserved'],
  ['3fff::', 20, 'reserved'],
  ['2000::', 3, 'public'],
  // The rest, among it IPv4 in IPv6 clothes.
  ['::', 0, 'reserved'],
];

function lists(ranges: readonly Range[], type: 'ipv4' | 'ipv6'): readonly [BlockList, AddressClass][] {
  return ranges.map(([net, prefix, is]) => {
    const list = new BlockList();
    list.addSubnet(net, prefix, type);
    return [list, is];
  });
}

const LISTS = { ipv4: lists(RANGES_4, 'ipv4'), ipv6: lists(RANGES_6, 'ipv6') };
/** RFC 6761, RFC 8375 and what home routers hand out. */
const PRIVATE_NAMES = /(^|\.)(localhost|local|localdomain|internal|lan|home|home\.arpa|test|invalid|onion)$/;
const PORT = /^(0|[1-9][0-9]{0,4})$/;
const HOST_NAME = /^(?=.{1,253}$)((?!-)[a-z0-9_-]{1,63}(?<!-)\.)*(?!-)(?![0-9]+$)[a-z0-9-]{1,63}(?<!-)$/;

/** Class of an IP address in text form; undefined if it is none. For addresses that a name was resolved to. */
export function classOfIp(host: string): AddressClass | undefined {
  const type = isIPv4(host) ? 'ipv4' : isIPv6(host) && !host.includes('%') ? 'ipv6' : undefined;
  if (type === undefined) return undefined;
  return LISTS[type].find(([list]) => list.check(host, type))?.[1] ?? 'public';
}

/** A TCP multiaddr in its canonical form, or what is wrong with it. Takes no `/p2p/` suffix. */
export function parseAddress(text: string): ExchangeAddress | AddressFault {
  if (text.length > MAX_ADDRESS_BYTES) return 'ADDRESS_TOO_LONG';
  const [empty, family, rawHost = '', transport, port = '', ...rest] = text.split('/');
  if (empty !== '') return 'ADDRESS_INVALID';
  if (family !== 'ip4' && family !== 'ip6' && family !== 'dns4' && family !== 'dns6')
    return 'ADDRESS_NOT_TCP';
  if (transport !== 'tcp' || rest.length > 0) return 'ADDRESS_NOT_TCP';
  const host = canonicalHost(family, rawHost);
  if (host === undefined || !PORT.test(port) || Number(port) > 65_535) return 'ADDRESS_INVALID';
  if (port === '0') return 'PORT_ZERO';
  const is = classOfIp(host) ?? (PRIVATE_NAMES.test(host) || !host.includes('.') ? 'private' : 'name');
  const subnet = is === 'public' ? subnetOf(host) : undefined;
  return { text: `/${family}/${host}/tcp/${port}`, family, host, port: Number(port), class: is, subnet };
}

/** The same from its binary form. */
export function parseAddressBytes(bytes: Uint8Array): ExchangeAddress | AddressFault {
  if (bytes.length > MAX_ADDRESS_BYTES) return 'ADDRESS_TOO_LONG';
  try {
    return parseAddress(multiaddr(bytes).toString());
  } catch {
    return 'ADDRESS_INVALID';
  }
}

/** Binary form of a canonical address. */
export function addressBytes(text: string): Uint8Array {
  return multiaddr(text).bytes;
}

/** Classes that nobody can be dialled at, from wherever they were told. */
export function isNowhere(is: AddressClass): boolean {
  return is === 'unspecified' || is === 'multicast';
}

/** Classes that mean a place only to those nearby. */
export function isNear(is: AddressClass): boolean {
  return is !== 'public' && is !== 'name' && !isNowhere(is);
}

function canonicalHost(family: ExchangeAddress['family'], host: string): string | undefined {
  if (family === 'ip4') return isIPv4(host) ? host : undefined;
  if (family === 'ip6') {
    if (!isIPv6(host) || host.includes('%')) return undefined;
    return new URL(`tcp://[${host}]/`).hostname.slice(1, -1);
  }
  const name = host.toLowerCase();
  return HOST_NAME.test(name) ? name : undefined;
}

function subnetOf(host: string): string {
  if (isIPv4(host)) return host.slice(0, host.lastIndexOf('.'));
  // Canonical form: what `::` stands for is zeros.
  const [head = ''] = host.split('::');
  const groups = head.split(':');
  return [0, 1, 2].map((i) => groups[i] ?? '0').join(':');
}
