import { z } from 'zod';
import { ApiError } from '../errors.ts';
import { ImportSession } from '../import-session.ts';
import { MAX_IMPORTS, MAX_PIECE_BYTES } from '../limits.ts';
import { method } from '../method.ts';
import type { Session } from '../session.ts';
import * as shapes from '../shapes.ts';
import { TXID } from './examples.ts';

const importId = z.string().min(1).max(32);

const counts = {
  bytes: shapes.count.describe('of the stream, taken so far'),
  offered: shapes.count.describe('BEEFs given to the index'),
  done: shapes.count.describe('BEEFs that have their outcome'),
  admitted: shapes.count,
  known: shapes.count,
  pending: shapes.count,
  conflict: shapes.count,
  rejected: shapes.count,
  unavailable: shapes.count.describe('not looked at: the store cannot be written, or the node is stopping'),
};

const EXAMPLE = {
  bytes: 2692,
  offered: 2,
  done: 2,
  admitted: 1,
  known: 0,
  pending: 1,
  conflict: 0,
  rejected: 0,
  unavailable: 0,
};

function openImport(session: Session, id: string): ImportSession {
  const found = session.state.imports.get(id);
  if (found === undefined) throw new ApiError('IMPORT_UNKNOWN', { importId: id }, id);
  return found;
}

export const importMethods = {
  'import.open': method({
    doc: 'Opens a stream of BEEFs of any size on this connection; it ends with the connection.',
    params: z.strictObject({}),
    result: z.object({ importId, maxPieceBytes: shapes.count, maxBeefBytes: shapes.count }),
    errors: ['IMPORT_LIMIT'],
    changes: true,
    example: {
      params: {},
      result: { importId: 'i1', maxPieceBytes: MAX_PIECE_BYTES, maxBeefBytes: 16_777_216 },
    },
    run: ({ offers, maxBeefBytes }, _params, { session }) => {
      const { state } = session;
      if (state.imports.size >= MAX_IMPORTS) throw new ApiError('IMPORT_LIMIT', { max: MAX_IMPORTS });
      const id = `i${state.nextId++}`;
      state.imports.set(id, new ImportSession({ maxBeefBytes }, { offers, signal: session.signal }));
      return { importId: id, maxPieceBytes: MAX_PIECE_BYTES, maxBeefBytes };
    },
  }),
  'import.write': method({
    doc: 'Next bytes of the stream: repeated u32 LE length + BEEF. Answered when there is room for more.',
    params: z.strictObject({
      importId,
      data: z
        .base64('must be base64')
        .max(Math.ceil(MAX_PIECE_BYTES / 3) * 4, `must be at most ${MAX_PIECE_BYTES} bytes`),
    }),
    result: z.object(counts),
    errors: ['IMPORT_UNKNOWN', 'IMPORT_FRAME_INVALID', 'STORE_ERROR'],
    changes: true,
    example: { params: { importId: 'i1', data: 'AAAA' }, result: EXAMPLE },
    run: (_modules, params, { session }) =>
      openImport(session, params.importId).write(Buffer.from(params.data, 'base64')),
  }),
  'import.close': method({
    doc: 'Waits for the outcome of every BEEF and ends the stream.',
    params: z.strictObject({ importId }),
    result: z.object({
      ...counts,
      byCode: z.record(z.string(), shapes.count).describe('rejected and pending ones, by reason'),
      samples: z
        .array(shapes.outcome.extend({ index: shapes.count }))
        .describe('the first few of every kind'),
      damage: z
        .object({ code: z.string(), offset: shapes.count, text: z.string() })
        .optional()
        .describe('where the stream is damaged; what came before is imported'),
    }),
    errors: ['IMPORT_UNKNOWN', 'STORE_ERROR'],
    changes: true,
    example: {
      params: { importId: 'i1' },
      result: {
        ...EXAMPLE,
        byCode: { PENDING_PARENTS: 1 },
        samples: [
          { index: 0, status: 'admitted', txid: TXID, tokens: [] },
          {
            index: 1,
            status: 'pending',
            txid: TXID,
            waitingFor: 'parents',
            missing: [`${TXID}_1`],
            missingCount: 1,
          },
        ],
      },
    },
    run: async ({ log }, params, { session }) => {
      const open = openImport(session, params.importId);
      session.state.imports.delete(params.importId);
      const totals = await open.close();
      const { admitted, known, pending, conflict, rejected, unavailable } = totals;
      log.event('api.import_done', { admitted, known, pending, conflict, rejected, unavailable });
      return { ...totals, samples: totals.samples.map((sample) => ({ ...sample })) };
    },
  }),
};
