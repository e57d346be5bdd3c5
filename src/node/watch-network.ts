import type { NetworkApi, SyncApi, SyncState } from '../api/modules.ts';
import type { Health } from '../observe/health.ts';

/** Room that is wanted for each: libp2p has a socket a connection, LevelDB up to 512 files, the RPC socket 128 clients. */
const OTHER_DESCRIPTORS = 512 + 128 + 64;

/** Warnings about the network, from what it says of itself; to be called every second or so. */
export function checkNetwork(network: NetworkApi, wanted: readonly string[], health: Health): void {
  const { inbound, outbound, known, listening } = network.facts();
  // Without a single known peer it is meant to stand alone.
  if (inbound + outbound === 0 && known > 0) {
    health.raise('PEERS_NONE', `${known} are known; \`btcfed peers --all\` says why none is connected`);
  } else health.clear('PEERS_NONE');
  const missing = wanted.length - listening.length;
  if (wanted.length > 0 && listening.length === 0) {
    health.raise('LISTEN_FAILED', `none of ${wanted.join(', ')}: nobody can connect to this node`);
  } else if (missing > 0) {
    health.raise(
      'LISTEN_FAILED',
      `${missing} of ${wanted.join(', ')} do not; it listens on ${listening.join(', ')}`,
    );
  } else health.clear('LISTEN_FAILED');
}

/** Tokens named in one warning. */
const MAX_NAMED = 5;

/** Warnings about followed tokens whose history is not that of peers; to be called every second or so. */
export function checkSync(
  sync: SyncApi,
  followed: readonly string[],
  knowsPeers: boolean,
  health: Health,
): void {
  const inState = (state: SyncState): readonly string[] =>
    followed.filter((tokenId) => sync.status(tokenId)?.state === state);
  const tell = (code: 'SYNC_BEHIND' | 'SYNC_DISPUTED' | 'SYNC_ALONE', tokens: readonly string[]): void => {
    if (tokens.length === 0) {
      health.clear(code);
      return;
    }
    const more = tokens.length > MAX_NAMED ? ` and ${tokens.length - MAX_NAMED} more` : '';
    health.raise(code, `${tokens.slice(0, MAX_NAMED).join(', ')}${more}; \`btcfed token ID\` tells more`);
  };
  tell('SYNC_BEHIND', inState('behind'));
  tell('SYNC_DISPUTED', inState('disputed'));
  // Without a single known peer it is meant to stand alone.
  tell('SYNC_ALONE', knowsPeers ? inState('alone') : []);
}

/** Warns if the limit of open files is below what the configured connections and the store may take. */
export function checkDescriptorLimit(limit: number | undefined, maxPeers: number, health: Health): void {
  const wanted = maxPeers + OTHER_DESCRIPTORS;
  if (limit !== undefined && limit < wanted) {
    health.raise(
      'DESCRIPTORS_LOW',
      `${limit}, and peers.max_peers needs ${wanted}: raise LimitNOFILE or \`ulimit -n\``,
    );
  } else health.clear('DESCRIPTORS_LOW');
}
