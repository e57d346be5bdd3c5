import type { Outcome } from '../ingest/outcome.ts';
import { lostText } from '../observe/lost-text.ts';
import type {
  Coin,
  HistoryEntry,
  Page,
  PageRequest,
  Position,
  Supply,
  TokenEvent,
  TokenInfo,
} from '../store/view.ts';
import type { Cursors } from './cursor.ts';
import { DEFAULT_PAGE, MAX_MISSING_NAMED } from './limits.ts';
import type { ApiModules, Network, SyncProgress, SyncView } from './modules.ts';
import { addressOf } from './owners.ts';

/** How the store's figures look in JSON: amounts and sequences as decimal strings, absent values as absent fields. */

export function isoSeconds(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString().replace('.000Z', 'Z');
}

export function isoMs(unixMs: number): string {
  return new Date(unixMs).toISOString();
}

export function shownPosition(position: Position | undefined): { height?: number; index?: number } {
  return position === undefined ? {} : { height: position.height, index: position.index };
}

export function pageOf(
  params: { limit?: number | undefined; cursor?: string | undefined },
  cursors: Cursors,
): PageRequest {
  const limit = params.limit ?? DEFAULT_PAGE;
  return params.cursor === undefined ? { limit } : { limit, cursor: cursors.take(params.cursor) };
}

export function shownPage<T, R>(
  page: Page<T>,
  cursors: Cursors,
  show: (item: T) => R,
): { items: R[]; cursor?: string } {
  const items = page.items.map(show);
  return page.cursor === undefined ? { items } : { items, cursor: cursors.give(page.cursor) };
}

export type ShownState = 'empty' | 'waiting' | 'indexed';

/** Head of every answer about a token; `info` undefined: followed, and nothing of it has arrived. */
export function tokenHead(token: string, info: TokenInfo | undefined) {
  const state: ShownState =
    info === undefined || (!info.deployed && info.transactions === 0 && info.undecided === 0)
      ? 'empty'
      : info.deployed
        ? 'indexed'
        : 'waiting';
  return {
    token,
    ...(info?.sym === undefined ? {} : { symbol: info.sym }),
    ...(info?.deployed === true ? { decimals: info.dec } : {}),
    state,
  };
}

/** What the figures leave open, as fields named `warning_...`. */
export function tokenWarnings(
  { view, sync }: Pick<ApiModules, 'view' | 'sync'>,
  token: string,
  info: TokenInfo | undefined,
) {
  const { lost } = view.facts();
  const incomplete = {
    ...(lost === undefined ? {} : { warning_incomplete: lostText(lost) }),
    ...syncWarnings(sync?.status(token)),
  };
  if (info === undefined) return incomplete;
  const waits = `${info.undecided} transactions wait for the history before them; amounts may still change`;
  return {
    ...incomplete,
    ...(info.undecided > 0 ? { warning_undecided: waits } : {}),
    ...(!info.deployed && info.transactions + info.undecided > 0
      ? { warning_deploy: 'the deploy transaction has not arrived; nothing of this token can be valid yet' }
      : {}),
    ...(info.binaryOutputsSeen
      ? { warning_binary: 'outputs in the binary form (BRC-162) were seen and are not counted' }
      : {}),
  };
}

function syncWarnings(sync: SyncView | undefined) {
  if (sync?.state === 'behind') {
    const { done, total } = sync.progress ?? {};
    const far = total === undefined ? '' : ` (${done} of ${total} transactions are here)`;
    return { warning_syncing: `peers have more of this token's history, which is being fetched${far}` };
  }
  if (sync?.state !== 'disputed') return {};
  const who = sync.disagree.map(({ peerId, why }) => `${peerId}: ${why}`).join(', ');
  return { warning_disputed: `peers have another history of this token: ${who}` };
}

/** Peers named in one answer. */
const MAX_SYNC_PEERS = 32;

export function shownSync({ state, sinceMs, agree, disagree, unknown, progress, commitment }: SyncView) {
  return {
    state,
    since: isoMs(sinceMs),
    agree: agree.slice(0, MAX_SYNC_PEERS),
    disagree: disagree.slice(0, MAX_SYNC_PEERS).map((one) => ({
      peer: one.peerId,
      ...(one.firstHeight === undefined ? {} : { height: one.firstHeight }),
      why: one.why,
      since: isoMs(one.sinceMs),
    })),
    unknown: unknown.length,
    ...(progress === undefined ? {} : { progress: shownProgress(progress) }),
    ...(commitment === undefined ? {} : { commitment }),
  };
}

function shownProgress({ done, total, perSecond, secondsLeft }: SyncProgress) {
  const rounded = { done, total, perSecond: Math.round(perSecond) };
  return secondsLeft === undefined ? rounded : { ...rounded, secondsLeft: Math.ceil(secondsLeft) };
}

export function shownSupply(supply: Supply) {
  return {
    issued: String(supply.issued),
    burned: String(supply.burned),
    lost: String(supply.lost),
    circulating: String(supply.circulating),
  };
}

export function shownCoin(coin: Coin, addressOf: (owner: Uint8Array) => string) {
  return {
    outpoint: coin.outpoint,
    amount: String(coin.amt),
    op: coin.op,
    lock: coin.lock,
    address: addressOf(coin.owner),
    ...shownPosition(coin.position),
  };
}

export function shownHistory(entry: HistoryEntry) {
  return {
    txid: entry.txid,
    ...shownPosition(entry.position),
    ...(entry.time === undefined ? {} : { time: isoSeconds(entry.time) }),
    received: String(entry.received),
    sent: String(entry.sent),
    change: String(entry.received - entry.sent),
  };
}

export function shownEvent(network: Network, event: TokenEvent) {
  return {
    sequence: String(event.sequence),
    type: event.type,
    token: event.tokenId,
    outpoint: event.outpoint,
    op: event.op,
    amount: String(event.amt),
    lock: event.lock,
    address: addressOf(network, event.owner),
    txid: event.txid,
    ...shownPosition(event.position),
  };
}

/** An outcome; long lists of missing outpoints are cut and counted. */
export function shownOutcome(outcome: Outcome) {
  switch (outcome.status) {
    case 'admitted':
      return { status: outcome.status, txid: outcome.txid, tokens: [...outcome.tokens] };
    case 'known':
      return { status: outcome.status, txid: outcome.txid };
    case 'pending':
      return {
        status: outcome.status,
        txid: outcome.txid,
        waitingFor: outcome.waitingFor,
        missing: outcome.missing.slice(0, MAX_MISSING_NAMED),
        missingCount: outcome.missing.length,
        ...(outcome.height === undefined ? {} : { height: outcome.height }),
      };
    case 'conflict':
      return {
        status: outcome.status,
        txid: outcome.txid,
        conflictsWith: outcome.conflictsWith.slice(0, MAX_MISSING_NAMED),
      };
    case 'rejected':
      return {
        status: outcome.status,
        ...(outcome.txid === undefined ? {} : { txid: outcome.txid }),
        code: outcome.code,
        data: mutable(outcome.data),
      };
  }
}

/** Data of an error in the mutable form that schemas infer. */
function mutable(
  data: Readonly<Record<string, string | number | boolean | readonly string[]>>,
): Record<string, string | number | boolean | string[]> {
  const out: Record<string, string | number | boolean | string[]> = {};
  for (const [key, value] of Object.entries(data)) {
    out[key] = typeof value === 'object' ? [...value] : value;
  }
  return out;
}
