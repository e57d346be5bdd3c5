import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  asP2pError,
  P2P_CODES,
  P2pError,
  type P2pErrorClass,
  type P2pErrorCode,
} from '../../../src/p2p/errors.ts';

const CODES = Object.keys(P2P_CODES) as P2pErrorCode[];

function codesOf(wanted: P2pErrorClass): readonly P2pErrorCode[] {
  return CODES.filter((code) => new P2pError(code, 'x').class === wanted);
}

test('recoverable errors are tried again by themselves', () => {
  for (const code of ['REFUSED', 'UNREACHABLE', 'TIMEOUT', 'DNS_FAILED', 'RESET_IN_HANDSHAKE'] as const) {
    assert.ok(codesOf('recoverable').includes(code));
    assert.equal(new P2pError(code, 'x').backoff, 'transient');
  }
  for (const code of ['NO_COMMON_PROTOCOL', 'CLOSED_AFTER_HANDSHAKE'] as const) {
    assert.equal(new P2pError(code, 'x').class, 'recoverable');
    assert.equal(new P2pError(code, 'x').backoff, 'stubborn');
  }
});

test('configuration errors wait for the operator', () => {
  assert.deepEqual([...codesOf('configuration')].sort(), [
    'ADDRESS_INVALID',
    'ADDRESS_NOT_PERMITTED',
    'ADDRESS_UNAVAILABLE',
    'DENIED',
    'FILE_NEWER',
    'NO_ADDRESS',
    'SELF',
    'WRONG_IDENTITY',
  ]);
});

test('fatal errors are faults of ours and of the key alone', () => {
  assert.deepEqual([...codesOf('fatal')].sort(), ['INTERNAL', 'KEY_INVALID']);
});

test('an unknown fault becomes INTERNAL with its cause; one of ours stays', () => {
  const ours = new P2pError('REFUSED', 'nobody there', { address: '/ip4/192.0.2.1/tcp/1' });
  assert.equal(asP2pError(ours), ours);
  const cause = new TypeError('x is not a function');
  const wrapped = asP2pError(cause);
  assert.equal(wrapped.code, 'INTERNAL');
  assert.equal(wrapped.cause, cause);
  assert.equal(asP2pError('text').message, 'text');
});
