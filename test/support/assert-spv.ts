import assert from 'node:assert/strict';
import { SpvError, type SpvErrorCode } from '../../src/spv/errors.ts';

/** The call throws an SpvError of this code, with at least this data and a message. */
export function throwsSpv(call: () => unknown, code: SpvErrorCode, data: Record<string, unknown> = {}): void {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof SpvError, `expected SpvError, got ${String(error)}`);
    assert.equal(error.code, code, error.message);
    assert.ok(error.message.length > 10);
    for (const [key, value] of Object.entries(data)) assert.deepEqual(error.data[key], value, `data.${key}`);
    return;
  }
  assert.fail(`expected SpvError ${code}, nothing was thrown`);
}
