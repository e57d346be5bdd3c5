import { isIPv4, isIPv6 } from 'node:net';
import { quote, redact } from './secret.ts';
import { describe, type ReadContext, type ValueType } from './value.ts';

/** As peers take them (limits of peer exchange). */
const MAX_ADDRESS_CHARS = 256;
const MAX_PORT = 65_535;
const MAX_HOST_NAME_CHARS = 253;

const EXPECTED = 'a TCP multiaddr such as /ip4/203.0.113.7/tcp/9000; ip6, dns4 and dns6 likewise';

/** Protocols that exist but are not for us, with the reason an operator can act on. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['dns', '/dns/ leaves the IP version open, write /dns4/ or /dns6/'],
  ['dnsaddr', '/dnsaddr/ is not resolved here, write /dns4/ or /dns6/'],
  ['udp', 'UDP and QUIC are not supported, only TCP'],
  ['quic', 'UDP and QUIC are not supported, only TCP'],
  ['quic-v1', 'UDP and QUIC are not supported, only TCP'],
  ['webtransport', 'UDP and QUIC are not supported, only TCP'],
  ['ws', 'WebSocket is not supported, only plain TCP'],
  ['wss', 'WebSocket is not supported, only plain TCP'],
  ['tls', 'TLS is not supported, only plain TCP (Noise encrypts it)'],
  ['http', 'HTTP is not supported, only plain TCP'],
  ['https', 'HTTP is not supported, only plain TCP'],
  ['unix', 'Unix sockets are not supported, only TCP'],
  ['p2p', 'a peer id does not belong here, leave out /p2p/...'],
  ['ipfs', 'a peer id does not belong here, leave out /ipfs/...'],
  ['p2p-circuit', 'relays are not supported, leave out /p2p-circuit'],
  ['ip6zone', 'IPv6 zones are not supported'],
]);

const FAMILIES = ['ip4', 'ip6', 'dns4', 'dns6'] as const;
const PORT = /^(0|[1-9][0-9]*)$/;

export interface TcpAddress {
  readonly family: (typeof FAMILIES)[number];
  readonly host: string;
  readonly port: number;
}

type Wrong = (
  code: 'BAD_VALUE' | 'NOT_SUPPORTED' | 'OUT_OF_RANGE',
  message: string,
  expected: string,
) => undefined;

/** Parts of a TCP multiaddr; undefined after `wrong` was called with what is wrong and what would be right. */
export function parseTcpAddress(text: string, wrong: Wrong): TcpAddress | undefined {
  if (text.length > MAX_ADDRESS_CHARS) {
    return wrong('OUT_OF_RANGE', `is longer than ${MAX_ADDRESS_CHARS} characters`, EXPECTED);
  }
  if (!text.startsWith('/')) {
    return wrong('BAD_VALUE', `${quote(text)} is not a multiaddr`, fromHostAndPort(text));
  }
  const [family = '', host = '', transport = '', port = '', ...rest] = text.slice(1).split('/');
  const shown = quote(text, (full) => full.split('/').map(redact).join('/'));
  const refused = REFUSED.get(family) ?? REFUSED.get(transport) ?? REFUSED.get(rest[0] ?? '');
  if (refused !== undefined) {
    const right = corrected(family === 'dns' ? 'dns4' : family, host, port);
    return wrong('NOT_SUPPORTED', `${shown}: ${refused}`, right);
  }
  const kind = FAMILIES.find((name) => name === family);
  if (kind === undefined) {
    // By the whole: a key may start with a slash and have more of them in it.
    return wrong('BAD_VALUE', `${quote(text)} starts with an unknown address kind`, EXPECTED);
  }
  const hostFault = wrongHost(kind, host);
  if (hostFault !== undefined) {
    const meant = isIPv4(host) ? 'ip4' : isIPv6(host) ? 'ip6' : kind;
    return wrong('BAD_VALUE', `${shown}: ${hostFault}`, corrected(meant, host, port));
  }
  if (transport !== 'tcp') return wrong('BAD_VALUE', `${shown} has no /tcp/ after the address`, EXPECTED);
  if (!PORT.test(port)) return wrong('BAD_VALUE', `${shown} has no port number`, EXPECTED);
  if (Number(port) > MAX_PORT) {
    return wrong('OUT_OF_RANGE', `${shown}: port ${quote(port)} is above ${MAX_PORT}`, EXPECTED);
  }
  if (rest.length > 0) {
    return wrong('BAD_VALUE', `${shown} goes on after the port`, corrected(family, host, port));
  }
  return { family: kind, host, port: Number(port) };
}

