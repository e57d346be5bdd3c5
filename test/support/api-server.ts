import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ApiServer, type ApiServerOptions } from '../../src/api/server.ts';
import { CHECKED_METHODS, FakeNode } from './fake-modules.ts';
import { RawClient } from './raw-client.ts';
import { tempDir } from './temp-dir.ts';

export interface ServerHarness {
  readonly node: FakeNode;
  readonly server: ApiServer;
  readonly path: string;
  client(): Promise<RawClient>;
}

/** A server on a socket of its own, over fakes; ends with the test. */
export async function startServer(
  t: TestContext,
  opts: Partial<ApiServerOptions> = {},
  node: FakeNode = new FakeNode(),
): Promise<ServerHarness> {
  const path = join(tempDir(t), 'btcfed.sock');
  const server = new ApiServer(
    { socketPath: path, mode: 0o600, methods: CHECKED_METHODS, ...opts },
    node.modules,
  );
  await server.start();
  const clients: RawClient[] = [];
  t.after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await server.stop();
  });
  const client = async () => {
    const opened = await RawClient.open(path);
    clients.push(opened);
    return opened;
  };
  return { node, server, path, client };
}
