import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectClient } from '../../src/api/client.ts';
import { hashOf, mineChain, nth, REGTEST_GENESIS_HASH } from '../support/chain.ts';
import { federation, type Member, startAll } from '../support/federation.ts';
import { until } from '../support/operator.ts';

// Daemons as an operator runs them: headers given to one of them reach all, by the default `header_sources: [peers]`.

async function importTo(member: Member, headers: Uint8Array): Promise<void> {
  const client = await connectClient({ socketPath: member.home.socket });
  try {
    for (let at = 0; at < headers.length; at += 4_000 * 80) {
      const data = Buffer.from(headers.subarray(at, at + 4_000 * 80)).toString('base64');
      await client.call('headers.import', { data });
    }
  } finally {
    await client.close();
  }
}

async function tipOf(member: Member): Promise<string> {
  const client = await connectClient({ socketPath: member.home.socket });
  try {
    return (await client.call('headers.tip', {})).hash;
  } finally {
    await client.close();
  }
}

async function untilAt(members: readonly Member[], hash: string): Promise<void> {
  await until(`all at ${hash}`, async () => {
    const tips = await Promise.all(members.map(tipOf));
    return tips.every((tip) => tip === hash);
  });
}

test('headers given to one daemon reach all, also a reorganisation, and one that was killed meanwhile', async (t) => {
  const members = (await federation(t, 3)) as readonly [Member, Member, Member];
  const [a, b, c] = members;
  b.list(a);
  c.list(b);
  await startAll([a, b]);
  const trunk = mineChain(12_000);
  await importTo(a, trunk);
  const top = hashOf(nth(trunk, -1));
  await c.start();
  await until('the last one has some', async () => (await tipOf(c)) !== REGTEST_GENESIS_HASH);
  await c.kill();
  await c.start();
  await untilAt(members, top);
  const block = mineChain(1, { on: nth(trunk, -1) });
  await importTo(a, block);
  await untilAt(members, hashOf(block));
  const fork = mineChain(5, { on: nth(trunk, 11_996) });
  await importTo(c, fork);
  await untilAt(members, hashOf(nth(fork, -1)));
  for (const member of members) {
    const { health } = await member.call('node.status', {});
    assert.deepEqual(
      health.filter(({ code }) => code.startsWith('HEADER')),
      [],
    );
    assert.ok((await member.connected()).every(({ penalty }) => penalty === 0));
  }
});
