import type { Caller } from '../../api/client.ts';
import { BeefFile, type BeefSource } from '../beef-file.ts';
import { BeefStream } from '../beef-stream.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT } from '../errors.ts';
import { formatBytes, formatSeconds, table } from '../format.ts';
import { type Counts, ImportSender, type Totals } from '../import-sender.ts';
import { outcomeReason } from '../outcomes.ts';
import { Progress } from '../progress.ts';

interface Damage {
  readonly file: string;
  readonly code: string;
  readonly message: string;
  readonly offset?: number;
}

interface FileStart {
  readonly file: string;
  /** Number of the file's first BEEF in the stream. */
  readonly index: number;
}

const STATUSES = ['admitted', 'known', 'pending', 'conflict', 'rejected', 'unavailable'] as const;

interface Summary extends Pick<Totals, (typeof STATUSES)[number] | 'offered' | 'byCode'> {
  /** none: no file could be read, so nobody was asked. */
  readonly via: Caller['via'] | 'none';
  readonly files: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly samples: readonly (Totals['samples'][number] & { file: string })[];
  readonly damaged: readonly Damage[];
  readonly interrupted: boolean;
}

const NOTHING: Omit<Summary, 'files' | 'damaged'> = {
  via: 'none',
  bytes: 0,
  seconds: 0,
  offered: 0,
  admitted: 0,
  known: 0,
  pending: 0,
  conflict: 0,
  rejected: 0,
  unavailable: 0,
  byCode: {},
  samples: [],
  interrupted: false,
};

interface OpenFiles {
  readonly open: BeefSource[];
  readonly damaged: Damage[];
}

/** Before anything is asked for, or made: what cannot be read is no reason to open a store. */
async function openFiles({ args, io }: Context): Promise<OpenFiles> {
  const files: OpenFiles = { open: [], damaged: [] };
  for (const path of args) {
    try {
      files.open.push(path === '-' ? new BeefStream(io.stdin) : await BeefFile.open(path));
    } catch (error) {
      files.damaged.push(damageOf(path, error));
    }
  }
  return files;
}

function damageOf(file: string, error: unknown): Damage {
  if (!(error instanceof CliError)) throw error;
  return { file, code: error.code, message: error.message };
}

/** Sends all files, one after another, as one stream. A bad file does not keep the others out. */
class ImportRun {
  readonly #context: Context;
  readonly #sender: ImportSender;
  readonly #progress: Progress;
  readonly #files: OpenFiles;
  readonly #starts: FileStart[] = [];
  #counts: Counts | undefined;
  #sent = 0;
  #bytes = 0;

  constructor(context: Context, files: OpenFiles, sender: ImportSender, progress: Progress) {
    this.#context = context;
    this.#files = files;
    this.#sender = sender;
    this.#progress = progress;
  }

