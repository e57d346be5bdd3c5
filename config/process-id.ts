import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

/**
 * A process, told apart from a later one with the same number: by its start time in clock ticks, the boot it
 * belongs to, and the namespace its number counts in. Empty or 0 where the system does not say.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: string;
  readonly boot: string;
  readonly namespace: string;
}

/** `unknown`: it lives in another pid namespace, such as another container. */
export type Liveness = 'alive' | 'dead' | 'unknown';

export interface ProcessTable {
  readonly self: ProcessIdentity;
  liveness(other: ProcessIdentity): Liveness;
}

/** `pid-startTicks-boot-namespace`: safe in file names and on one line. */
export function identityText({ pid, startTicks, boot, namespace }: ProcessIdentity): string {
  return `${pid}-${startTicks}-${boot}-${namespace}`;
}

export function parseIdentity(text: string): ProcessIdentity | undefined {
  const [, pid, startTicks, boot, namespace] =
    /^([1-9][0-9]{0,9})-([0-9]{1,20})-([0-9a-f]{0,8})-([0-9]{0,20})$/.exec(text) ?? [];
  if (pid === undefined) return undefined;
  return { pid: Number(pid), startTicks: startTicks!, boot: boot!, namespace: namespace! };
}

/** What `/proc` says of processes (proc(5), namespaces(7)); where there is none, only their numbers count. */
export function createProcessTable(proc = '/proc'): ProcessTable {
  const self: ProcessIdentity = {
    pid: process.pid,
    startTicks: startTicksOf(`${proc}/self/stat`) ?? '0',
    boot: readText(`${proc}/sys/kernel/random/boot_id`).replaceAll('-', '').slice(0, 8),
    namespace: /\[([0-9]+)\]/.exec(readLink(`${proc}/self/ns/pid`))?.[1] ?? '',
  };
  return {
    self,
    liveness(other) {
      if (other.boot !== self.boot) return 'dead';
      if (other.namespace !== self.namespace) return 'unknown';
      const startTicks = startTicksOf(`${proc}/${other.pid}/stat`);
      if (startTicks !== undefined) return startTicks === other.startTicks ? 'alive' : 'dead';
      // No /proc, or a process of another user that it does not show (hidepid, ProtectProc).
      return isThere(other.pid) ? 'unknown' : 'dead';
    },
  };
}

export const processTable: ProcessTable = createProcessTable();

/** Field 22 of /proc/PID/stat, 0 for a zombie, which holds nothing; undefined if it cannot be read. */
function startTicksOf(path: string): string | undefined {
  const text = readText(path);
  if (text === '') return undefined;
  // The second field is the name, in brackets, and may hold anything.
  const fields = text
    .slice(text.lastIndexOf(')') + 1)
    .trim()
    .split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? '0' : fields[19];
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Tells apart what one process does several times. */
export function newNonce(bytes: (count: number) => Uint8Array = randomBytes): string {
  return Buffer.from(bytes(8)).toString('hex');
}
