import { Interrupt } from './cli/interrupt.ts';

// Before anything that takes time to load: a signal finds its handler at any moment of a start.
const interrupt = new Interrupt();
const { runProcess } = await import('./cli/process.ts');

// The parts of a node are loaded only by the commands that need one, so that the others answer at once.
await runProcess(
  {
    openLocal: async (home, options) => (await import('./node/local.ts')).openLocal(home, options),
    loadDaemon: async () => (await import('./node/daemon.ts')).runDaemon,
  },
  interrupt,
);
