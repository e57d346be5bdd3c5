import {
  MAX_FRAME_BYTES,
  MAX_INBOUND_STREAMS,
  MAX_OUTBOUND_STREAMS,
  PROTOCOL_IDS,
} from '../../protocols/peer-exchange/constants.ts';
import { ExchangeError, type ExchangeErrorCode } from '../../protocols/peer-exchange/errors.ts';
import type {
  ExchangePeer,
  ExchangeStream,
  ExchangeTransport,
} from '../../protocols/peer-exchange/interfaces.ts';
import { asP2pError, type P2pErrorCode } from './errors.ts';
import type { ConnectedPeer, FrameStream, Host, PeerIdText, ProtocolOptions } from './types.ts';

export const EXCHANGE_STREAMS: ProtocolOptions = {
  maxFrameBytes: MAX_FRAME_BYTES,
  maxInboundStreams: MAX_INBOUND_STREAMS,
  maxOutboundStreams: MAX_OUTBOUND_STREAMS,
};

const CODES: Readonly<Partial<Record<P2pErrorCode, ExchangeErrorCode>>> = {
  FRAME_TOO_LARGE: 'FRAME_TOO_LARGE',
  BAD_FRAME: 'FRAME_MALFORMED',
  TIMEOUT: 'TIMEOUT',
  NOT_CONNECTED: 'NOT_CONNECTED',
  STOPPED: 'STOPPED',
  INTERNAL: 'INTERNAL',
};

/** The host as the exchange sees it. */
export class HostTransport implements ExchangeTransport {
  readonly #host: Pick<Host, 'peer' | 'openStream' | 'hangUp'>;

  constructor(host: Pick<Host, 'peer' | 'openStream' | 'hangUp'>) {
    this.#host = host;
  }

  peer(peerId: PeerIdText): ExchangePeer | undefined {
    const peer = this.#host.peer(peerId);
    return peer === undefined ? undefined : exchangePeer(peer);
  }

  async open(peerId: PeerIdText, signal: AbortSignal): Promise<ExchangeStream> {
    return exchangeStream(
      await translated(this.#host.openStream(peerId, PROTOCOL_IDS, EXCHANGE_STREAMS, signal)),
    );
  }

  hangUp(peerId: PeerIdText, code: ExchangeErrorCode): void {
    // It may be gone already.
    this.#host.hangUp(peerId, code).catch(() => {});
  }
}

export function exchangePeer(peer: ConnectedPeer): ExchangePeer {
  const { peerId, publicKey, isPrivate, direction } = peer;
  return { peerId, publicKey, isPrivate, isDialler: direction === 'outbound' };
}

export function exchangeStream(stream: FrameStream): ExchangeStream {
  return {
    peerId: stream.peerId,
    async read(signal) {
      try {
        return await stream.read(signal);
      } catch (thrown) {
        const error = asP2pError(thrown);
        if (error.code === 'STREAM_ENDED') return undefined;
        throw translate(error.code, error.message);
      }
    },
    write: (frame, signal) => translated(stream.write(frame, signal)),
    close: (signal) => translated(stream.close(signal)),
    abort: (code) => stream.abort(code),
  };
}

async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    const { code, message } = asP2pError(thrown);
    throw translate(code, message);
  }
}

function translate(code: P2pErrorCode, message: string): ExchangeError {
  return new ExchangeError(CODES[code] ?? 'STREAM_RESET', message);
}
