import { type ChildProcess, fork } from 'node:child_process';
import { extname, join } from 'node:path';

/** One damaged store to be opened and read by a child process. */
export interface CellRequest {
  readonly path: string;
  /** An undamaged copy, whose answers are the right ones. Given as `path` too, it is only read. */
  readonly clean: string;
  readonly follow: readonly string[];
  readonly compact: boolean;
  /** `raw`: what LevelDB gives is believed. */
  readonly reader: 'store' | 'raw';
}

export interface CellResult {
  /** Code of the typed error that ended opening. */
  readonly openError?: string;
  /** An error that is not typed. */
  readonly fault?: string;
  /** Questions answered otherwise than by the clean copy, without an error. */
  readonly wrong: readonly string[];
  readonly errors: readonly string[];
  /** Codes of the audit's problems. */
  readonly problems: readonly string[];
  readonly asked?: number;
}

export type Verdict = 'open' | 'read' | 'audit' | 'died' | 'hung' | 'harmless' | 'SILENT' | 'FAULT';

/** What LevelDB writes before it ends the process; without words it ends by a signal of the machine. */
const LEVELDB_ASSERTION = /leveldb.*Assertion/;
const CELL_LIMIT_MS = 120_000;

/** `died`: LevelDB ended the process; `hung`: it never gave an answer. */
export type CellAnswer = CellResult | 'died' | 'hung';

/** Who noticed the damage first: opening, a read, the audit, LevelDB itself; or nobody. */
export function verdictOf(result: CellAnswer): Verdict {
  if (result === 'died' || result === 'hung') return result;
  if (result.fault !== undefined) return 'FAULT';
  if (result.openError !== undefined) return 'open';
  if (result.errors.length > 0) return 'read';
  if (result.problems.length > 0) return 'audit';
  return result.wrong.length > 0 ? 'SILENT' : 'harmless';
}

/** A child that opens damaged stores; started again when LevelDB ended it. */
export class CellReader {
  #child: ChildProcess | undefined;
  #stderr = '';

  async read(request: CellRequest): Promise<CellAnswer> {
    const child = this.#child ?? this.#start();
    return new Promise((resolve, reject) => {
      let isLate = false;
      const limit = setTimeout(() => {
        isLate = true;
        child.kill('SIGKILL');
      }, CELL_LIMIT_MS);
      const finish = (result: CellAnswer | Error): void => {
        clearTimeout(limit);
        child.off('message', onMessage);
        child.off('exit', onExit);
        if (result instanceof Error) reject(result);
        else resolve(result);
      };
      const onMessage = (result: unknown): void => finish(result as CellResult);
      const onExit = (code: number | null, signal: string | null): void => {
        this.#child = undefined;
        if (isLate) finish('hung');
        else if (signal === 'SIGABRT' && LEVELDB_ASSERTION.test(this.#stderr)) finish('died');
        else finish(new Error(`the child ended with ${code ?? signal}: ${this.#stderr}`));
      };
      child.on('message', onMessage);
      child.on('exit', onExit);
      child.send(request);
    });
  }

  close(): void {
    this.#child?.removeAllListeners();
    this.#child?.kill();
    this.#child = undefined;
  }

  #start(): ChildProcess {
    const file = join(import.meta.dirname, '..', 'crash', `damage-child${extname(import.meta.filename)}`);
    const child = fork(file, { stdio: ['ignore', 'inherit', 'pipe', 'ipc'], serialization: 'advanced' });
    this.#stderr = '';
    child.stderr!.on('data', (text: Buffer) => {
      this.#stderr = (this.#stderr + text.toString()).slice(-10_000);
    });
    this.#child = child;
    return child;
  }
}
