import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IpFamily } from '../../../src/p2p/dns.ts';
import { SystemLookups } from '../../../src/p2p/dns-system.ts';

/** Name servers and a lookup that know what a test tells them, and in which order they were asked. */
class FakeSystem {
  readonly asked: string[] = [];
  readonly servers = new Map<string, string>();
  readonly hosts = new Map<string, string>();
  isCancelled = false;
  /** The lookup waits for this. */
  gate: Promise<void> = Promise.resolve();

  lookups(): SystemLookups {
    const ask = (family: IpFamily) => async (name: string) => {
      this.asked.push(`servers ${family} ${name}`);
      const address = this.servers.get(name);
      if (address === undefined) throw new Error('ENOTFOUND');
      return [{ address, ttl: 77 }];
    };
    const resolver = {
      resolve4: ask(4),
      resolve6: ask(6),
      cancel: () => {
        this.isCancelled = true;
      },
    };
    const lookup = async (name: string, { family }: { readonly family: IpFamily }) => {
      this.asked.push(`system ${family} ${name}`);
      await this.gate;
      const address = this.hosts.get(name);
      if (address === undefined) throw new Error('ENOTFOUND');
      return [{ address }];
    };
    return new SystemLookups({ resolver: resolver as never, lookup });
  }
}

test('names of the world are asked of the servers, then of the system; those of one label the other way round', async () => {
  const system = new FakeSystem();
  system.servers.set('node.example', '192.0.2.1').set('rack', '192.0.2.2');
  system.hosts.set('node.lan', '10.0.0.1').set('rack', '10.0.0.2');
  const lookups = system.lookups();
  assert.deepEqual(await lookups.lookup('node.example', 4), [{ address: '192.0.2.1', ttlSeconds: 77 }]);
  assert.deepEqual(await lookups.lookup('node.lan', 6), [{ address: '10.0.0.1', ttlSeconds: 60 }]);
  assert.deepEqual(await lookups.lookup('rack', 4), [{ address: '10.0.0.2', ttlSeconds: 60 }]);
  assert.deepEqual(system.asked, [
    'servers 4 node.example',
    'servers 6 node.lan',
    'system 6 node.lan',
    'system 4 rack',
  ]);
  await assert.rejects(lookups.lookup('nobody.example', 4), /ENOTFOUND/);
  assert.deepEqual(await lookups.lookup('a.localhost', 6), [{ address: '::1', ttlSeconds: 60 }]);
});

test('the system is asked for one name at a time, and for none after the close', async () => {
  const system = new FakeSystem();
  system.hosts.set('one', '10.0.0.1').set('two', '10.0.0.2');
  const { promise, resolve } = Promise.withResolvers<void>();
  system.gate = promise;
  const lookups = system.lookups();
  const one = lookups.lookup('one', 4);
  const two = lookups.lookup('two', 4);
  await new Promise((done) => setImmediate(done));
  assert.deepEqual(system.asked, ['system 4 one']);
  lookups.close();
  assert.ok(system.isCancelled);
  resolve();
  assert.equal((await one).length, 1);
  await assert.rejects(two, /ENOTFOUND/);
  assert.deepEqual(system.asked, ['system 4 one', 'servers 4 two']);
});
