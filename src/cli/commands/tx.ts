import { readFile, writeFile } from 'node:fs/promises';
import type { Caller } from '../../api/client.ts';
import { MAX_SUBMIT_BYTES } from '../../api/limits.ts';
import type { Result } from '../../api/methods/index.ts';
import { beefOfBytes, fileError } from '../beef-file.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../errors.ts';
import { formatBytes, table } from '../format.ts';
import { ImportSender } from '../import-sender.ts';
import { outcomeReason } from '../outcomes.ts';

type Outcome = Result<'tx.submit'>;

async function readAll(context: Context, path: string): Promise<Uint8Array> {
  if (path !== '-') {
    try {
      return await readFile(path);
    } catch (error) {
      throw fileError(path, error);
    }
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of context.io.stdin) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** One request where it fits, else an import of one. */
async function submit(caller: Caller, beef: Uint8Array): Promise<Outcome> {
  if (beef.length <= MAX_SUBMIT_BYTES) {
    return caller.call('tx.submit', { beef: Buffer.from(beef).toString('hex') });
  }
  const sender = await ImportSender.open(caller, () => undefined);
  await sender.add(beef);
  const { samples } = await sender.finish();
  const { index: _index, ...outcome } = samples[0] as Result<'import.close'>['samples'][number];
  return outcome;
}

async function runSubmit(context: Context): Promise<number> {
  const path = context.arg(0);
  const beef = beefOfBytes(await readAll(context, path), path === '-' ? 'standard input' : path);
  const outcome = await context.with(context.daemon(), (caller) => submit(caller, beef));
  const reason = outcomeReason(outcome);
  context.out.data(outcome, () =>
    [outcome.status, outcome.txid ?? '-', reason].filter((s) => s !== '').join('  '),
  );
  const refused = outcome.status === 'rejected' || outcome.status === 'conflict';
  return refused ? EXIT.refused : EXIT.ok;
}

function txText(tx: Result<'tx.get'>): string {
  const rows = [
    ['txid', tx.txid],
    ['status', tx.status],
    ['block', tx.height === undefined ? 'unmined' : `${tx.height}:${tx.index} ${tx.blockHash ?? ''}`],
    ['first seen', tx.firstSeen],
    ['size', formatBytes(tx.bytes)],
  ];
  if (tx.conflictsWith.length > 0) rows.push(['conflicts', tx.conflictsWith.join(' ')]);
  const waiting = new Set(tx.waitingParents?.map(({ txid }) => txid));
  const missing = tx.missingParents.filter((txid) => !waiting.has(txid));
  if (missing.length > 0) rows.push(['missing', missing.join(' ')]);
  for (const { txid, height } of tx.waitingParents ?? []) {
    rows.push(['parent waits', height === undefined ? txid : `${txid} for block header ${height}`]);
  }
  if (tx.missingHeight !== undefined) rows.push(['waits for', `block header ${tx.missingHeight}`]);
  const lines = [table(rows)];
  for (const part of tx.tokens) {
    const undecided = part.decided ? '' : `, undecided inputs: ${part.undecided.join(' ')}`;
    lines.push(`token ${part.token}: in ${part.valueIn}, lost ${part.lost}${undecided}`);
    const outputs = part.outputs.map((o) => [
      `  ${o.vout}`,
      o.op,
      o.amount,
      o.verdict,
      o.address,
      o.spentBy === undefined ? '' : `spent by ${o.spentBy}`,
    ]);
    if (outputs.length > 0) lines.push(table(outputs, [2]));
  }
  return lines.join('\n');
}

async function runTx(context: Context): Promise<number> {
  const params = { txid: context.arg(0), ...(context.flag('raw') ? { raw: true } : {}) };
  const tx = await context.with(context.daemon(), (caller) => caller.call('tx.get', params));
  context.out.data(tx, () => [txText(tx), ...(tx.raw === undefined ? [] : [tx.raw])].join('\n'));
  return EXIT.ok;
}

async function fetchBeef(caller: Caller, txid: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let offset: number | undefined = 0; offset !== undefined; ) {
    const piece: Result<'tx.beef'> = await caller.call('tx.beef', { txid, offset });
    pieces.push(Buffer.from(piece.beef, 'hex'));
    offset = piece.next;
  }
  return Buffer.concat(pieces);
}

async function runBeef(context: Context): Promise<number> {
  const txid = context.arg(0);
  const path = context.text('out');
  const beef = await context.with(context.daemon(), (caller) => fetchBeef(caller, txid));
  if (path === undefined) {
    const hex = beef.toString('hex');
    context.out.data({ txid, bytes: beef.length, beef: hex }, () => hex);
    return EXIT.ok;
  }
  try {
    await writeFile(path, beef);
  } catch (error) {
    throw fileError(path, error, 'written');
  }
  context.out.data({ txid, bytes: beef.length, file: path }, () => `${beef.length} bytes written to ${path}`);
  return EXIT.ok;
}

export const txCommands: readonly Command[] = [
  {
    name: 'submit',
    summary: 'Offer one BEEF to the daemon and wait for its verdict.',
    args: [{ name: 'FILE', doc: 'BEEF, raw or hex; - for standard input.', file: true }],
    options: {},
    examples: [
      ['submit payment.beef', 'a file'],
      ['submit -', 'hex from a pipe'],
    ],
    exits: [
      [0, 'admitted, known, or pending'],
      [1, 'rejected, or in conflict with another transaction'],
      [2, 'daemon unreachable'],
      [3, 'usage'],
    ],
    run: runSubmit,
  },
  {
    name: 'tx',
    summary: 'What is known of a transaction.',
    args: [{ name: 'TXID', doc: 'Transaction id.' }],
    options: { raw: { type: 'flag', doc: 'With the raw transaction in hex.' } },
    examples: [['tx TXID', 'status, block, and the verdict of each token output']],
    run: runTx,
  },
  {
    name: 'beef',
    summary: 'BEEF of a transaction, to prove it to others.',
    args: [{ name: 'TXID', doc: 'Transaction id.' }],
    options: {
      out: { type: 'text', value: 'FILE', doc: 'Write the raw BEEF here, not hex to stdout.', file: true },
    },
    examples: [
      ['beef TXID', 'hex on stdout'],
      ['beef TXID --out payment.beef', 'raw bytes into a file'],
    ],
    run: runBeef,
  },
];
