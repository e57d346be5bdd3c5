import { lstat } from 'node:fs/promises';
import { ClientError, type ClientErrorCode, RpcError } from '../api/client.ts';
import { CliError } from './errors.ts';

const WHY: Record<ClientErrorCode, string> = {
  SOCKET_ABSENT: 'there is no such file',
  SOCKET_DEAD: 'nobody listens there',
  SOCKET_DENIED: 'access is denied',
  SOCKET_FAILED: 'the connection failed',
  NO_ANSWER: 'it does not answer',
  CONNECTION_LOST: 'the connection was lost',
  ANSWER_INVALID: 'what answers is no btcfed daemon',
};

/** The error for a daemon that cannot be reached: socket path, its mode, and what to do. Others pass. */
export async function explainUnreachable(
  error: unknown,
  where: { readonly socketPath: string; readonly home: string },
): Promise<unknown> {
  if (!(error instanceof ClientError)) return error;
  const { socketPath, home } = where;
  const seen = await describeSocket(socketPath);
  const todo =
    error.code === 'SOCKET_DENIED'
      ? 'run this as the user of the daemon, or set rpc.mode to "0660" and join its group'
      : `start it with \`btcfed run --home ${home}\`, or look at \`systemctl status btcfed\``;
  const message = `no daemon reachable on ${socketPath}: ${WHY[error.code]}${seen}; ${todo}`;
  return new CliError('UNREACHABLE', message, { socket: socketPath, reason: error.code });
}

/** The error for a daemon that ended, or was about to, before the answer. Others pass. */
export function explainLost(error: unknown, socketPath: string): unknown {
  const reason = lostBy(error);
  if (reason === undefined) return error;
  const why = (error as Error).message;
  const message = `the daemon on ${socketPath} went away before it had answered (${why}); what it answered before is kept. Run this again when it is back: \`btcfed wait\``;
  return new CliError('UNREACHABLE', message, { socket: socketPath, reason });
}

/** A request that reaches a stopping daemon is refused, or its connection is closed: which one is a matter of milliseconds. */
function lostBy(error: unknown): string | undefined {
  if (error instanceof ClientError && error.code === 'CONNECTION_LOST') return error.code;
  if (error instanceof RpcError && error.code === 'SHUTTING_DOWN') return error.code;
  return undefined;
}

async function describeSocket(path: string): Promise<string> {
  try {
    const { mode, uid, gid } = await lstat(path);
    return ` (mode ${(mode & 0o777).toString(8).padStart(4, '0')}, owner ${uid}:${gid})`;
  } catch {
    return '';
  }
}
