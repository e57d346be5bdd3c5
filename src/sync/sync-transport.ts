import { PROTOCOL_ID } from '../../protocols/token-sync/constants.ts';
import type { ConnectedPeer, Host } from '../p2p/types.ts';
import type { SyncTransport } from './client-modules.ts';
import { SYNC_STREAMS } from './serve.ts';

/** The host as the client of token sync sees it. */
export function hostTransport(host: Pick<Host, 'connected' | 'openStream' | 'on'>): SyncTransport {
  const speaks = ({ identified }: ConnectedPeer): boolean =>
    identified?.protocols.includes(PROTOCOL_ID) === true;
  return {
    peers: () => host.connected().flatMap((peer) => (speaks(peer) ? [peer.peerId] : [])),
    onPeer: (listener) => {
      const undo = [
        host.on('identified', (peer) => {
          if (speaks(peer)) listener(peer.peerId, 'there');
        }),
        host.on('disconnected', (peerId) => listener(peerId, 'gone')),
      ];
      return () => {
        for (const one of undo) one();
      };
    },
    open: (peerId, signal) => host.openStream(peerId, [PROTOCOL_ID], SYNC_STREAMS, signal),
  };
}
