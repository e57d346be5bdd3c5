import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  AddressResolver,
  type IpFamily,
  LOOKUP_TIMEOUT_MS,
  MAX_ANSWERS,
  MAX_LOOKUPS,
  MAX_NAMES,
  MAX_TTL_MS,
  MIN_TTL_MS,
  type NameAnswer,
  STALE_FOR_MS,
} from '../../../src/p2p/dns.ts';
import { SystemLookups } from '../../../src/p2p/dns-system.ts';
import type { P2pError } from '../../../src/p2p/errors.ts';
import { HOST_CLOCK } from '../../../src/p2p/host-clock.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';

type Answer = readonly NameAnswer[] | Error | 'hang';

/** Names that a test makes up; what is not there does not exist. */
class FakeNames {
  readonly asked: string[] = [];
  readonly answers = new Map<string, Answer>();

  set(name: string, family: IpFamily, ...addresses: string[]): void {
    this.answers.set(
      `${family} ${name}`,
      addresses.map((address) => ({ address, ttlSeconds: 60 })),
    );
  }

  async lookup(name: string, family: IpFamily): Promise<readonly NameAnswer[]> {
    this.asked.push(`${family} ${name}`);
    const answer = this.answers.get(`${family} ${name}`) ?? new Error('ENOTFOUND');
    if (answer === 'hang') return new Promise(() => undefined);
    if (answer instanceof Error) throw answer;
    return answer;
  }
}

function rig(): { clock: FakeClock; names: FakeNames; resolver: AddressResolver } {
  const clock = new FakeClock();
  const names = new FakeNames();
  return { clock, names, resolver: new AddressResolver({ lookups: names, clock }) };
}

function failsWith(code: string): (error: unknown) => boolean {
  return (error) => (error as P2pError).code === code;
}

describe('families', () => {
  test('dns4 leads to IPv4 only and dns6 to IPv6 only, dns to both', async () => {
    const { names, resolver } = rig();
    names.set('both.example', 4, '192.0.2.1', '2001:db8::1');
    names.set('both.example', 6, '2001:db8::2', '192.0.2.2', '::ffff:192.0.2.3');
    assert.deepEqual(await resolver.resolve(['/dns4/both.example/tcp/9000']), ['/ip4/192.0.2.1/tcp/9000']);
    assert.deepEqual(await resolver.resolve(['/dns6/both.example/tcp/9000']), [
      '/ip6/2001:db8::2/tcp/9000',
      '/ip6/::ffff:192.0.2.3/tcp/9000',
    ]);
    assert.equal((await resolver.resolve(['/dns/both.example/tcp/1'])).length, 3);
  });

  test('a name with addresses of the other family only has failed', async () => {
    const { names, resolver } = rig();
    names.set('four.example', 6, '192.0.2.1');
    await assert.rejects(resolver.resolve(['/dns6/four.example/tcp/9000']), failsWith('DNS_FAILED'));
  });

  test('addresses where there can be nobody are left out, and private ones if asked', async () => {
    const { names, resolver } = rig();
    names.set('odd.example', 4, '0.0.0.0', '224.0.0.1', '255.255.255.255', '10.1.2.3', '8.8.4.4');
    names.set('odd.example', 6, '::', 'ff02::1', '::1', 'fd00::1', '::ffff:10.0.0.1', '2606:4700::1');
    const address = '/dns/odd.example/tcp/1';
    assert.deepEqual(await resolver.resolve([address]), [
      '/ip4/10.1.2.3/tcp/1',
      '/ip4/8.8.4.4/tcp/1',
      '/ip6/::1/tcp/1',
      '/ip6/fd00::1/tcp/1',
      '/ip6/::ffff:10.0.0.1/tcp/1',
      '/ip6/2606:4700::1/tcp/1',
    ]);
    assert.deepEqual(await resolver.resolve([address], undefined, { publicOnly: true }), [
      '/ip4/8.8.4.4/tcp/1',
      '/ip6/2606:4700::1/tcp/1',
    ]);
    names.set('inner.example', 4, '127.0.0.1');
    await assert.rejects(
      resolver.resolve(['/dns4/inner.example/tcp/1'], undefined, { publicOnly: true }),
      failsWith('NO_ADDRESS'),
    );
  });
});

