// Loaded into a daemon before it starts (`node --import`): tells its parent over IPC what it holds, after a collection.
import { setImmediate as turn } from 'node:timers/promises';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What a process holds; all of it must come back to where it was when what used it has gone. */
export interface Held {
  readonly heapBytes: number;
  /** Of the heap: what V8 has compiled. It goes on compiling hot functions for many minutes, whatever the program holds. */
  readonly codeBytes: number;
  readonly externalBytes: number;
  readonly rssBytes: number;
  readonly timers: number;
  readonly sockets: number;
  readonly listeningSockets: number;
  /** Listeners on `process` itself. */
  readonly listeners: number;
  /** Warnings of Node.js so far, such as of too many listeners. */
  readonly warnings: readonly string[];
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const warnings: string[] = [];

async function held(): Promise<Held> {
  // What one collection frees may let go of more: finalizers run between them.
  for (let i = 0; i < 4; i += 1) {
    collect();
    await turn();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  const compiled = getHeapSpaceStatistics().filter(({ space_name }) => /^(code|trusted)_/.test(space_name));
  const active = process.getActiveResourcesInfo();
  const count = (kind: string): number => active.filter((name) => name === kind).length;
  const names = process.eventNames();
  return {
    heapBytes: heapUsed,
    codeBytes: compiled.reduce((sum, { space_used_size }) => sum + space_used_size, 0),
    externalBytes: external,
    rssBytes: rss,
    timers: count('Timeout'),
    sockets: count('TCPSocketWrap'),
    listeningSockets: count('TCPServerWrap'),
    listeners: names.reduce((sum, name) => sum + process.listenerCount(name), 0),
    warnings,
  };
}

if (process.send !== undefined) {
  process.on('warning', ({ name, message }) => warnings.push(`${name}: ${message}`));
  process.on('message', (asked) => {
    if (asked === 'held') void held().then((answer) => process.send?.(answer));
  });
  process.channel?.unref();
}
