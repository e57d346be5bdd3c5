import { z } from 'zod';
import { UNTOLD_BLOCK } from '../../ingest/proofs.ts';
import type { TxView } from '../../store/view.ts';
import { ApiError } from '../errors.ts';
import { MAX_PIECE_BYTES, MAX_SUBMIT_BYTES } from '../limits.ts';
import { method } from '../method.ts';
import type { ApiModules } from '../modules.ts';
import { addressOf } from '../owners.ts';
import { isoMs, shownOutcome, shownPosition } from '../present.ts';
import * as shapes from '../shapes.ts';
import { ADDRESS, BLOCK, TOKEN, TXID } from './examples.ts';

const output = z.object({
  vout: shapes.count,
  op: shapes.op,
  amount: shapes.amount,
  verdict: shapes.verdict,
  lock: shapes.lock,
  address: z.string(),
  spentBy: z.string().optional(),
});

const tokenPart = z.object({
  token: z.string(),
  decided: z.boolean(),
  valueIn: shapes.amount,
  lost: shapes.amount,
  undecided: z.array(z.string()).describe('outpoints whose value is still unknown'),
  outputs: z.array(output),
});

const view = z.object({
  txid: z.string(),
  status: shapes.txStatus,
  ...shapes.position,
  blockHash: z.string().optional(),
  firstSeen: shapes.isoTime,
  bytes: shapes.count,
  raw: z.string().optional().describe('hex; with `raw: true`'),
  tokens: z.array(tokenPart),
  conflictsWith: z.array(z.string()),
  missingParents: z.array(z.string()),
  waitingParents: z
    .array(z.object({ txid: z.string(), height: shapes.height.optional() }))
    .optional()
    .describe(
      'those of the missing that are here and wait themselves, and the height of the header they wait for',
    ),
  missingHeight: shapes.height.optional(),
});

async function heldTx({ view }: Pick<ApiModules, 'view'>, text: string): Promise<TxView> {
  const txid = text.toLowerCase();
  const tx = await view.tx(txid);
  if (tx === undefined) throw new ApiError('TX_UNKNOWN', { txid }, txid);
  return tx;
}

function shownTx(modules: ApiModules, tx: TxView, withRaw: boolean): z.input<typeof view> {
  return {
    txid: tx.txid,
    status: tx.status,
    ...shownPosition(tx.position),
    ...(tx.blockHash === undefined || tx.blockHash === UNTOLD_BLOCK ? {} : { blockHash: tx.blockHash }),
    firstSeen: isoMs(tx.firstSeenMs),
    bytes: tx.raw.length,
    ...(withRaw ? { raw: Buffer.from(tx.raw).toString('hex') } : {}),
    tokens: tx.tokens.map((part) => ({
      token: part.tokenId,
      decided: part.decided,
      valueIn: String(part.valueIn),
      lost: String(part.lost),
      undecided: [...part.undecided],
      outputs: part.outputs.map((o) => ({
        vout: o.vout,
        op: o.op,
        amount: String(o.amt),
        verdict: o.verdict,
        lock: o.lock,
        address: addressOf(modules.network, o.owner),
        ...(o.spentBy === undefined ? {} : { spentBy: o.spentBy }),
      })),
    })),
    conflictsWith: [...tx.conflictsWith],
    missingParents: [...tx.missingParents],
    ...((tx.waitingParents ?? []).length === 0
      ? {}
      : { waitingParents: (tx.waitingParents ?? []).map((parent) => ({ ...parent })) }),
    ...(tx.missingHeight === undefined ? {} : { missingHeight: tx.missingHeight }),
  };
}

/** A BEEF is built once a reading, also when it goes out in pieces. */
async function builtBeef(
  modules: ApiModules,
  txid: string,
  held: Uint8Array | undefined,
): Promise<Uint8Array> {
  if (held !== undefined) return held;
  const beef = await modules.view.beef(txid);
  if (beef !== undefined) return beef;
  await heldTx(modules, txid);
  throw new ApiError('TX_NOT_PROVABLE', { txid }, `${txid} waits for parents or for a header`);
}

const hex = z.string().regex(/^([0-9a-fA-F]{2})+$/, 'must be an even number of hex digits');

export const txMethods = {
  'tx.submit': method({
    doc: 'Offers a BEEF; the answer is given after it is stored durably. Larger ones go through import.open.',
    params: z.strictObject({
      beef: hex.max(MAX_SUBMIT_BYTES * 2, `must be at most ${MAX_SUBMIT_BYTES} bytes; use import.open above`),
    }),
    result: shapes.outcome,
    errors: ['STORE_ERROR'],
    changes: true,
    example: {
      params: { beef: '0100beef0000' },
      result: { status: 'admitted', txid: TXID, tokens: [TOKEN] },
    },
    run: async ({ offers }, { beef }) => {
      await offers.ready();
      return shownOutcome(await offers.offer(Buffer.from(beef, 'hex'), 'rpc'));
    },
  }),
  'tx.get': method({
    doc: 'What is known of a transaction: status, block, verdict of each token output, conflicts.',
    params: z.strictObject({ txid: shapes.txid, raw: z.boolean().optional() }),
    result: view,
    errors: ['TX_UNKNOWN', 'STORE_ERROR'],
    changes: false,
    example: {
      params: { txid: TXID },
      result: {
        txid: TXID,
        status: 'active',
        height: 905_506,
        index: 12,
        blockHash: BLOCK,
        firstSeen: '2025-07-15T08:29:12.031Z',
        bytes: 612,
        tokens: [
          {
            token: TOKEN,
            decided: true,
            valueIn: '99000',
            lost: '0',
            undecided: [],
            outputs: [
              { vout: 0, op: 'transfer', amount: '99000', verdict: 'valid', lock: 'p2pkh', address: ADDRESS },
            ],
          },
        ],
        conflictsWith: [],
        missingParents: [],
      },
    },
    check: async (modules, { txid }) => void (await heldTx(modules, txid)),
    run: async (modules, { txid, raw }) => shownTx(modules, await heldTx(modules, txid), raw === true),
  }),
  'tx.beef': method({
    doc: `Atomic BEEF (BRC-95) of a transaction, in pieces of at most ${MAX_PIECE_BYTES} bytes.`,
    params: z.strictObject({ txid: shapes.txid, offset: shapes.count.optional() }),
    result: z.object({
      txid: z.string(),
      beef: z.string().describe('hex of the piece'),
      bytes: shapes.count.describe('of the whole'),
      next: shapes.count.optional().describe('offset of the next piece; absent at the end'),
    }),
    errors: ['TX_UNKNOWN', 'TX_NOT_PROVABLE', 'STORE_ERROR'],
    changes: false,
    example: { params: { txid: TXID }, result: { txid: TXID, beef: '01010101', bytes: 4 } },
    check: async (modules, { txid }) => void (await heldTx(modules, txid)),
    run: async (modules, params, { session }) => {
      const txid = params.txid.toLowerCase();
      const offset = params.offset ?? 0;
      const held = session.state.beef;
      // From the start it is built anew: it may have been proved since.
      const bytes = await builtBeef(
        modules,
        txid,
        offset > 0 && held?.txid === txid ? held.bytes : undefined,
      );
      const piece = bytes.subarray(offset, offset + MAX_PIECE_BYTES);
      const next = offset + piece.length;
      const more = next < bytes.length && piece.length > 0;
      session.state.beef = more ? { txid, bytes } : undefined;
      return {
        txid,
        beef: Buffer.from(piece).toString('hex'),
        bytes: bytes.length,
        ...(more ? { next } : {}),
      };
    },
  }),
};
