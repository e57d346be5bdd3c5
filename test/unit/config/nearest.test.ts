import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nearestName } from '../../../config/nearest.ts';

describe('nearestName', () => {
  const cases: readonly (readonly [string, readonly string[], string | undefined])[] = [
    ['addreses', ['addresses', 'announce'], 'addresses'],
    ['ADDRESSES', ['addresses', 'announce'], 'addresses'],
    ['maxPeers', ['max_per_ip', 'max_peers'], 'max_peers'],
    ['warning', ['debug', 'info', 'warn', 'error'], 'warn'],
    ['mainnet', ['main', 'test', 'regtest'], 'main'],
    ['colour', ['level', 'format'], undefined],
    ['xx', ['go', 'up'], undefined],
    ['', ['go'], undefined],
    ['a'.repeat(65), ['a'.repeat(65)], undefined],
    ['anything', [], undefined],
    ['statsu', ['status', 'submit'], 'status'],
  ];
  for (const [name, candidates, expected] of cases) {
    it(`${name.slice(0, 12) || 'nothing'} of ${candidates.length}: ${expected?.slice(0, 12)}`, () => {
      assert.equal(nearestName(name, candidates), expected);
    });
  }
});
