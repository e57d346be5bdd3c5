import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { GossipError } from '../../protocols/gossip/errors.ts';
import { type Announcement, encodeAnnouncements, encodeBeefs } from '../../protocols/gossip/message.ts';
import { messageId } from '../../protocols/gossip/message-id.ts';
import { parseGossip } from '../../protocols/gossip/parse.ts';

const BUILT = import.meta.filename.endsWith('.js');
const FOLDER = join(import.meta.dirname, BUILT ? '../../..' : '../..', 'protocols/gossip/vectors');

interface MessageVector {
  readonly name: string;
  readonly hex: string;
  /** Of the same bytes on `topic`. */
  readonly id: string;
  readonly topic: string;
  /** False: read, but not what we write. */
  readonly canonical: boolean;
  readonly again?: number;
  readonly beefs?: readonly string[];
  readonly announcements?: readonly {
    readonly txid: string;
    readonly size?: number;
    readonly height?: number;
  }[];
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as T;
}

const bytesOf = (hex: string): Buffer => Buffer.from(hex, 'hex');

test('gossip: golden bytes decode to the golden messages, and back', () => {
  const vectors = read<readonly MessageVector[]>('messages.json');
  assert.ok(vectors.length >= 8);
  for (const { name, hex, topic, id, canonical, again, beefs, announcements } of vectors) {
    const message = parseGossip(bytesOf(hex));
    assert.equal(Buffer.from(messageId(topic, bytesOf(hex))).toString('hex'), id, name);
    if (message.kind === 'beefs') {
      assert.deepEqual(
        message.beefs.map((beef) => Buffer.from(beef).toString('hex')),
        beefs,
        name,
      );
      assert.equal(Buffer.from(encodeBeefs(message.beefs, again)).toString('hex'), hex, name);
      continue;
    }
    const expected = announcements?.map(({ txid, size, height }): Announcement => ({ txid, size, height }));
    assert.deepEqual(message.announcements, expected, name);
    if (canonical)
      assert.equal(Buffer.from(encodeAnnouncements(message.announcements, again)).toString('hex'), hex, name);
  }
});

test('gossip: bytes that are to be refused are, each by its code', () => {
  const vectors = read<readonly { name: string; hex: string; code: string }[]>('refused.json');
  assert.ok(vectors.length >= 15);
  for (const { name, hex, code } of vectors) {
    assert.throws(
      () => parseGossip(bytesOf(hex)),
      (error) => error instanceof GossipError && error.code === code,
      `${name}: ${code}`,
    );
  }
});
