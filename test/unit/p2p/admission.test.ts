import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MultiaddrConnection } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { Admission } from '../../../src/p2p/admission.ts';
import { isPrivateAddress, netAddress, placeOf } from '../../../src/p2p/net-address.ts';

const never = new AbortController().signal;

interface Fake {
  readonly connection: MultiaddrConnection;
  aborted: boolean;
  close(): void;
}

function fake(address = '/ip4/203.0.113.7/tcp/40000'): Fake {
  const closers: (() => void)[] = [];
  const made: Fake = {
    aborted: false,
    close: () => {
      for (const closer of closers.splice(0)) closer();
    },
    connection: {
      remoteAddr: multiaddr(address),
      addEventListener: (_: string, listener: () => void) => closers.push(listener),
      abort: () => {
        made.aborted = true;
      },
    } as unknown as MultiaddrConnection,
  };
  return made;
}

function admission(maxPerIp: number): { readonly admission: Admission; advance(ms: number): void } {
  let nowMs = 0;
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, after: () => () => {} };
  return {
    admission: new Admission(clock, () => maxPerIp),
    advance: (ms) => {
      nowMs += ms;
    },
  };
}

test('a place holds as many as allowed, handshakes included, and has room again when one closes', () => {
  const { admission: gate } = admission(2);
  const [a, b, c] = [fake(), fake(), fake()];
  const first = gate.enter(a.connection, never);
  gate.enter(b.connection, never)?.done();
  assert.equal(gate.enter(c.connection, never), undefined);
  assert.ok(gate.enter(fake('/ip4/203.0.113.8/tcp/1').connection, never), 'another place');
  first?.done();
  assert.equal(gate.enter(fake().connection, never), undefined, 'done is not closed');
  a.close();
  assert.ok(gate.enter(fake().connection, never));
});

test('who connects and leaves again and again is slowed down, and forgiven in time', () => {
  const { admission: gate, advance } = admission(2);
  const knock = (): boolean => {
    const one = fake();
    const ticket = gate.enter(one.connection, never);
    ticket?.done();
    one.close();
    return ticket !== undefined;
  };
  const taken = Array.from({ length: 20 }, knock).filter(Boolean).length;
  assert.equal(taken, 8);
  advance(1_000);
  assert.deepEqual([knock(), knock(), knock()], [true, true, false]);
});

test('silent handshakes give way to newer ones; places are not remembered for ever', () => {
  const { admission: gate } = admission(1);
  const silent = Array.from({ length: 256 }, (_, i) => fake(`/ip4/198.51.100.${i}/tcp/1`));
  const tickets = silent.map((one) => gate.enter(one.connection, never));
  assert.equal(gate.pending, 256);
  assert.ok(gate.enter(fake('/ip4/203.0.113.1/tcp/1').connection, never));
  assert.equal(gate.pending, 256);
  assert.equal(silent[0]!.aborted, true);
  assert.equal(tickets[0]!.signal.aborted, true);
  assert.equal(silent[1]!.aborted, false);
  gate.abortPending();
  assert.equal(tickets[255]!.signal.aborted, true);
  for (const one of silent) one.close();
  for (let i = 0; i < 10_000; i++) {
    const one = fake(`/ip4/10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/tcp/1`);
    gate.enter(one.connection, never)?.done();
    one.close();
  }
  assert.ok(gate.places <= 4_097, `${gate.places} places`);
});

test('an IPv6 customer is one place; private addresses are told from public ones', () => {
  const place = (text: string): string => placeOf(netAddress(`/ip6/${text}/tcp/1`)!);
  assert.equal(place('2001:db8:1:2:3:4:5:6'), place('2001:db8:1:2::1'));
  assert.notEqual(place('2001:db8:1:2::1'), place('2001:db8:1:3::1'));
  assert.equal(place('::1'), '0:0:0:0::/64');
  const isPrivate = (text: string): boolean => isPrivateAddress(netAddress(text)!);
  for (const text of [
    '/ip4/127.0.0.1/tcp/1',
    '/ip4/100.64.0.1/tcp/1',
    '/ip6/fd00::1/tcp/1',
    '/ip6/fe80::1/tcp/1',
  ]) {
    assert.equal(isPrivate(text), true, text);
  }
  assert.equal(isPrivate('/ip4/1.1.1.1/tcp/1'), false);
  assert.equal(isPrivate('/dns4/localhost/tcp/1'), false);
  for (const text of [
    '/ip4/1.2.3.4/udp/9/quic-v1',
    '/ip4/1.2.3.4/tcp/9/ws',
    '/unix/a',
    'x',
    '/ip4/1.2.3.4/tcp/9/p2p-circuit',
  ]) {
    assert.equal(netAddress(text), undefined, text);
  }
});