describe('failures', () => {
  test('one name that fails does not hinder the other addresses', async () => {
    const { names, resolver } = rig();
    names.set('good.example', 4, '192.0.2.1');
    const addresses = ['/dns4/bad.example/tcp/1', '/ip4/192.0.2.9/tcp/1', '/dns4/good.example/tcp/1'];
    assert.deepEqual(await resolver.resolve(addresses), ['/ip4/192.0.2.9/tcp/1', '/ip4/192.0.2.1/tcp/1']);
    await assert.rejects(resolver.resolve(['/dns4/bad.example/tcp/1']), failsWith('DNS_FAILED'));
  });

  test('a resolver that hangs blocks nothing else, and its question ends after five seconds', async () => {
    const { clock, names, resolver } = rig();
    names.answers.set('4 slow.example', 'hang');
    names.set('good.example', 4, '192.0.2.1');
    assert.deepEqual(resolver.ready(['/dns4/slow.example/tcp/1', '/ip4/192.0.2.9/tcp/1']), [
      '/ip4/192.0.2.9/tcp/1',
    ]);
    const slow = resolver.resolve(['/dns4/slow.example/tcp/1']);
    const result = assert.rejects(slow, failsWith('DNS_FAILED'));
    assert.deepEqual(await resolver.resolve(['/dns4/good.example/tcp/1']), ['/ip4/192.0.2.1/tcp/1']);
    await clock.advance(LOOKUP_TIMEOUT_MS);
    await result;
    assert.equal(clock.waiting, 0);
  });

  test('hanging lookups are bounded; cached names go on', async () => {
    const { clock, names, resolver } = rig();
    names.set('good.example', 4, '192.0.2.1');
    await resolver.resolve(['/dns4/good.example/tcp/1']);
    const all: Promise<unknown>[] = [];
    for (let i = 0; i < MAX_LOOKUPS + 10; i += 1) {
      names.answers.set(`4 slow${i}.example`, 'hang');
      all.push(assert.rejects(resolver.resolve([`/dns4/slow${i}.example/tcp/1`]), failsWith('DNS_FAILED')));
    }
    await settled();
    assert.equal(names.asked.length, MAX_LOOKUPS + 1);
    assert.deepEqual(await resolver.resolve(['/dns4/good.example/tcp/1']), ['/ip4/192.0.2.1/tcp/1']);
    await clock.advance(LOOKUP_TIMEOUT_MS);
    await Promise.all(all);
  });

  test('an answer too late for its question serves the next', async () => {
    const { clock, resolver, names } = rig();
    let answer: ((answers: readonly NameAnswer[]) => void) | undefined;
    names.lookup = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    const first = assert.rejects(resolver.resolve(['/dns4/late.example/tcp/1']), failsWith('DNS_FAILED'));
    await clock.advance(LOOKUP_TIMEOUT_MS);
    await first;
    answer?.([{ address: '192.0.2.1', ttlSeconds: 60 }]);
    await settled();
    assert.deepEqual(resolver.ready(['/dns4/late.example/tcp/1']), ['/ip4/192.0.2.1/tcp/1']);
  });

  test('ends with its signal and at the close, without a timer', async () => {
    const { clock, names, resolver } = rig();
    names.answers.set('4 slow.example', 'hang');
    const abort = new AbortController();
    const first = resolver.resolve(['/dns4/slow.example/tcp/1'], abort.signal);
    abort.abort();
    await assert.rejects(first, failsWith('CANCELLED'));
    await assert.rejects(
      resolver.resolve(['/ip4/192.0.2.1/tcp/1'], AbortSignal.abort()),
      failsWith('CANCELLED'),
    );
    const second = assert.rejects(resolver.resolve(['/dns4/slow.example/tcp/1']), failsWith('DNS_FAILED'));
    resolver.close();
    await second;
    assert.equal(clock.waiting, 0);
    await assert.rejects(resolver.resolve(['/dns4/new.example/tcp/1']), failsWith('DNS_FAILED'));
  });
});

