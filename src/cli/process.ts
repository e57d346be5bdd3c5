import type { CliIo, LocalNode, OpenLocalOptions, Sink } from './io.ts';
import { main } from './main.ts';

/** What the composition root gives: the daemon, and a data directory without one. */
export interface CliParts {
  openLocal(home: string, opts: OpenLocalOptions): Promise<LocalNode>;
  runDaemon(home: string): Promise<number>;
}

/** Exit code where a second Ctrl-C ended the command. */
const EXIT_FORCED = 2;

/** Runs this process's command line and sets its exit code; output that is still buffered goes out. */
export async function runProcess(parts: CliParts): Promise<void> {
  const argv = process.argv.slice(2);
  const abort = new AbortController();
  const stopListening = argv[0] === 'run' ? () => undefined : listenForInterrupt(abort);
  // Who reads us went away (`| head`): nothing is left to say, and that is no fault.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      process.exit(error.code === 'EPIPE' ? 0 : 1);
    });
  }
  process.exitCode = await main(argv, processIo(parts, abort.signal));
  stopListening();
}

/** The first Ctrl-C lets the command end in order, the second ends it at once. The daemon has its own handlers. */
function listenForInterrupt(abort: AbortController): () => void {
  const onSignal = () => {
    if (abort.signal.aborted) process.exit(EXIT_FORCED);
    abort.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return () => {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  };
}

function processIo(parts: CliParts, signal: AbortSignal): CliIo {
  return {
    stdout: sink(process.stdout),
    stderr: sink(process.stderr),
    stdin: process.stdin,
    env: process.env,
    cwd: process.cwd(),
    signal,
    nowMs: () => Date.now(),
    sleep: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', done, { once: true });
        function done() {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        }
      }),
    openLocal: (home, opts) => parts.openLocal(home, opts),
    runDaemon: (home) => parts.runDaemon(home),
  };
}

function sink(stream: NodeJS.WriteStream): Sink {
  return {
    write: (text) => void stream.write(text),
    isTty: stream.isTTY === true,
    get columns() {
      return stream.columns ?? 100;
    },
  };
}
