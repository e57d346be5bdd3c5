import type { Connection, Stream } from '@libp2p/interface';
import type { TrackedLink } from './connection-table.ts';
import { cancelled } from './dialer.ts';
import { P2pError } from './errors.ts';
import { LibFrameStream } from './frame-stream.ts';
import type { Clock, FrameStream, PeerIdText, ProtocolOptions } from './types.ts';

/** How long a finished handler may take to end its stream in order. */
const CLOSE_MS = 5_000;

interface Registrar {
  handle(
    protocol: string,
    handler: (stream: Stream, connection: Connection) => Promise<void>,
    options: { readonly maxInboundStreams: number; readonly maxOutboundStreams: number },
  ): Promise<void>;
  unhandle(protocols: string[]): Promise<void>;
}

export interface StreamHost {
  readonly clock: Clock;
  readonly registrar: Registrar;
  /** Resolves when the peer behind the connection is proven; fails if it never is. */
  proofOf(connection: Connection): Promise<void>;
  /** Proven connections of the peer, the oldest first; waits while they are being swapped. */
  living(peerId: PeerIdText, signal: AbortSignal): Promise<readonly TrackedLink[]>;
  onFault(error: unknown): void;
}

/** Registers a handler under all names; streams under different names of one protocol share one limit. */
export async function handleProtocols(
  host: StreamHost,
  protocols: readonly string[],
  handler: (stream: FrameStream) => Promise<void>,
  options: ProtocolOptions,
): Promise<() => Promise<void>> {
  const open = new WeakMap<Connection, number>();
  const onStream = async (stream: Stream, connection: Connection): Promise<void> => {
    const count = open.get(connection) ?? 0;
    if (count >= options.maxInboundStreams) return stream.abort(new Error('too many streams'));
    open.set(connection, count + 1);
    try {
      await serve(host, stream, connection, handler, options);
    } finally {
      open.set(connection, (open.get(connection) ?? 1) - 1);
    }
  };
  const { maxInboundStreams, maxOutboundStreams } = options;
  const done: string[] = [];
  try {
    for (const protocol of protocols) {
      await host.registrar.handle(protocol, onStream, { maxInboundStreams, maxOutboundStreams });
      done.push(protocol);
    }
  } catch (error) {
    await host.registrar.unhandle(done);
    throw new P2pError('INTERNAL', `${protocols.join(', ')} could not be registered`, {}, error);
  }
  return () => host.registrar.unhandle(done);
}

/** One inbound stream: never before the peer is known, never left open, and no error gets out. */
async function serve(
  host: StreamHost,
  stream: Stream,
  connection: Connection,
  handler: (stream: FrameStream) => Promise<void>,
  { maxFrameBytes, framing = 'varint' }: ProtocolOptions,
): Promise<void> {
  const peerId = connection.remotePeer.toString();
  // At once: a stream without a listener collects bytes.
  const frames = new LibFrameStream(stream, { peerId, maxFrameBytes, framing, clock: host.clock });
  try {
    await host.proofOf(connection);
    await handler(frames);
    await frames.close(AbortSignal.timeout(CLOSE_MS));
  } catch (error) {
    frames.abort('HANDLER_FAILED');
    // What a peer does wrong comes as a P2pError and is the handler's to judge; all else is a fault of ours.
    if (!(error instanceof P2pError)) host.onFault(error);
  }
}

/**
 * A stream to a connected peer, over whichever of its connections lives; tried once more if that one goes away.
 * @throws P2pError NOT_CONNECTED | NO_COMMON_PROTOCOL | STREAM_RESET | TIMEOUT | CANCELLED
 */
export async function openFrameStream(
  host: StreamHost,
  peerId: PeerIdText,
  protocols: readonly string[],
  options: ProtocolOptions,
  signal: AbortSignal,
): Promise<FrameStream> {
  let failure: P2pError | undefined;
  for (let attempt = 0; attempt < 2; attempt++) {
    const [link] = await host.living(peerId, signal);
    if (link === undefined) break;
    try {
      const { maxFrameBytes, maxOutboundStreams, framing = 'varint' } = options;
      const stream = await link.connection.newStream([...protocols], { signal, maxOutboundStreams });
      return new LibFrameStream(stream, { peerId, maxFrameBytes, framing, clock: host.clock });
    } catch (error) {
      failure = openError(error, signal);
      if (failure.code !== 'STREAM_RESET' || link.connection.status === 'open') throw failure;
    }
  }
  throw failure ?? new P2pError('NOT_CONNECTED', 'the peer is not connected');
}

function openError(error: unknown, signal: AbortSignal): P2pError {
  if (error instanceof P2pError) return error;
  if (signal.aborted) return cancelled(signal);
  const name = error instanceof Error ? error.name : '';
  if (name === 'UnsupportedProtocolError') {
    return new P2pError('NO_COMMON_PROTOCOL', 'the peer has none of the protocols', {}, error);
  }
  if (name === 'TooManyOutboundProtocolStreamsError') {
    return new P2pError('LIMIT_REACHED', 'too many streams to that peer at once', {}, error);
  }
  return new P2pError('STREAM_RESET', 'the stream was broken off while it was opened', {}, error);
}
