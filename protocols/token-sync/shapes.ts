import { type FieldShape, fields, type MessageShape } from '../shape.ts';
import * as c from './constants.ts';

const NUMBER: FieldShape = { wire: 0 };
const HASH: FieldShape = { wire: 2, minBytes: c.HASH_BYTES, maxBytes: c.HASH_BYTES };
const SALT: FieldShape = { wire: 2, minBytes: c.SALT_BYTES, maxBytes: c.SALT_BYTES };
const RUNS: FieldShape = { wire: 2, minBytes: 2, maxBytes: c.MAX_RUN_BYTES };
const RAW_TXS: FieldShape = { wire: 2, max: c.MAX_CHUNK_TXS, maxBytes: c.MAX_INLINE_TX_BYTES };

/** Units of fixed length, from `min` to `max` of them. */
function list(unitBytes: number, max: number, min = 1): FieldShape {
  return { wire: 2, unitBytes, minBytes: unitBytes * min, maxBytes: unitBytes * max, aboveMax: 'TOO_MANY' };
}

function part(message: MessageShape, max = 1): FieldShape {
  return { wire: 2, message, max };
}

const TIP = part(fields(NUMBER, HASH));
const FACTS = part(fields(NUMBER, NUMBER, HASH, NUMBER, NUMBER, HASH), c.MAX_TOKENS);
const LISTED_BLOCK = part(fields(NUMBER, HASH, RUNS), c.MAX_CHUNK_BLOCKS);
const BUMP: FieldShape = { wire: 2, minBytes: 1, maxBytes: c.MAX_BUMP_BYTES };
const BLOCK = part(fields(NUMBER, HASH, RUNS, BUMP, RAW_TXS), c.MAX_CHUNK_BLOCKS);

/** The kinds of messages, in the order of their fields in `Message`. */
const SHAPES = {
  hello: fields(
    NUMBER,
    { wire: 2, minBytes: 1, maxBytes: c.MAX_NETWORK_BYTES },
    NUMBER,
    SALT,
    list(c.DIGEST_BYTES, c.MAX_TOKENS, 0),
  ),
  welcome: fields(NUMBER, TIP, FACTS),
  update: fields(TIP, FACTS, list(4, c.MAX_TOKENS)),
  anchorsRequest: fields(NUMBER, list(4, c.MAX_ANCHOR_HEIGHTS)),
  anchors: fields(TIP, list(c.HASH_BYTES, c.MAX_ANCHOR_HEIGHTS), list(4, c.MAX_ANCHOR_HEIGHTS)),
  rangeRequest: fields(NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, RUNS),
  head: fields(TIP, NUMBER),
  listing: fields(LISTED_BLOCK),
  chunk: fields(BLOCK, RAW_TXS, RAW_TXS, BLOCK),
  piece: fields(NUMBER, { wire: 2, minBytes: 1, maxBytes: c.PIECE_BYTES }),
  credit: fields(NUMBER, NUMBER),
  unminedRequest: fields(NUMBER, SALT, { wire: 2, minBytes: 1, maxBytes: c.UNMINED_BUCKETS }),
  unmined: fields(
    list(c.UNMINED_BUCKETS * c.BUCKET_SUM_BYTES, 1),
    list(c.SHORT_ID_BYTES, c.MAX_SHORT_IDS, 0),
  ),
  fetchRequest: fields(
    NUMBER,
    list(c.HASH_BYTES, c.MAX_FETCH_IDS),
    SALT,
    list(c.SHORT_ID_BYTES, c.MAX_FETCH_IDS),
    NUMBER,
  ),
  done: fields(NUMBER, list(4, c.MAX_FETCH_IDS)),
  failure: fields(NUMBER, NUMBER),
} satisfies Record<string, MessageShape>;

export type Kind = keyof typeof SHAPES;
export const KINDS = Object.keys(SHAPES) as readonly Kind[];
/** Field of the first kind in `Message`; before it version and id. */
export const FIRST_KIND_FIELD = 3;
export const MESSAGE: MessageShape = fields(NUMBER, NUMBER, ...KINDS.map((kind) => part(SHAPES[kind])));
