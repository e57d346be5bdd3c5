// A host in a process of its own, for tests that stop or kill it; tells its parent where to dial it.
import { newHost, targetOf } from './p2p.ts';

const host = await newHost();
await host.start();
process.send?.(targetOf(host));
process.on('disconnect', () => process.exit(0));
