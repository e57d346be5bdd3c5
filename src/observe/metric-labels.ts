import { WARNINGS } from './warnings.ts';

/**
 * Closed sets of label values. No peer id, address, txid or token id is ever one: they are without number, and a metric
 * with them grows until the collector falls over. What a caller finds outside of its set is counted as `other`.
 */
export const OTHER = 'other';

/** States of a peer (src/p2p ConnectionState) that are worth counting: idle is all the rest of the book. */
export const PEER_STATES = ['connecting', 'connected', 'disconnecting', 'failed'] as const;
export const DIRECTIONS = ['inbound', 'outbound'] as const;
export const PROTOCOLS = ['peer_exchange', 'token_sync', OTHER] as const;

/** How a dial ended: codes of src/p2p. */
export const DIAL_RESULTS = [
  'ok',
  'NO_ADDRESS',
  'ADDRESS_INVALID',
  'DNS_FAILED',
  'REFUSED',
  'UNREACHABLE',
  'TIMEOUT',
  'RESET_IN_HANDSHAKE',
  'WRONG_IDENTITY',
  'NO_COMMON_PROTOCOL',
  'CLOSED_AFTER_HANDSHAKE',
  'SELF',
  'DENIED',
  'LIMIT_REACHED',
  'CANCELLED',
  OTHER,
] as const;

/** What became of a peer record that somebody told us; `refused`: not even looked at by the book. */
export const RECORD_RESULTS = [
  'new',
  'changed',
  'refreshed',
  'known',
  'stale',
  'self',
  'forgotten',
  'source_full',
  'subnet_full',
  'book_full',
  'refused',
] as const;

/** Why a peer was penalised: the table of penalties in src/p2p. */
export const PENALTY_CODES = [
  'ADDRESS_TOO_LONG',
  'BAD_FRAME',
  'BEEF_MALFORMED',
  'BUMP_HEIGHT_WRONG',
  'BUMP_MALFORMED',
  'BUMP_TXID_WRONG',
  'CLAIM_FALSE',
  'COMMITMENT_WRONG',
  'COUNT_EXCEEDED',
  'CREDIT_EXCEEDED',
  'DIGEST_INVALID',
  'ENTRIES_UNRELATED',
  'FIELD_INVALID',
  'FRAME_EMPTY',
  'FRAME_MALFORMED',
  'FRAME_TOO_LARGE',
  'GOSSIP_CONFLICT',
  'GOSSIP_FLOOD',
  'GOSSIP_MALFORMED',
  'GOSSIP_TOO_LARGE',
  'HEADERS_INVALID',
  'HEADERS_OTHER_CHAIN',
  'HEADERS_UNLINKED',
  'HEADERS_WITHHELD',
  'INVALID_TOKEN_DATA',
  'MESSAGE_AMBIGUOUS',
  'MESSAGE_FLOOD',
  'MESSAGE_UNEXPECTED',
  'ORDER_WRONG',
  'OUTPUT_ABSENT',
  'PARENT_INVALID',
  'PIECE_WRONG',
  'PROOF_INVALID',
  'PROOF_ROOT_MISMATCH',
  'PROOF_UNKNOWN',
  'RATE_EXCEEDED',
  'RECORD_EXCESS',
  'RECORD_FLOOD',
  'RECORD_FORGED',
  'RECORD_NOT_OWN',
  'RECORD_STALE',
  'RECORD_TOO_LARGE',
  'REQUEST_EXCESS',
  'REQUEST_FLOOD',
  'SCRIPT_FAILED',
  'SILENT',
  'SLOW',
  'STREAM_TIMEOUT',
  'TOKENS_INVALID',
  'TOO_MANY',
  'TOO_MANY_ADDRESSES',
  'TOO_MANY_RECORDS',
  'TOO_MANY_STREAMS',
  'TX_FOREIGN',
  'TX_INVALID',
  'TX_MALFORMED',
  'TX_TWICE',
  'TX_UNRELATED',
  'UNSOLICITED_FLOOD',
  'VALUES_NOT_CONSERVED',
  'WITHHELD',
  OTHER,
] as const;

export const QUEUES = ['ingest', 'verify', 'announcements', 'gossip'] as const;
/** Verdicts on gossip messages of peers; `dropped`: not looked at. */
export const GOSSIP_VERDICTS = ['accepted', 'ignored', 'rejected', 'dropped'] as const;
/** What became of transactions that peers gossiped. */
export const GOSSIP_OUTCOMES = ['admitted', 'known', 'undecided', 'conflicts', 'refused'] as const;
/** What became of transactions that we had to gossip. `unheard`: no peer listens to the token's topic. */
export const GOSSIP_SENDINGS = ['txs', 'announced', 'unheard'] as const;
/** How far a followed token is synced, and how the conversation with a peer about tokens stands. */
export const SYNC_STATES = ['synced', 'behind', 'alone', 'disputed'] as const;
export const SYNC_PEER_STATES = ['resting', 'opening', 'talking', 'incompatible'] as const;
export const RELOAD_RESULTS = ['applied', 'unchanged', 'refused', 'rolled_back', 'failed'] as const;
export const WARNING_CODES = Object.keys(WARNINGS) as (keyof typeof WARNINGS)[];

