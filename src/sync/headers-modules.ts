import * as c from '../../protocols/headers/constants.ts';
import type { HeaderChain } from '../chain/header-chain.ts';
import type { Log } from '../observe/log.ts';
import type { Clock, Host, PeerIdText, PeerJudge, ProtocolOptions, RandomFraction } from '../p2p/types.ts';

/** What is done with our headers. */
export type SyncedChain = Pick<
  HeaderChain,
  'tip' | 'baseHeight' | 'isStarted' | 'knows' | 'heightOf' | 'locator' | 'headersAfter' | 'add' | 'onChange'
>;

export interface HeadersModules {
  /** `main`, `test` or `regtest`: peers of another one are left alone. */
  readonly network: string;
  readonly chain: SyncedChain;
  readonly host: Pick<Host, 'connected' | 'peer' | 'openStream' | 'handle' | 'on'>;
  readonly judge: Pick<PeerJudge, 'penalise'>;
  readonly clock: Clock;
  readonly random: RandomFraction;
  readonly log: Pick<Log, 'event' | 'debug'>;
  /** A fault of ours, such as a damaged row. */
  readonly onError: (error: unknown) => void;
}

/** Told by the parts to whoever decides about peers; must not throw. */
export interface PeerReports {
  /** A conversation with the peer failed: its fault, or that of the connection, or ours. */
  failed(peerId: PeerIdText, error: unknown): void;
}

export const PROTOCOL_IDS = [c.PROTOCOL_ID];

/** For `Host.handle` and `Host.openStream`. */
export const HEADERS_STREAMS: ProtocolOptions = {
  maxFrameBytes: c.MAX_FRAME_BYTES,
  maxInboundStreams: c.MAX_INBOUND_STREAMS,
  maxOutboundStreams: c.MAX_OUTBOUND_STREAMS,
};
