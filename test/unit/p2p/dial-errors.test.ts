import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DialTrace, dialError, mergedError } from '../../../src/p2p/dial-errors.ts';
import { P2pError, type P2pErrorCode } from '../../../src/p2p/errors.ts';

const OWN = '12D3KooWown';
const ADDRESS = '/ip4/192.0.2.1/tcp/9000';

function trace(fields: Partial<DialTrace> = {}): DialTrace {
  return {
    address: ADDRESS,
    phase: 'connect',
    stranger: undefined,
    wasOpen: false,
    forbidden: undefined,
    ...fields,
  };
}

function withCode(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function named(name: string): Error {
  return Object.assign(new Error(name), { name });
}

test('what the system says while connecting has a code each; what nobody knows is no way there', () => {
  const cases: readonly (readonly [unknown, P2pErrorCode])[] = [
    [withCode('ECONNREFUSED'), 'REFUSED'],
    [withCode('EHOSTUNREACH'), 'UNREACHABLE'],
    [withCode('ENOTFOUND'), 'DNS_FAILED'],
    [withCode('ECONNRESET'), 'RESET_IN_HANDSHAKE'],
    [withCode('ETIMEDOUT'), 'TIMEOUT'],
    [withCode('EWHATEVER'), 'UNREACHABLE'],
    [named('AbortError'), 'TIMEOUT'],
    [named('TimeoutError'), 'TIMEOUT'],
    ['a text', 'UNREACHABLE'],
  ];
  for (const [thrown, code] of cases) {
    const error = dialError(thrown, trace(), false, OWN);
    assert.deepEqual([error.code, error.data['address']], [code, ADDRESS]);
    assert.ok(error.message.startsWith(`${ADDRESS}: `));
  }
});

test('how far it got decides about what broke then', () => {
  const broken = new Error('broken');
  const code = (fields: Partial<DialTrace>, isAborted = false): P2pErrorCode =>
    dialError(broken, trace(fields), isAborted, OWN).code;
  assert.equal(code({ phase: 'handshake' }), 'RESET_IN_HANDSHAKE');
  assert.equal(code({ phase: 'handshake', wasOpen: true }), 'NO_COMMON_PROTOCOL');
  assert.equal(code({ phase: 'proof' }), 'CLOSED_AFTER_HANDSHAKE');
  assert.equal(code({ phase: 'handshake' }, true), 'TIMEOUT');
});

test('who answers: a stranger is named, ourselves are told apart, and our own rules come first', () => {
  const stranger = dialError(new Error(), trace({ stranger: '12D3KooWother' }), false, OWN);
  assert.deepEqual([stranger.code, stranger.data['found']], ['WRONG_IDENTITY', '12D3KooWother']);
  assert.equal(dialError(new Error(), trace({ stranger: OWN }), false, OWN).code, 'SELF');
  assert.equal(dialError(named('InvalidPeerIdError'), trace(), false, OWN).code, 'SELF');
  const forbidden = new P2pError('DENIED', 'only listed peers may connect', { reason: 'not listed' });
  const refused = dialError(new Error(), trace({ forbidden, stranger: OWN }), false, OWN);
  assert.deepEqual([refused.code, refused.data], ['DENIED', { reason: 'not listed', address: ADDRESS }]);
  const ours = new P2pError('DNS_FAILED', 'the name could not be resolved');
  assert.equal(dialError(ours, trace(), false, OWN).message, `${ADDRESS}: ${ours.message}`);
});

test('of several failures the one that got furthest is told, with all that was tried', () => {
  const failed = (code: P2pErrorCode, address?: string): P2pError =>
    new P2pError(code, code, address === undefined ? {} : { address });
  const merged = mergedError([failed('DNS_FAILED'), failed('WRONG_IDENTITY', ADDRESS), failed('INTERNAL')]);
  assert.equal(merged.code, 'WRONG_IDENTITY');
  assert.deepEqual(merged.data, {
    address: ADDRESS,
    tried: ['DNS_FAILED', `${ADDRESS} WRONG_IDENTITY`, 'INTERNAL'],
  });
  const one = failed('REFUSED', ADDRESS);
  assert.equal(mergedError([one]), one);
  assert.equal(mergedError([]).code, 'NO_ADDRESS');
});
