/** Limits of the RPC socket. What is over one is answered with its error; a connection that broke one is closed. */

/** One request line without its newline. */
export const MAX_LINE_BYTES = 1024 * 1024;
export const MAX_BATCH = 100;
export const MAX_NESTING = 32;
/** An id is echoed in the answer, so it must not be a way to make us send much. */
export const MAX_ID_CHARS = 128;
export const MAX_CONNECTIONS = 64;
/** Requests of one connection in work at once; above it, or above the bytes, the connection is not read. */
export const MAX_OPEN_REQUESTS = 128;
export const MAX_OPEN_BYTES = 8 * 1024 * 1024;
/** All answers of one batch together; what does not fit is answered by REPLY_TOO_LARGE. */
export const MAX_BATCH_REPLY_BYTES = 16 * 1024 * 1024;
/** A client must take each answer within this time. */
export const WRITE_DEADLINE_MS = 30_000;
/** After a refusal, so long is input read and thrown away, for the client to see the answer before the close. */
export const LINGER_MS = 1_000;
/** Work on one connection's lines before the others have their turn. */
export const TURN_MS = 8;

/** Items of a list page. */
export const MAX_PAGE = 1_000;
export const DEFAULT_PAGE = 100;
export const MAX_CURSOR_CHARS = 512;
export const MAX_BALANCES = 100;
/** Token ids in one filter. */
export const MAX_TOKENS = 100;
export const MAX_SUBSCRIPTIONS = 8;
/** Events read at once for a subscriber. */
export const EVENT_PAGE = 256;

/** Binary data in one request or answer, before base64 or hex: fits into a line with room for the rest. */
export const MAX_PIECE_BYTES = 512 * 1024;
/** Hex of a BEEF in `tx.submit`; larger ones go through an import. */
export const MAX_SUBMIT_BYTES = 500_000;
/** Imports open on one connection. */
export const MAX_IMPORTS = 4;
/** Examples of outcomes in the totals of an import: so many a group, and so many groups. */
export const MAX_SAMPLES_PER_GROUP = 5;
export const MAX_SAMPLE_GROUPS = 64;
/** Missing outpoints named in one answer. */
export const MAX_MISSING_NAMED = 100;

/** A Unix socket's path with its final zero byte must fit into 108 bytes (Linux, sockaddr_un). */
export const MAX_SOCKET_PATH_BYTES = 107;
/** How long a running daemon may take to say its pid to a second one. */
export const PROBE_MS = 2_000;
