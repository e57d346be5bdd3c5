import { existsSync, linkSync, lstatSync, rmSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { deadline } from './deadline.ts';
import { MAX_SOCKET_PATH_BYTES, PROBE_MS } from './limits.ts';

export type SocketErrorCode =
  | 'SOCKET_PATH_TOO_LONG'
  | 'SOCKET_MODE_INVALID'
  | 'SOCKET_IN_USE'
  | 'SOCKET_NOT_A_SOCKET'
  | 'SOCKET_UNUSABLE';

/** Why the socket could not be bound. SOCKET_IN_USE: another daemon answers there; `data.pid` if it said so. */
export class SocketError extends Error {
  readonly code: SocketErrorCode;
  readonly data: Readonly<Record<string, string | number>>;

  constructor(code: SocketErrorCode, message: string, data: Readonly<Record<string, string | number>>) {
    super(message);
    this.name = 'SocketError';
    this.code = code;
    this.data = data;
  }
}

/** What a bound socket is known by, so that another process's socket is never removed. */
export interface SocketFile {
  readonly path: string;
  readonly dev: number;
  readonly ino: number;
}

/** Modes that can be asked for; the file mode is the authorisation, since Node cannot read peer credentials. */
export const SOCKET_MODES = [0o600, 0o660] as const;
export type SocketMode = (typeof SOCKET_MODES)[number];

type Probe =
  | { readonly kind: 'free' | 'stale' }
  | { readonly kind: 'alive'; readonly pid: number | undefined };

/**
 * Binds a server to a path, exactly in the mode given. A socket that nobody answers on is replaced; one that
 * answers is another daemon. The server binds a name of its own and links it to the path: linking never
 * replaces what another process put there meanwhile, and libuv, which unlinks the name it bound when the
 * server closes, then cannot remove another daemon's socket.
 *
 * @throws SocketError
 */
export async function bindSocket(
  server: Server,
  path: string,
  mode: SocketMode,
): Promise<{ readonly file: SocketFile; readonly removedStale: boolean }> {
  checkNames(path, mode);
  const before = inodeOf(path);
  const probe = before === undefined ? ({ kind: 'free' } as const) : await probeSocket(path);
  if (probe.kind === 'alive') throw inUse(path, probe.pid);
  const own = ownName(path);
  rmSync(own, { force: true });
  await listen(server, own, mode);
  try {
    // Our socket exists before the stale one goes, so it cannot have got the same inode number.
    if (before !== undefined) unlinkIfOurs({ path, ...before });
    linkSync(own, path);
    unlinkSync(own);
  } catch (error) {
    server.close();
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw inUse(path, undefined);
    throw unusable(path, 'cannot be put in place', error);
  }
  const file = inodeOf(path);
  if (file === undefined) throw unusable(path, 'vanished while it was bound', undefined);
  return { file: { path, ...file }, removedStale: probe.kind === 'stale' };
}

/**
 * Refuses if a daemon answers on the path: the first thing of a start, since a message with its pid says more
 * than that the store is locked.
 *
 * @throws SocketError SOCKET_IN_USE
 */
export async function refuseIfRunning(path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES || inodeOf(path) === undefined) return;
  const probe = await probeSocket(path);
  if (probe.kind === 'alive') throw inUse(path, probe.pid);
}

function checkNames(path: string, mode: SocketMode): void {
  if (!SOCKET_MODES.includes(mode)) {
    throw new SocketError('SOCKET_MODE_INVALID', 'rpc.mode must be 0600 or 0660', { mode: mode.toString(8) });
  }
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_SOCKET_PATH_BYTES) return;
  const most = `a Unix socket's path has at most ${MAX_SOCKET_PATH_BYTES}; set a shorter rpc.socket`;
  throw new SocketError('SOCKET_PATH_TOO_LONG', `the socket path has ${bytes} bytes, ${most}`, {
    path,
    bytes,
  });
}

/** The name that is bound: one that tools show beside the path, or a short one where that would be too long. */
function ownName(path: string): string {
  const full = `${path}.${process.pid}`;
  return Buffer.byteLength(full) <= MAX_SOCKET_PATH_BYTES
    ? full
    : join(dirname(path), `.${process.pid.toString(36)}`);
}

function inUse(path: string, pid: number | undefined): SocketError {
  const who = pid === undefined ? '' : ` (pid ${pid})`;
  const message = `already running${who}: another daemon answers on ${path}`;
  return new SocketError('SOCKET_IN_USE', message, pid === undefined ? { path } : { path, pid });
}

function unusable(path: string, what: string, error: unknown): SocketError {
  const reason = error === undefined ? 'ENOENT' : ((error as NodeJS.ErrnoException).code ?? String(error));
  // libuv reports a missing directory as EACCES.
  const hint = existsSync(dirname(path)) ? '' : `; there is no directory ${dirname(path)}`;
  return new SocketError('SOCKET_UNUSABLE', `the socket ${path} ${what}: ${reason}${hint}`, { path, reason });
}

/** Removes the socket if the path still leads to it. */
export function unlinkIfOurs(file: SocketFile): void {
  const now = inodeOf(file.path);
  if (now?.ino !== file.ino || now.dev !== file.dev) return;
  try {
    unlinkSync(file.path);
  } catch {
    // Gone by itself, or not ours to remove: the next start finds out by connecting.
  }
}

function inodeOf(path: string): { dev: number; ino: number } | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isSocket()) {
    throw new SocketError(
      'SOCKET_NOT_A_SOCKET',
      `${path} is there and is no socket; move it or set rpc.socket`,
      { path },
    );
  }
  return { dev: stat.dev, ino: stat.ino };
}

/** Connects first: a dead process's socket refuses, a daemon answers and is asked for its pid. */
function probeSocket(path: string): Promise<Probe> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let connected = false;
    let text = '';
    const settle = (probe: Probe) => {
      stopDeadline();
      socket.destroy();
      resolve(probe);
    };
    const alive = () => settle({ kind: 'alive', pid: pidIn(text) });
    const stopDeadline = deadline(PROBE_MS, alive);
    socket.on('connect', () => {
      connected = true;
      socket.write('{"jsonrpc":"2.0","id":1,"method":"node.status"}\n');
    });
    socket.on('data', (chunk) => {
      text += chunk.toString('utf8');
      if (text.includes('\n') || text.length > 1_000_000) alive();
    });
    socket.on('close', () => connected && alive());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (connected) return alive();
      if (error.code === 'ECONNREFUSED') return settle({ kind: 'stale' });
      if (error.code === 'ENOENT') return settle({ kind: 'free' });
      stopDeadline();
      reject(unusable(path, 'cannot be tried', error));
    });
  });
}

function pidIn(text: string): number | undefined {
  try {
    const answer = JSON.parse(text) as { result?: { pid?: unknown } };
    return typeof answer.result?.pid === 'number' ? answer.result.pid : undefined;
  } catch {
    return undefined;
  }
}

/**
 * `listen` on a path binds before it returns, so the umask around it gives the exact mode, with no instant
 * at which others could connect (measured; without it the socket is 0755).
 */
function listen(server: Server, path: string, mode: SocketMode): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(unusable(path, 'cannot be bound', error));
    server.once('error', fail);
    const umask = process.umask(0o777 & ~mode);
    try {
      server.listen(path, () => {
        server.off('error', fail);
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });
}
