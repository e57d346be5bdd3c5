import { runProcess } from './cli/process.ts';

// The parts of a node are loaded only by the commands that need one, so that the others answer at once.
await runProcess({
  openLocal: async (home, options) => (await import('./node/local.ts')).openLocal(home, options),
  runDaemon: async (home) => (await import('./node/daemon.ts')).runDaemon(home),
});
