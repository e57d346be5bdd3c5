import { randomBytes } from 'node:crypto';
import type { Config } from '../../config/index.ts';
import { hintsToken, tokenIdBytes } from '../../protocols/peer-exchange/tokens.ts';
import { PROTOCOL_ID } from '../../protocols/token-sync/constants.ts';
import type { SyncApi } from '../api/modules.ts';
import type { Health } from '../observe/health.ts';
import { errorFields, type Logs } from '../observe/log.ts';
import type { Clock, RandomFraction } from '../p2p/types.ts';
import { BEEF_PROTOCOL_IDS, BEEF_STREAMS, BeefResponder, findInStore } from '../sync/beef-responder.ts';
import type { TokenPeers } from '../sync/client-modules.ts';
import { Commitments } from '../sync/commitments.ts';
import { Gossip } from '../sync/gossip.ts';
import { HeadersSync } from '../sync/headers-sync.ts';
import { SYNC_STREAMS, SyncServer } from '../sync/serve.ts';
import { TokenSync } from '../sync/sync.ts';
import { hostTransport } from '../sync/sync-transport.ts';
import type { Core } from './core.ts';
import type { Network } from './network.ts';
import { syncApi } from './sync-api.ts';

export interface TokenNetworkModules {
  readonly core: Core;
  readonly network: Network;
  readonly chain: Config['chain'];
  readonly clock: Clock;
  readonly random: RandomFraction;
  readonly logs: Logs;
  readonly health: Health;
}

/** What daemons tell each other of blocks and tokens: headers, gossip, token sync, and answers to other overlays. */
export class TokenNetwork {
  readonly headers: HeadersSync;
  readonly gossip: Gossip;
  readonly sync: TokenSync;
  readonly commitments: Commitments;
  readonly api: SyncApi;
  private readonly server: SyncServer;
  private readonly responder: BeefResponder;
  private readonly modules: TokenNetworkModules;
  private readonly undo: (() => unknown)[] = [];
  /** What peers are told of each history at their first word takes a second for 300,000 transactions: it is read before. */
  private warming: Promise<unknown> = Promise.resolve();

  constructor(modules: TokenNetworkModules) {
    this.modules = modules;
    const { core, network, clock, random, logs } = modules;
    const { store, chain, ingest } = core;
    const { host, scores: judge } = network;
    const log = logs.module('sync');
    const selfId = host.peerId;
    const onError = (error: unknown): void => log.event('sync.fault', errorFields(error, true));
    const tokens = {
      followed: () => ingest.followed(),
      isComplete: (tokenId: string) => ingest.follows(tokenId),
    };
    const hashAt = (height: number): string | undefined => chain.hashAt(height);
    this.commitments = new Commitments({ store, chain });
    const { commitments } = this;
    this.headers = new HeadersSync({
      network: modules.chain.network,
      ...{ chain, host, judge, clock, random, onError },
      log: logs.module('chain'),
    });
    this.server = new SyncServer({
      ...{ store, commitments, hashAt, selfId, tokens, clock, onError },
      network: modules.chain.network,
      onFault: (peerId, code, points) => void judge.penalise(peerId, code, points),
    });
    this.gossip = new Gossip({
      net: host.services.gossip,
      offers: ingest,
      ...{ store, chain, judge, clock, random },
      events: core.events,
      isFollowed: (tokenId) => ingest.follows(tokenId),
      hooks: {
        fetchMissing: (peerId, tokenId, txid, why) => {
          if (why === 'header') void this.headers.poke(peerId);
          else void this.sync.fetchMissing(peerId, tokenId, txid);
        },
        compareSoon: (tokenId) => this.sync.compareSoon(tokenId),
      },
      log: logs.module('gossip'),
    });
    this.sync = new TokenSync({
      selfId,
      network: modules.chain.network,
      index: { store, commitments, ingest: this.gossip.quiet(), tokens },
      headers: {
        hashAt,
        rootAt: (height) => chain.rootAt(height),
        poke: (peerId) => void this.headers.poke(peerId),
        isTaking: (peerId) => this.headers.isTakingFor(peerId),
      },
      transport: hostTransport(host),
      ...{ judge, clock, random, randomBytes },
      peers: this.tokenPeers(),
      isArriving: () => this.gossip.isBehind(),
      report: (event, fields) => log.event(event, fields),
      trace: (message, fields) => log.debug(message, fields),
    });
    this.api = syncApi({ sync: this.sync, commitments, clock });
    this.responder = new BeefResponder({
      find: findInStore(store),
      isFollowed: (tokenId) => ingest.follows(tokenId),
      ...{ judge, clock, onError },
    });
  }

  async start(): Promise<void> {
    const { core, network } = this.modules;
    const { host } = network;
    this.undo.push(
      core.events.onRecords((records) => {
        this.commitments.onEvents(records);
        this.server.onEvents(records);
        this.sync.onEvents(records);
      }),
      core.chain.onChange(({ undone }) => {
        this.commitments.onChain(undone);
        this.server.onChain(undone);
        this.sync.onChain(undone);
      }),
      await host.handle([PROTOCOL_ID], (stream) => this.server.handle(stream), SYNC_STREAMS),
      await host.handle(BEEF_PROTOCOL_IDS, (stream) => this.responder.handle(stream), BEEF_STREAMS),
    );
    await this.headers.start();
    this.gossip.setTokens(core.ingest.followed());
    this.gossip.start();
    this.sync.start();
    this.warming = Promise.allSettled(core.ingest.followed().map((id) => this.commitments.tip(id)));
  }

  /** The followed tokens are others than before: nothing of the others is disturbed. */
  tokensChanged(): void {
    const followed = this.modules.core.ingest.followed();
    this.gossip.setTokens(followed);
    this.server.onFollowed();
    this.sync.setTokens(followed);
  }

  /** What the store held of tokens just followed is evaluated. */
  tokensComplete(): void {
    this.server.onFollowed();
  }

  /** Headers are asked for, and histories compared. */
  lookNow(): void {
    void this.headers.poke();
    for (const tokenId of this.modules.core.ingest.followed()) this.sync.compareSoon(tokenId);
  }

  async stop(): Promise<void> {
    await this.sync.stop();
    await this.warming;
    await this.gossip.stop();
    await this.headers.stop();
    for (let undo = this.undo.pop(); undo !== undefined; undo = this.undo.pop()) await undo();
    await Promise.all([this.server.stop(), this.responder.stop()]);
  }

  private tokenPeers(): TokenPeers {
    const { book, exchange, seekFollowers } = this.modules.network;
    return {
      follows: (peerId, tokenId) => {
        const id = tokenIdBytes(tokenId);
        const hints = book.tokenHints(peerId);
        return id !== undefined && hints !== undefined && hintsToken(hints, id);
      },
      seek: () => {
        exchange.exchangeNow();
        seekFollowers();
      },
    };
  }
}
