import { open, stat } from 'node:fs/promises';
import { type Caller, RpcError } from '../../api/client.ts';
import { HEADER_BYTES, MAX_HEADERS_PIECE } from '../../api/methods/headers.ts';
import type { Result } from '../../api/methods/index.ts';
import { readHeaderFile } from '../../chain/header-file.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT } from '../errors.ts';
import { table } from '../format.ts';
import { Progress } from '../progress.ts';

interface HeadersSummary {
  via: Caller['via'];
  file: string;
  headers: number;
  added: number;
  known: number;
  /** Heights that a chain with more work replaced. */
  undone: { from: number; to: number }[];
  tip?: Result<'headers.import'>['tip'];
  interrupted: boolean;
}

/** Headers of the file, so many as one request takes. */
async function* pieces(path: string): AsyncGenerator<Uint8Array> {
  for await (const block of readHeaderFile(path)) {
    for (let at = 0; at < block.length; at += MAX_HEADERS_PIECE * HEADER_BYTES) {
      yield block.subarray(at, at + MAX_HEADERS_PIECE * HEADER_BYTES);
    }
  }
}

/** Sends one piece; a refusal names the header by its number in the file, not in the piece. */
async function sendPiece(caller: Caller, path: string, piece: Uint8Array, before: number) {
  try {
    return await caller.call('headers.import', { data: Buffer.from(piece).toString('base64') });
  } catch (error) {
    const index =
      error instanceof RpcError && error.code === 'HEADERS_REFUSED' ? error.data['index'] : undefined;
    if (typeof index !== 'number') throw error;
    const header = before + index;
    const { message } = error as RpcError;
    throw new CliError(
      'FILE_DAMAGED',
      `${path}: header ${header} (byte ${header * HEADER_BYTES}): ${message}; ${keptText(header)}`,
      {
        file: path,
        header,
        kept: header,
        offset: header * HEADER_BYTES,
        reason: String((error as RpcError).data['reason']),
      },
    );
  }
}

/** Those before a bad one are good, and stay. */
function keptText(header: number): string {
  if (header === 0) return 'nothing of the file is kept';
  return header === 1 ? 'the header before it is kept' : `the ${header} headers before it are kept`;
}

/** Piece by piece: each links to what the pieces before it brought. */
async function sendHeaders(context: Context, caller: Caller, path: string): Promise<HeadersSummary> {
  const { io } = context;
  const progress = new Progress(io);
  const total = (await stat(path).catch(() => undefined))?.size ?? 0;
  const summary: HeadersSummary = {
    via: caller.via,
    file: path,
    headers: 0,
    added: 0,
    known: 0,
    undone: [],
    interrupted: false,
  };
  try {
    for await (const piece of pieces(path)) {
      summary.interrupted = io.signal.aborted;
      if (summary.interrupted) break;
      const update = await sendPiece(caller, path, piece, summary.headers);
      summary.headers += piece.length / HEADER_BYTES;
      summary.added += update.added;
      summary.known += update.known;
      if (update.undone !== undefined) summary.undone.push(update.undone);
      summary.tip = update.tip;
      const done = summary.headers * HEADER_BYTES;
      progress.update(done, total, `${summary.headers} headers, height ${update.tip.height}`);
    }
    return summary;
  } finally {
    progress.clear();
  }
}

function human(summary: HeadersSummary): string {
  const lines = [`${summary.headers} headers: ${summary.added} added, ${summary.known} known`];
  if (summary.tip !== undefined) lines.push(`tip ${summary.tip.height} ${summary.tip.hash}`);
  for (const { from, to } of summary.undone)
    lines.push(`reorganised: heights ${from} to ${to} were replaced`);
  if (summary.interrupted) lines.push('interrupted: the rest of the file was not read');
  return lines.join('\n');
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}

/** What cannot be read is no reason to make a store. */
async function refuseUnreadable(path: string): Promise<void> {
  try {
    await (await open(path, 'r')).close();
  } catch (error) {
    throw new CliError('FILE_UNREADABLE', `${path}: cannot be read: ${codeOf(error)}`, { file: path });
  }
}

async function runImport(context: Context): Promise<number> {
  await refuseUnreadable(context.arg(0));
  const summary = await context.with(context.daemonOrLocal(), (caller) =>
    sendHeaders(context, caller, context.arg(0)),
  );
  context.out.data(summary, () => human(summary));
  return summary.interrupted ? EXIT.refused : EXIT.ok;
}

async function runTip(context: Context): Promise<number> {
  const tip = await context.with(context.daemonOrLocal({ repair: false, create: false }), (caller) =>
    caller.call('headers.tip', {}),
  );
  context.out.data(tip, () =>
    table([
      ['height', String(tip.height)],
      ['hash', tip.hash],
      ['time', tip.time ?? '-'],
      ['from', `height ${tip.baseHeight}`],
      ['work', tip.chainWork],
    ]),
  );
  return EXIT.ok;
}

export const headersCommands: readonly Command[] = [
  {
    name: 'headers import',
    summary: 'Add block headers from a file, through a running daemon or, when none runs, directly.',
    doc: [
      'The file holds 80-byte headers one after another, binary or hex; the first must link to a known one.',
    ],
    args: [{ name: 'FILE', doc: 'File of headers.', file: true }],
    options: {},
    examples: [['headers import headers.bin', 'all headers of a file']],
    run: runImport,
  },
  {
    name: 'headers tip',
    summary: 'Tip of the header chain, of a running daemon or, when none runs, of the data directory.',
    args: [],
    options: {},
    examples: [['headers tip', 'height, hash and time of the best block']],
    run: runTip,
  },
];