/** The same place as a TCP multiaddr, if the parts make one; else the general text. */
function corrected(family: string, host: string, port: string): string {
  const known = FAMILIES.find((name) => name === family);
  if (known === undefined || wrongHost(known, host) !== undefined) return EXPECTED;
  return PORT.test(port) && Number(port) <= MAX_PORT ? `/${family}/${host}/tcp/${port}` : EXPECTED;
}

/** What people write in most other configuration files. */
function fromHostAndPort(text: string): string {
  const [, bracketed, plain, port = ''] = /^(?:\[([^\]]+)\]|([^:/]+)):([0-9]{1,5})$/.exec(text) ?? [];
  if (bracketed !== undefined) return corrected('ip6', bracketed, port);
  const host = plain ?? '';
  return corrected(isIPv4(host) ? 'ip4' : 'dns4', host, port);
}

function wrongHost(family: TcpAddress['family'], host: string): string | undefined {
  const isAddress = isIPv4(host) || isIPv6(host);
  if (family === 'ip4') return isIPv4(host) ? undefined : `${quote(host)} is not an IPv4 address`;
  if (family === 'ip6') {
    return isIPv6(host) && !host.includes('%') ? undefined : `${quote(host)} is not an IPv6 address`;
  }
  if (isAddress) return `${quote(host)} is an address, not a name, write /ip4/ or /ip6/`;
  return isHostName(host) ? undefined : `${quote(host)} is not a host name`;
}

/** RFC 1123 labels; the last one not all digits, or resolvers take the name for an IPv4 address. */
function isHostName(host: string): boolean {
  const labels = host.split('.');
  return (
    host.length <= MAX_HOST_NAME_CHARS &&
    labels.every((label) => /^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$/.test(label)) &&
    !/^[0-9]+$/.test(labels.at(-1)!)
  );
}

function address(
  check: (parts: TcpAddress, text: string, context: ReadContext) => string | undefined,
): ValueType<string> {
  return {
    name: 'multiaddr',
    expected: EXPECTED,
    read(input, context) {
      if (typeof input !== 'string') return context.fail('WRONG_TYPE', `is ${describe(input)}`, EXPECTED);
      const parts = parseTcpAddress(input, (...wrong) => context.fail(...wrong));
      return parts === undefined ? undefined : check(parts, input, context);
    },
    show: (value) => value,
  };
}

/** Where to listen; port 0 lets the system choose one. */
export const listenAddress = address((_, text) => text);

/** One spelling for each place: IPv6 as RFC 5952 has it, names in lower case. */
export function canonicalAddress({ family, host, port }: TcpAddress): string {
  return `/${family}/${canonicalHost(family, host)}/tcp/${port}`;
}

function canonicalHost(family: TcpAddress['family'], host: string): string {
  if (family === 'ip4') return host;
  return family === 'ip6' ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host.toLowerCase();
}

/** What keeps an address from being dialled, after its text; undefined if nothing does. */
export function wrongToDial({ family, host, port }: TcpAddress): string | undefined {
  if (port === 0) return ': nobody can dial port 0';
  const plain = canonicalHost(family, host);
  if (plain === '::' || (family === 'ip4' && plain.startsWith('0.'))) return ' is no address to dial';
  const isGroup = family === 'ip4' ? Number.parseInt(plain, 10) >= 224 : /^ff..:/.test(plain);
  return isGroup && !family.startsWith('dns') ? ' is a multicast or reserved address' : undefined;
}

const DIALABLE = 'an address that others can dial, such as /dns4/node.example.com/tcp/9000';

/** What others are told to dial. */
export const announceAddress = address((parts, text, context) => {
  const wrong = wrongToDial(parts);
  return wrong === undefined ? text : context.fail('BAD_VALUE', `${quote(text)}${wrong}`, DIALABLE);
});
