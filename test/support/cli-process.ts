import { Interrupt } from '../../src/cli/interrupt.ts';
import { runProcess } from '../../src/cli/process.ts';
import { FakeNode } from './fake-modules.ts';

// A btcfed over fakes, as a process of its own: `node cli-process.js ARGS`.
const node = new FakeNode();
if (process.env['FAKE_SLOW'] === '1') node.ready = () => new Promise((resolve) => setTimeout(resolve, 50));
if (process.env['FAKE_STUCK'] === '1') {
  node.ready = () => {
    process.stderr.write('stuck\n');
    return new Promise(() => setInterval(() => undefined, 1_000));
  };
}
await runProcess(
  {
    openLocal: async () => {
      process.stderr.write('opened\n');
      return { modules: node.modules, close: async () => void process.stderr.write('closed\n') };
    },
    loadDaemon: async () => async () => 70,
  },
  new Interrupt(),
);
