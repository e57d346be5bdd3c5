import type { RpcClient } from '../../src/api/client.ts';
import { ImportSender } from '../../src/cli/import-sender.ts';
import type { LoopbackNode } from './loopback.ts';

/** Headers of one call. */
const HEADERS_AT_ONCE = 4_000;
const HEADER_BYTES = 80;

/** Gives 80-byte headers to a daemon. */
export async function importHeaders(rpc: RpcClient, headers: Uint8Array): Promise<void> {
  const step = HEADERS_AT_ONCE * HEADER_BYTES;
  for (let at = 0; at < headers.length; at += step) {
    const data = Buffer.from(headers.subarray(at, at + step)).toString('base64');
    await rpc.call('headers.import', { data });
  }
}

/** Gives BEEFs to a daemon; done when all are durable. @throws Error: one was not taken */
export async function importAll(rpc: RpcClient, beefs: Iterable<Uint8Array>): Promise<void> {
  const sender = await ImportSender.open(rpc, () => undefined);
  for (const beef of beefs) await sender.add(beef);
  const { offered, admitted, known, byCode } = await sender.finish();
  if (admitted + known !== offered)
    throw new Error(`${admitted} + ${known} of ${offered} taken: ${JSON.stringify(byCode)}`);
}

/** Balance by address of everybody who has one. */
export async function holdersOf(rpc: RpcClient, token: string): Promise<Map<string, string>> {
  const balances = new Map<string, string>();
  let cursor: string | undefined;
  do {
    const rest = cursor === undefined ? {} : { cursor };
    const page = await rpc.call('token.holders', { token, limit: 1_000, ...rest });
    for (const { address, balance } of page.items) balances.set(address, balance);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return balances;
}

/** Unix ms when a daemon that has just been started became synced for the first time, by its log; waits for it. */
export async function untilSynced(node: LoopbackNode, token: string): Promise<number> {
  const { atMs } = await node.logged(
    ({ event, fields }) => event === 'sync.synced' && fields['token'] === token,
  );
  const { sync } = await node.rpc.call('token.get', { token });
  if (sync?.state !== 'synced') throw new Error(`${node.name} is ${sync?.state}`);
  return atMs;
}
