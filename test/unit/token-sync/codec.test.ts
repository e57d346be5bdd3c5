import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { decodeMessage, encodeMessage } from '../../../protocols/token-sync/codec.ts';
import { MAX_CHUNK_TXS, MAX_FRAME_BYTES, MAX_TOKENS } from '../../../protocols/token-sync/constants.ts';
import { KINDS } from '../../../protocols/token-sync/shapes.ts';
import { plain } from '../../support/sync-messages.ts';

const BUILT = import.meta.filename.endsWith('.js');
const FOLDER = join(import.meta.dirname, BUILT ? '../../../..' : '../../..', 'protocols/token-sync/vectors');

interface Vectors {
  readonly good: readonly {
    readonly bytes: string;
    readonly message: { readonly body: { readonly kind: string } };
  }[];
  readonly bad: readonly { readonly bytes: string; readonly code: string; readonly why: string }[];
}
const vectors = JSON.parse(readFileSync(join(FOLDER, 'messages.json'), 'utf8')) as Vectors;

describe('messages of the token sync', () => {
  for (const { bytes, message } of vectors.good) {
    it(`${message.body.kind} is read from the bytes of the vector, and written as them`, () => {
      const decoded = decodeMessage(Buffer.from(bytes, 'hex'));
      assert.deepEqual(plain(decoded), message);
      assert.equal(Buffer.from(encodeMessage(decoded)).toString('hex'), bytes);
    });
  }

  it('every kind has a vector', () => {
    const kinds = new Set(vectors.good.map(({ message }) => message.body.kind));
    assert.deepEqual(
      [...KINDS].filter((kind) => !kinds.has(kind)),
      [],
    );
  });

  for (const { bytes, code, why } of vectors.bad) {
    it(`${code}: ${why}`, () => {
      assert.throws(() => decodeMessage(Buffer.from(bytes, 'hex')), { name: 'TokenSyncError', code });
    });
  }

  it('FRAME_TOO_LARGE: a byte more than a frame may have', () => {
    const frame = Buffer.alloc(MAX_FRAME_BYTES + 1);
    assert.throws(() => decodeMessage(frame), { name: 'TokenSyncError', code: 'FRAME_TOO_LARGE' });
  });

  it('TOO_MANY: one digest, one transaction more than a message may have', () => {
    const hello = { version: 1, network: 'main', rules: 1, salt: new Uint8Array(16) };
    const digests = new Uint8Array(16 * (MAX_TOKENS + 1));
    const raw = new Uint8Array(1);
    const most = (count: number): Uint8Array[] => new Array<Uint8Array>(count).fill(raw);
    const bodies = [
      { kind: 'hello' as const, ...hello, digests },
      { kind: 'chunk' as const, blocks: [], loose: most(MAX_CHUNK_TXS + 1), context: [], proven: [] },
      { kind: 'chunk' as const, blocks: [], loose: most(MAX_CHUNK_TXS), context: most(1), proven: [] },
    ];
    for (const body of bodies) {
      const frame = encodeMessage({ id: body.kind === 'hello' ? 0 : 1, body });
      assert.throws(() => decodeMessage(frame), { name: 'TokenSyncError', code: 'TOO_MANY' });
    }
  });

  it('a kind of a later version is read as unknown, whatever is in it', () => {
    // Field 200, three bytes.
    const frame = Buffer.from('1007c20c03010203', 'hex');
    assert.deepEqual(decodeMessage(frame), { id: 7, body: { kind: 'unknown' } });
  });

  it('a failure code of a later version is UNAVAILABLE', () => {
    const { body } = decodeMessage(Buffer.from('100792010308c801', 'hex'));
    assert.deepEqual(body, { kind: 'failure', code: 'UNAVAILABLE', retryAfterMs: undefined });
  });

  it('byte fields are views of the frame, not copies', () => {
    const { bytes } = vectors.good.find(({ message }) => message.body.kind === 'chunk')!;
    const frame = new Uint8Array(Buffer.from(bytes, 'hex'));
    const { body } = decodeMessage(frame);
    assert.ok(body.kind === 'chunk');
    assert.equal(body.blocks[0]!.txs[0]!.buffer, frame.buffer);
  });
});
