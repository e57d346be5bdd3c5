import { z } from 'zod';
import { ApiError, isCodedError } from '../errors.ts';
import { MAX_PIECE_BYTES } from '../limits.ts';
import { method } from '../method.ts';
import type { ApiModules, HeaderView, TipView } from '../modules.ts';
import { isoSeconds } from '../present.ts';
import * as shapes from '../shapes.ts';
import { BLOCK, TXID } from './examples.ts';

export const HEADER_BYTES = 80;
/** Whole headers that fit into one request. */
export const MAX_HEADERS_PIECE = Math.floor(MAX_PIECE_BYTES / HEADER_BYTES);

const tip = z.object({ height: shapes.height, hash: z.string(), chainWork: z.string().describe('hex') });

const header = z.object({
  height: shapes.height,
  hash: z.string(),
  version: z.number(),
  prevHash: z.string(),
  merkleRoot: z.string(),
  time: shapes.isoTime,
  bits: z.string().describe('compact target, hex'),
  nonce: shapes.count,
});

function shownTip(of: TipView): z.input<typeof tip> {
  return { height: of.height, hash: of.hash, chainWork: of.chainWork.toString(16).padStart(64, '0') };
}

function shownHeader(of: HeaderView): z.input<typeof header> {
  return { ...of, time: isoSeconds(of.time), bits: of.bits.toString(16).padStart(8, '0') };
}

function foundHeader({ chain }: Pick<ApiModules, 'chain'>, which: number | string): HeaderView {
  const found = chain.header(which);
  if (found !== undefined) return found;
  const { height } = chain.tip();
  const held = `heights ${chain.baseHeight()} to ${height} are held`;
  const data = typeof which === 'number' ? { height: which } : { hash: which };
  throw new ApiError('HEADER_UNKNOWN', data, `${which}; ${held}`);
}

const EXAMPLE_TIP = { height: 905_506, hash: BLOCK, chainWork: '0'.repeat(56).concat('01a2b3c4') };

export const headersMethods = {
  'headers.tip': method({
    doc: 'Tip of the best chain, and the first height that is held.',
    params: z.strictObject({}),
    result: tip.extend({ baseHeight: shapes.height, time: shapes.isoTime.optional() }),
    errors: ['STORE_ERROR'],
    changes: false,
    example: { params: {}, result: { ...EXAMPLE_TIP, baseHeight: 0, time: '2025-07-15T08:30:00Z' } },
    run: ({ chain }) => {
      const of = chain.tip();
      const time = chain.header(of.height)?.time;
      return {
        ...shownTip(of),
        baseHeight: chain.baseHeight(),
        ...(time === undefined ? {} : { time: isoSeconds(time) }),
      };
    },
  }),
  'headers.get': method({
    doc: 'A header of the best chain by height or by hash.',
    params: z.strictObject({ height: shapes.height.optional(), hash: shapes.hash.optional() }),
    result: header,
    errors: ['HEADER_UNKNOWN', 'STORE_ERROR'],
    changes: false,
    example: {
      params: { height: 905_506 },
      result: {
        height: 905_506,
        hash: BLOCK,
        version: 536_870_912,
        prevHash: BLOCK,
        merkleRoot: TXID,
        time: '2025-07-15T08:30:00Z',
        bits: '180d1d2e',
        nonce: 12_345,
      },
    },
    run: (modules, { height, hash }) => {
      if ((height === undefined) === (hash === undefined)) {
        throw new ApiError('INVALID_PARAMS', { fields: ['height', 'hash'] }, 'give either height or hash');
      }
      return shownHeader(foundHeader(modules, height ?? (hash as string).toLowerCase()));
    },
  }),
  'headers.import': method({
    doc: `Adds block headers: base64 of 80-byte headers, at most ${MAX_HEADERS_PIECE} a call, each linked to a known one.`,
    params: z.strictObject({
      data: z.base64('must be base64').min(1).describe('80-byte headers one after another'),
    }),
    result: z.object({
      added: shapes.count,
      known: shapes.count,
      undone: z
        .object({ from: shapes.height, to: shapes.height })
        .optional()
        .describe('heights that a chain with more work replaced'),
      tip,
    }),
    errors: ['HEADERS_REFUSED', 'STORE_ERROR'],
    changes: true,
    example: {
      params: { data: Buffer.alloc(HEADER_BYTES).toString('base64') },
      result: { added: 1, known: 0, tip: EXAMPLE_TIP },
    },
    run: async ({ chain }, { data }) => {
      const bytes = Buffer.from(data, 'base64');
      if (bytes.length % HEADER_BYTES !== 0 || bytes.length > MAX_HEADERS_PIECE * HEADER_BYTES) {
        const want = `1 to ${MAX_HEADERS_PIECE} headers of ${HEADER_BYTES} bytes`;
        throw new ApiError(
          'INVALID_PARAMS',
          { fields: ['data'] },
          `data: ${bytes.length} bytes are not ${want}`,
        );
      }
      try {
        const update = await chain.import(bytes);
        const { added, known, undone } = update;
        return {
          added,
          known,
          ...(undone === undefined ? {} : { undone: { ...undone } }),
          tip: shownTip(update.tip),
        };
      } catch (error) {
        if (!isCodedError(error) || error.code.startsWith('STORE_')) throw error;
        throw new ApiError('HEADERS_REFUSED', { ...error.data, reason: error.code }, error.message);
      }
    },
  }),
};
