/**
 * Hard limits of the parsers, checked before work is done. Counts are checked against the remaining bytes as
 * well (a count of n needs n times the smallest element), so these only bound what honest input may be.
 */

/** One BEEF. The largest message between daemons is 16 MiB; local files and RPC follow it. */
export const MAX_BEEF_BYTES = 16 * 1024 * 1024;
/** One transaction: it must fit into a BEEF. */
export const MAX_TX_BYTES = MAX_BEEF_BYTES;
/** Entries of one BEEF, duplicates counted. */
export const MAX_BEEF_TXS = 20_000;
/** BUMPs of one BEEF: never more useful than transactions. */
export const MAX_BEEF_BUMPS = MAX_BEEF_TXS;
export const MAX_TX_INPUTS = 100_000;
export const MAX_TX_OUTPUTS = 200_000;
/** One script. Token contracts measured on main net have 32 kB; inscriptions may be large. */
export const MAX_SCRIPT_BYTES = 10 * 1024 * 1024;
/** Leaves of one BUMP over all its levels. */
export const MAX_BUMP_LEAVES = 200_000;
/** BRC-74: one byte, and no tree is higher than 64. */
export const MAX_TREE_HEIGHT = 64;
/** Unproven transactions above one another. BSV nodes relay chains of up to 10,000 unmined ancestors. */
export const MAX_UNPROVEN_DEPTH = 10_000;
/** 21 million coins: no output can be worth more. */
export const MAX_SATOSHIS = 21e14;

/** outpoint 36, empty script 1, sequence 4 */
export const MIN_INPUT_BYTES = 41;
/** satoshis 8, empty script 1 */
export const MIN_OUTPUT_BYTES = 9;
/** version 4, one input, one output with their counts, lock time 4 */
export const MIN_TX_BYTES = 4 + 1 + MIN_INPUT_BYTES + 1 + MIN_OUTPUT_BYTES + 4;
/** offset 1, flag 1; a duplicate has no hash */
export const MIN_LEAF_BYTES = 2;
/** block height 1, tree height 1, leaf count 1, offset 1, flag 1, hash 32 */
export const MIN_BUMP_BYTES = 37;
/** The longest varint. */
export const MAX_VARINT_BYTES = 9;
/** Block heights are kept in four bytes. */
export const MAX_BLOCK_HEIGHT = 0xffff_ffff;
