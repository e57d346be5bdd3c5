import type { Caller } from '../../api/client.ts';
import { BeefFile } from '../beef-file.ts';
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

const STATUSES = ['admitted', 'known', 'pending', 'conflict', 'rejected'] as const;

interface Summary extends Pick<Totals, (typeof STATUSES)[number] | 'offered' | 'byCode'> {
  readonly via: Caller['via'];
  readonly files: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly samples: readonly (Totals['samples'][number] & { file: string })[];
  readonly damaged: readonly Damage[];
  readonly interrupted: boolean;
}

/** Sends all files, one after another, as one stream. A bad file does not keep the others out. */
class ImportRun {
  readonly #context: Context;
  readonly #sender: ImportSender;
  readonly #progress: Progress;
  readonly #starts: FileStart[] = [];
  readonly #damaged: Damage[] = [];
  #counts: Counts | undefined;
  #sent = 0;
  #bytes = 0;
  #total = 0;

  constructor(context: Context, sender: ImportSender, progress: Progress) {
    this.#context = context;
    this.#sender = sender;
    this.#progress = progress;
  }

  async run(via: Caller['via']): Promise<Summary> {
    const { io, args } = this.#context;
    const startMs = io.nowMs();
    const files = await this.#openAll(args);
    for (const file of files) {
      if (!io.signal.aborted) await this.#send(file);
      await file.close();
    }
    const interrupted = io.signal.aborted;
    const totals = await this.#sender.finish();
    const { offered, byCode, admitted, known, pending, conflict, rejected } = totals;
    const samples = totals.samples.map((sample) => this.#placed(sample));
    const seconds = (io.nowMs() - startMs) / 1000;
    const counts = { offered, admitted, known, pending, conflict, rejected, byCode };
    const damaged = this.#damaged;
    return { via, files: args.length, bytes: this.#bytes, seconds, ...counts, samples, damaged, interrupted };
  }

  tick(counts: Counts): void {
    this.#counts = counts;
    const text = `${counts.done} of ${counts.offered} transactions, ${counts.rejected} rejected`;
    this.#progress.update(this.#bytes, this.#total, text);
  }

  /** Of an import that ends with an error: what is sure all the same. */
  get answered(): number {
    return this.#counts?.done ?? 0;
  }

  async #openAll(paths: readonly string[]): Promise<BeefFile[]> {
    const files: BeefFile[] = [];
    for (const path of paths) {
      try {
        const file = await BeefFile.open(path);
        this.#total += file.bytes;
        files.push(file);
      } catch (error) {
        this.#note(path, error);
      }
    }
    return files;
  }

  async #send(file: BeefFile): Promise<void> {
    this.#starts.push({ file: file.path, index: this.#sent });
    try {
      for await (const beef of file.frames(this.#sender.maxBeefBytes)) {
        await this.#sender.add(beef);
        this.#sent += 1;
        this.#bytes += beef.length;
        if (this.#context.io.signal.aborted) return;
      }
    } catch (error) {
      this.#note(file.path, error);
      return;
    }
    const { damage } = file;
    if (damage === undefined) return;
    const { code, offset, text } = damage;
    this.#damaged.push({ file: file.path, code, message: `${file.path}: ${text}`, offset });
  }

  #note(file: string, error: unknown): void {
    if (!(error instanceof CliError)) throw error;
    this.#damaged.push({ file, code: error.code, message: error.message });
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
      STATUSES.map((status) => [`  ${status}`, String(summary[status])]),
      [1],
    ),
  ];
  for (const status of ['rejected', 'pending', 'conflict'] as const) {
    const of = samples.filter((sample) => sample.status === status);
    const groups = new Set(of.map((sample) => groupOf(sample)));
    for (const group of groups) {
      const count = byCode[group] ?? summary[status];
      lines.push(`${status}: ${group === status ? '' : `${group} `}(${count})`);
      for (const sample of of.filter((s) => groupOf(s) === group)) {
        lines.push(`  ${sample.file} #${sample.index}  ${sample.txid ?? '-'}  ${outcomeReason(sample)}`);
      }
    }
  }
  for (const { message } of damaged) lines.push(`damaged: ${message}`);
  if (summary.interrupted) lines.push('interrupted: the rest of the files was not read');
  return lines.join('\n');
}

function groupOf(sample: Totals['samples'][number]): string {
  if (sample.status === 'rejected') return sample.code ?? 'rejected';
  if (sample.status === 'pending') return `PENDING_${(sample.waitingFor ?? '').toUpperCase()}`;
  return sample.status;
}

async function runImport(context: Context): Promise<number> {
  const progress = new Progress(context.io);
  const summary = await context.with(context.daemonOrLocal(), async (caller) => {
    let run: ImportRun | undefined;
    const sender = await ImportSender.open(caller, (counts) => run?.tick(counts));
    run = new ImportRun(context, sender, progress);
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
  const failed = summary.rejected > 0 || summary.damaged.length > 0 || summary.interrupted;
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
    args: [{ name: 'FILE', doc: 'File of BEEFs.', many: true, file: true }],
    options: {},
    examples: [
      ['import history.bin', 'a framed file'],
      ['import --json tx1.hex tx2.beef', 'single BEEFs; totals as JSON'],
    ],
    exits: [
      [0, 'all admitted, known, pending or in conflict'],
      [1, 'some were rejected, a file is damaged or unreadable, or it was interrupted'],
      [2, 'the daemon cannot be reached although its socket is there'],
      [3, 'usage'],
      [4, 'the configuration of the data directory is invalid'],
    ],
    run: runImport,
  },
];
