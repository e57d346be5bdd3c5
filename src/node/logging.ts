import type { Config } from '../../config/index.ts';
import { type LogOptions, Logs } from '../observe/log.ts';
import { LogFile } from '../observe/log-file.ts';
import type { PreparedChange } from '../p2p/types.ts';
import type { ProposedChange, ReloadComponent } from './reload-component.ts';
import { stderrFormat, stderrModules } from './stderr.ts';

const SEED_BYTES = 32;

/** What the log does by a configuration. */
export function logOptions({ logging }: Config): LogOptions {
  const { level, modules, format, consoleOutput, consoleColor, fileOutput } = logging;
  const isPlain = !consoleColor || process.stderr.isTTY !== true || (process.env['NO_COLOR'] ?? '') !== '';
  return {
    level,
    modules,
    format: stderrFormat(format),
    color: !isPlain,
    console: consoleOutput,
    // The journal's form has no time: that is the journal's own.
    ...(fileOutput ? { fileFormat: format } : {}),
  };
}

/** The logs of the daemon: stderr, log file, levels; level, format and modules are taken at a reload. */
export class NodeLogs implements ReloadComponent {
  readonly name = 'logging';
  readonly logs: Logs;
  readonly #file: LogFile | undefined;
  readonly #isSilent: boolean;

  constructor(config: Config, onFileState: (isFailed: boolean, text: string) => void) {
    const { fileOutput, fileName, fileMaxSizeBytes, consoleOutput } = config.logging;
    this.#isSilent = !consoleOutput;
    if (fileOutput && fileName !== undefined) {
      const modules = { monotonicMs: () => performance.now(), ...this.#fileEvents(fileName, onFileState) };
      this.#file = new LogFile({ path: fileName, maxBytes: fileMaxSizeBytes }, modules);
    }
    const file = this.#file;
    this.logs = new Logs(logOptions(config), {
      ...stderrModules,
      ...(file === undefined ? {} : { writeFile: (line) => file.write(line) }),
    });
    this.#hideSecrets(config);
  }

  /** Begins to write the log file: only once this daemon is the only one here. */
  openFile(): void {
    this.#file?.open();
  }

  /** After somebody moved the log file away. */
  reopenFile(): void {
    this.#file?.reopen();
  }

  closeFile(): void {
    this.#file?.close();
  }

  /** Says on stderr, where nothing else is said, why the daemon does not run. */
  tellFatal(text: string): void {
    if (this.#isSilent) process.stderr.write(`btcfed: ${text}\n`);
  }

  prepare({ next }: ProposedChange): PreparedChange {
    // Also where no key of it changed: levels set by hand go back to the file's.
    const before = this.logs.saved();
    return {
      apply: () => {
        this.#hideSecrets(next);
        this.logs.configure(logOptions(next));
      },
      rollback: () => this.logs.restore(before),
    };
  }

  #fileEvents(file: string, onFileState: (isFailed: boolean, text: string) => void) {
    const log = () => this.logs.module('node');
    return {
      onFailure: (error: unknown) => {
        const text = error instanceof Error ? error.message : String(error);
        const code = String((error as { code?: unknown } | undefined)?.code ?? 'UNKNOWN');
        log().event('log.file_failed', { file, code });
        this.tellFatal(`the log file cannot be written: ${text}`);
        onFileState(true, text);
      },
      onRecovery: (lost: number) => {
        log().event('log.file_recovered', { file, lost });
        onFileState(false, '');
      },
    };
  }

  /** The key in each of its spellings, and the tokens of services. */
  #hideSecrets({ node, chain }: Config): void {
    const key = node.privateKey.reveal();
    const bytes = Buffer.from(key, 'base64');
    const seed = bytes.subarray(0, SEED_BYTES);
    // 42 digits of the seed alone are the same in the base64 of the whole key.
    const spellings = [key, seed.toString('base64').slice(0, 42), bytes.toString('base64url')];
    for (const text of [...spellings, seed.toString('hex')]) this.logs.addSecret(text);
    for (const source of chain.headerSources) {
      if (source.kind === 'service' && source.token !== undefined) this.logs.addSecret(source.token.reveal());
    }
  }
}
