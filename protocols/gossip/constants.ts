/** A topic is this and the token id. */
export const TOPIC_PREFIX = 'tm_';

/** First byte of our own form, version 1: no hex digit and no `{`, which begin foreign forms. */
export const FORM_1 = 0xf1;
/** Other versions of our own form begin like this. */
export const FORM_FAMILY = 0xf0;
export const KIND_BEEFS = 1;
export const KIND_ANNOUNCEMENTS = 2;

/** A message with several BEEFs is sent before it gets larger than this. */
export const BATCH_BYTES = 64 * 1024;
/** BEEFs of one message. */
export const MAX_BEEFS = 256;
/** A BEEF above this is announced and fetched. */
export const MAX_INLINE_BEEF_BYTES = 256 * 1024;
/** A message of any kind. gossipsub itself loses messages above 4 MiB without a word. */
export const MAX_MESSAGE_BYTES = MAX_INLINE_BEEF_BYTES + 1024;
export const MAX_ANNOUNCEMENTS = 256;
/** magic 4, no BUMP, one transaction of at least 60 bytes, flag */
export const MIN_BEEF_BYTES = 4 + 1 + 1 + 60 + 1;
/** txid, size, height: one byte each at least */
export const MIN_ANNOUNCEMENT_BYTES = 32 + 1 + 1;
export const MAX_BLOCK_HEIGHT = 0xffff_ffff;

export const TXID_BYTES = 32;
/** Leading bytes of a SHA-256: enough that nobody finds two contents with one id. */
export const MESSAGE_ID_BYTES = 20;

/** A bare txid in hexadecimal, as an announcement of another implementation. */
export const HEX_TXID_CHARS = 64;
/** The JSON form of another implementation, whole. */
export const MAX_FOREIGN_BYTES = 64 * 1024;
/** First byte of the data in it. */
export const FOREIGN_VERSION = 2;