describe('cache', () => {
  test('an answer serves for its time to live, between ten seconds and an hour', async () => {
    for (const [ttlSeconds, keptMs] of [
      [0, MIN_TTL_MS],
      [60, 60_000],
      [1_000_000, MAX_TTL_MS],
    ] as const) {
      const { clock, names, resolver } = rig();
      names.answers.set('4 a.example', [{ address: '192.0.2.1', ttlSeconds }]);
      await resolver.resolve(['/dns4/a.example/tcp/1']);
      names.set('a.example', 4, '192.0.2.2');
      await clock.advance(keptMs - 1);
      assert.deepEqual(await resolver.resolve(['/dns4/A.Example/tcp/1']), ['/ip4/192.0.2.1/tcp/1']);
      assert.equal(names.asked.length, 1);
      await clock.advance(1);
      assert.deepEqual(resolver.ready(['/dns4/a.example/tcp/1']), []);
      assert.deepEqual(await resolver.resolve(['/dns4/a.example/tcp/1']), ['/ip4/192.0.2.2/tcp/1']);
    }
  });

  test('while the resolver fails or hangs, an old answer serves for a day', async () => {
    const { clock, names, resolver } = rig();
    names.set('a.example', 4, '192.0.2.1');
    await resolver.resolve(['/dns4/a.example/tcp/1']);
    names.answers.set('4 a.example', new Error('SERVFAIL'));
    await clock.advance(STALE_FOR_MS / 2);
    assert.deepEqual(await resolver.resolve(['/dns4/a.example/tcp/1']), ['/ip4/192.0.2.1/tcp/1']);
    names.answers.set('4 a.example', 'hang');
    const slow = resolver.resolve(['/dns4/a.example/tcp/1']);
    await clock.advance(LOOKUP_TIMEOUT_MS);
    assert.deepEqual(await slow, ['/ip4/192.0.2.1/tcp/1']);
    await clock.advance(STALE_FOR_MS);
    names.answers.set('4 a.example', new Error('SERVFAIL'));
    await assert.rejects(resolver.resolve(['/dns4/a.example/tcp/1']), failsWith('DNS_FAILED'));
  });

  test('the same question at the same time is asked once', async () => {
    const { names, resolver } = rig();
    names.set('a.example', 4, '192.0.2.1');
    await Promise.all(Array.from({ length: 20 }, () => resolver.resolve(['/dns4/a.example/tcp/1'])));
    assert.equal(names.asked.length, 1);
  });

  test('is bounded; the name unused longest goes first, and an answer is cut', async () => {
    const { names, resolver } = rig();
    for (let i = 0; i < MAX_NAMES; i += 1) names.set(`n${i}.example`, 4, '192.0.2.1');
    for (let i = 0; i < MAX_NAMES; i += 1) await resolver.resolve([`/dns4/n${i}.example/tcp/1`]);
    await resolver.resolve(['/dns4/n0.example/tcp/1']);
    const many = Array.from({ length: 50 }, (_, i) => `192.0.2.${i + 1}`);
    names.set('one-more.example', 4, ...many);
    assert.equal((await resolver.resolve(['/dns4/one-more.example/tcp/1'])).length, MAX_ANSWERS);
    assert.equal(resolver.size, MAX_NAMES);
    assert.equal(resolver.ready(['/dns4/n0.example/tcp/1']).length, 1);
    assert.equal(resolver.ready(['/dns4/n1.example/tcp/1']).length, 0);
  });
});

describe('the system', () => {
  test('localhost works in both families without a server', async () => {
    const lookups = new SystemLookups();
    const resolver = new AddressResolver({ lookups, clock: HOST_CLOCK });
    assert.deepEqual(await resolver.resolve(['/dns4/localhost/tcp/1', '/dns6/localhost/tcp/1']), [
      '/ip4/127.0.0.1/tcp/1',
      '/ip6/::1/tcp/1',
    ]);
    resolver.close();
    lookups.close();
  });
});