  async run(via: Caller['via']): Promise<Summary> {
    const { io, args } = this.#context;
    const startMs = io.nowMs();
    for (const file of this.#files.open) if (!io.signal.aborted) await this.#send(file);
    const interrupted = io.signal.aborted;
    const totals = await this.#sender.finish();
    const { offered, byCode, admitted, known, pending, conflict, rejected, unavailable } = totals;
    const samples = totals.samples.map((sample) => this.#placed(sample));
    const seconds = (io.nowMs() - startMs) / 1000;
    const counts = { offered, admitted, known, pending, conflict, rejected, unavailable, byCode };
    const { damaged } = this.#files;
    return { via, files: args.length, bytes: this.#bytes, seconds, ...counts, samples, damaged, interrupted };
  }

  tick(counts: Counts): void {
    this.#counts = counts;
    const text = `${counts.done} of ${counts.offered} transactions, ${counts.rejected} rejected`;
    const total = this.#files.open.reduce((sum, file) => sum + file.bytes, 0);
    this.#progress.update(this.#bytes, total, text);
  }

  /** Of an import that ends with an error: what is sure all the same. */
  get answered(): number {
    return this.#counts?.done ?? 0;
  }

  async #send(file: BeefSource): Promise<void> {
    this.#starts.push({ file: file.path, index: this.#sent });
    try {
      for await (const beef of file.frames(this.#sender.maxBeefBytes)) {
        await this.#sender.add(beef);
        this.#sent += 1;
        this.#bytes += beef.length;
        if (this.#context.io.signal.aborted) return;
      }
    } catch (error) {
      this.#files.damaged.push(damageOf(file.path, error));
      return;
    }
    const { damage } = file;
    if (damage === undefined) return;
    const { code, offset, text } = damage;
    this.#files.damaged.push({ file: file.path, code, message: `${file.path}: ${text}`, offset });
  }

  /** From the number in the stream to file and number in the file. */
  #placed(sample: Totals['samples'][number]) {
    const start = this.#starts.findLast((s) => s.index <= sample.index);
    return { ...sample, file: start?.file ?? '', index: sample.index - (start?.index ?? 0) };
  }
}

function human(summary: Summary): string {
  const { offered, files, bytes, seconds, samples, byCode, damaged } = summary;
  const rate = seconds > 0 ? `, ${Math.round(offered / seconds)}/s` : '';
  const head = `${offered} transactions in ${files} file${files === 1 ? '' : 's'} (${formatBytes(bytes)}) in ${formatSeconds(seconds)}${rate}`;
  const lines = [
    head,
    table(
      STATUSES.filter((status) => status !== 'unavailable' || summary.unavailable > 0).map((status) => [
        `  ${status}`,
        String(summary[status]),
      ]),
      [1],
    ),
  ];
  for (const status of ['rejected', 'pending', 'conflict'] as const) {
    const of = samples.filter((sample) => sample.status === status);
    const groups = new Set(of.map((sample) => groupOf(sample)));
    for (const group of groups) {
      const count = byCode[group] ?? summary[status];
      const head = group === 'UNAVAILABLE' ? 'not looked at, offer them again' : status;
      lines.push(`${head}: ${group === status ? '' : `${group} `}(${count})`);
      for (const sample of of.filter((s) => groupOf(s) === group)) {
        lines.push(`  ${sample.file} #${sample.index}  ${sample.txid ?? '-'}  ${outcomeReason(sample)}`);
      }
    }
  }
  lines.push(...damageLines(damaged));
  if (summary.interrupted) lines.push('interrupted: the rest of the files was not read');
  return lines.join('\n');
}

function damageLines(damaged: readonly Damage[]): string[] {
  return damaged.map(({ message }) => `damaged: ${message}`);
}

function groupOf(sample: Totals['samples'][number]): string {
  if (sample.status === 'rejected') return sample.code ?? 'rejected';
  if (sample.status === 'pending') return `PENDING_${(sample.waitingFor ?? '').toUpperCase()}`;
  return sample.status;
}

async function runImport(context: Context): Promise<number> {
  const files = await openFiles(context);
  if (files.open.length === 0) {
    const { damaged } = files;
    context.out.data({ ...NOTHING, files: context.args.length, damaged }, () =>
      damageLines(damaged).join('\n'),
    );
    return EXIT.refused;
  }
  try {
    return await importAll(context, files);
  } finally {
    for (const file of files.open) await file.close();
  }
}

async function importAll(context: Context, files: OpenFiles): Promise<number> {
  const progress = new Progress(context.io);
  const summary = await context.with(context.daemonOrLocal(), async (caller) => {
    let run: ImportRun | undefined;
    const sender = await ImportSender.open(caller, (counts) => run?.tick(counts));
    run = new ImportRun(context, files, sender, progress);
    try {
      return await run.run(caller.via);
    } catch (error) {
      progress.clear();
      context.out.note(`the import ended early; ${run.answered} transactions had been answered before`);
      throw error;
    } finally {
      progress.clear();
    }
  });
  context.out.data(summary, () => human(summary));
  const failed =
    summary.rejected + summary.unavailable > 0 || summary.damaged.length > 0 || summary.interrupted;
  return failed ? EXIT.refused : EXIT.ok;
}

export const importCommands: readonly Command[] = [
  {
    name: 'import',
    summary: 'Bring BEEF files into the index, through a running daemon or, when none runs, directly.',
    doc: [
      'A file holds one BEEF (raw or hex), or many (framed: u32 LE length + BEEF, repeated); which, is found out. BEEFs may come in any order and more than once.',
      'Pending transactions wait for parents or a header and are kept; they are no failure. Of a damaged file, what is whole is imported.',
    ],
    args: [{ name: 'FILE', doc: 'File of BEEFs; - is standard input.', many: true, file: true }],
    options: {},
    examples: [
      ['import history.bin', 'a framed file'],
      ['import --json tx1.hex tx2.beef', 'single BEEFs; totals as JSON'],
      ['import -', 'the same from standard input'],
    ],
    exits: [
      [0, 'all admitted, known, pending or in conflict'],
      [
        1,
        'some were rejected or could not be looked at, a file is damaged or unreadable, or it was interrupted',
      ],
      [2, 'the daemon cannot be reached although its socket is there'],
      [3, 'usage'],
      [4, 'the configuration of the data directory is invalid'],
    ],
    run: runImport,
  },
];
