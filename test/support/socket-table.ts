import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

const LISTEN = '0A';

/** False where the kernel's table of sockets cannot be read. */
export const hasSocketTable = existsSync('/proc/self/net/tcp6');

/** What a process listens on, by the kernel's word: `127.0.0.1:9000`, `[::1]:9000`. */
export function listeningSockets(pid: number): readonly string[] {
  const own = new Set(descriptors(pid).flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  return ['tcp', 'tcp6']
    .flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, 'utf8').trimEnd().split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter((row) => row[3] === LISTEN && own.has(row[9] ?? ''))
    .map((row) => addressOf(row[1] ?? ''))
    .sort();
}

/** What the open descriptors of a process lead to. */
export function descriptors(pid: number): readonly string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((name) => {
    try {
      return [readlinkSync(`${folder}/${name}`)];
    } catch {
      // Closed in between.
      return [];
    }
  });
}

/** `0100007F:2328` is 127.0.0.1:9000: words of 32 bits in the order of the machine, the port in that of the network. */
function addressOf(hex: string): string {
  const [host = '', port = ''] = hex.split(':');
  const bytes = Buffer.from(host, 'hex');
  for (let at = 0; at < bytes.length; at += 4) bytes.subarray(at, at + 4).reverse();
  const number = Number.parseInt(port, 16);
  if (bytes.length === 4) return `${[...bytes].join('.')}:${number}`;
  const isLoopback = bytes.subarray(0, 15).every((byte) => byte === 0) && bytes[15] === 1;
  const isAny = bytes.every((byte) => byte === 0);
  return `[${isLoopback ? '::1' : isAny ? '::' : bytes.toString('hex')}]:${number}`;
}
