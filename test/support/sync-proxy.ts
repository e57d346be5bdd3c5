import { decodeMessage, encodeMessage } from '../../protocols/token-sync/codec.ts';
import { PROTOCOL_ID } from '../../protocols/token-sync/constants.ts';
import type { SyncMessage } from '../../protocols/token-sync/messages.ts';
import { type MemoryStream, streamPair } from './frame-pair.ts';
import type { Serve, SyncPeer } from './sync-net.ts';

/** What becomes of a message on its way; undefined: it is swallowed. */
export type Bend = (
  message: SyncMessage,
  way: 'asked' | 'answered',
  stream: MemoryStream,
) => SyncMessage | readonly SyncMessage[] | undefined;

const never = new AbortController().signal;

/** Serves with the peer's real server, and bends what goes either way: a liar with a true index behind it. */
export function bent(peer: SyncPeer, bend: Bend): Serve {
  return (stream, from) => {
    const { a, b } = streamPair({ a: from, b: peer.id }, PROTOCOL_ID, 64);
    void peer.server.handle(b);
    const pass = async (source: MemoryStream, target: MemoryStream, way: 'asked' | 'answered') => {
      try {
        for (;;) {
          const made = bend(decodeMessage(await source.read(never)), way, stream);
          for (const message of made === undefined ? [] : ([made].flat() as readonly SyncMessage[]))
            await target.write(encodeMessage(message), never);
        }
      } catch {
        source.abort('GONE');
        target.abort('GONE');
      }
    };
    void pass(stream, a, 'asked');
    void pass(a, stream, 'answered');
  };
}