/** Methods of the RPC socket. */
export const RPC_METHODS = [
  'config.check',
  'config.get',
  'events.since',
  'events.subscribe',
  'headers.get',
  'headers.import',
  'headers.tip',
  'import.close',
  'import.open',
  'import.write',
  'log.level',
  'node.metrics',
  'node.peers',
  'node.reload',
  'node.status',
  'rpc.check',
  'rpc.discover',
  'store.verify',
  'token.balance',
  'token.balances',
  'token.get',
  'token.history',
  'token.holders',
  'token.list',
  'token.purge',
  'token.utxos',
  'tx.beef',
  'tx.get',
  'tx.submit',
  OTHER,
] as const;

/** Codes of refused RPC calls. */
export const RPC_ERRORS = [
  'PARSE_ERROR',
  'INVALID_REQUEST',
  'METHOD_NOT_FOUND',
  'INVALID_PARAMS',
  'INTERNAL_ERROR',
  'LINE_TOO_LONG',
  'BATCH_TOO_LARGE',
  'NESTING_TOO_DEEP',
  'TOO_MANY_CONNECTIONS',
  'REPLY_TOO_LARGE',
  'SHUTTING_DOWN',
  'RELOAD_INVALID',
  'RELOAD_RESTART_NEEDED',
  'RELOAD_VETOED',
  'RELOAD_ROLLED_BACK',
  'RELOAD_FAILED',
  'RELOAD_UNAVAILABLE',
  'LOG_MODULE_UNKNOWN',
  'NETWORK_OFF',
  'HEADERS_REFUSED',
  'HEADER_UNKNOWN',
  'TOKEN_UNKNOWN',
  'TOKEN_NOT_FOLLOWED',
  'TOKEN_FOLLOWED',
  'ADDRESS_INVALID',
  'CURSOR_INVALID',
  'TX_UNKNOWN',
  'TX_NOT_PROVABLE',
  'IMPORT_UNKNOWN',
  'IMPORT_LIMIT',
  'IMPORT_FRAME_INVALID',
  'EVENTS_AHEAD',
  'SUBSCRIPTION_LIMIT',
  'STORE_ERROR',
  'VERIFY_RUNNING',
  OTHER,
] as const;

/** Why an offered transaction was refused: codes of src/spv and src/ingest. */
export const REJECT_CODES = [
  'UNEXPECTED_END',
  'TRAILING_BYTES',
  'NUMBER_TOO_LARGE',
  'COUNT_TOO_LARGE',
  'LIMIT_EXCEEDED',
  'BAD_HEX',
  'EXTENDED_FORMAT',
  'TX_NO_INPUTS',
  'TX_NO_OUTPUTS',
  'SATOSHIS_OUT_OF_RANGE',
  'VARINT_NOT_MINIMAL',
  'TX_INPUT_TWICE',
  'BUMP_TREE_HEIGHT',
  'BUMP_NO_LEAF',
  'BUMP_FLAG_UNKNOWN',
  'BUMP_OFFSET_OUT_OF_RANGE',
  'BUMP_OFFSET_TWICE',
  'BUMP_DUPLICATE_MISPLACED',
  'BUMP_MISSING_HASH',
  'BUMP_HASH_CONFLICT',
  'BUMP_PHANTOM_POSITION',
  'BUMP_TXID_ABSENT',
  'BUMP_MERGE_MISMATCH',
  'BEEF_VERSION_UNKNOWN',
  'BEEF_NO_TRANSACTION',
  'BEEF_TX_FORMAT_UNKNOWN',
  'BEEF_BUMP_FLAG_UNKNOWN',
  'BEEF_BUMP_INDEX',
  'BEEF_PROVEN_TX_AMBIGUOUS',
  'BEEF_CYCLE',
  'BEEF_NO_SUBJECT',
  'ATOMIC_SUBJECT_ABSENT',
  'ATOMIC_SUBJECT_DISPLAY_ORDER',
  'ATOMIC_UNRELATED_TX',
  'SCRIPT_FAILED',
  'VALUES_NOT_CONSERVED',
  'COINBASE_UNPROVEN',
  'PREVOUT_COUNT',
  'VERIFIER_FAILED',
  'PROOF_ROOT_MISMATCH',
  'TX_AMBIGUOUS',
  'OUTPUT_ABSENT',
  'TOKEN_NOT_FOLLOWED',
  'TOKEN_INVALID',
  'PARENT_INVALID',
  'COINBASE_IMMATURE',
  'QUEUE_FULL',
  'PENDING_FULL',
  'UNAVAILABLE',
  OTHER,
] as const;

/** The value if it is one of the set, else `other`: what comes from outside cannot make new series. */
export function labelOf<T extends string>(set: readonly T[], value: string): T | typeof OTHER {
  return (set as readonly string[]).includes(value) ? (value as T) : OTHER;
}
