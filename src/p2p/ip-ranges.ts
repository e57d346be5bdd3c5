import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** Networks that no public peer can be dialled at (IANA special-purpose registries), by IP version. */
const NOT_PUBLIC: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 127, 'ipv6'],
  ['64:ff9b:1::', 48, 'ipv6'],
  ['100::', 64, 'ipv6'],
  ['2001:db8::', 32, 'ipv6'],
  ['3fff::', 20, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['fec0::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
];

const notPublic = new BlockList();
for (const [net, prefix, family] of NOT_PUBLIC) notPublic.addSubnet(net, prefix, family);

const notDialable = new BlockList();
notDialable.addSubnet('0.0.0.0', 8, 'ipv4');
notDialable.addSubnet('224.0.0.0', 3, 'ipv4');
notDialable.addAddress('::', 'ipv6');
notDialable.addSubnet('ff00::', 8, 'ipv6');

/** True for an address that the whole Internet may route. An IPv4 address inside of IPv6 counts as IPv4. */
export function isPublicIp(ip: string): boolean {
  return check(notPublic, ip);
}

/** False for unspecified, multicast and broadcast addresses: there can be nobody. */
export function isDialableIp(ip: string): boolean {
  return check(notDialable, ip);
}

/** BlockList looks through IPv4-mapped addresses by itself. */
function check(list: BlockList, ip: string): boolean {
  if (isIPv4(ip)) return !list.check(ip, 'ipv4');
  return isIPv6(ip) && !ip.includes('%') && !list.check(ip, 'ipv6');
}
