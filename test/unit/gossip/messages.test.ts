import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { MAX_MESSAGE_BYTES, MIN_BEEF_BYTES } from '../../../protocols/gossip/constants.ts';
import { GOSSIP_PENALTIES, GossipError, type GossipErrorCode } from '../../../protocols/gossip/errors.ts';
import { encodeAnnouncements, encodeBeefs, inMessageBytes } from '../../../protocols/gossip/message.ts';
import { messageId } from '../../../protocols/gossip/message-id.ts';
import { parseGossip } from '../../../protocols/gossip/parse.ts';
import { tokenIdOf, topicOf } from '../../../protocols/gossip/topics.ts';

const ROOT = import.meta.filename.endsWith('.js') ? '../../../..' : '../../..';
const TXID = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';

const refuses = (bytes: Uint8Array, code: GossipErrorCode): void => {
  assert.throws(
    () => parseGossip(bytes),
    (error) => error instanceof GossipError && error.code === code,
  );
};

/** The JSON form with counts and bytes as given behind the txid. */
function json(rest: Buffer, version = 2, members: Record<string, unknown> = { name: 'tm_x' }): Buffer {
  const data = Buffer.concat([Buffer.of(version), Buffer.from(TXID, 'hex').reverse(), rest]);
  return Buffer.from(JSON.stringify({ ...members, data: data.toString('base64') }));
}

const NO_LISTS = Buffer.from('00000000', 'hex');
const SIZE_AND_PRICE = Buffer.from('ff000000' + '0000000000000000', 'hex');

describe('topics', () => {
  it('are tm_ and a token id, and nothing else', () => {
    const id = `${TXID}_4294967295`;
    assert.equal(topicOf(id), `tm_${id}`);
    assert.equal(tokenIdOf(`tm_${id}`), id);
    for (const bad of ['tm_bsv21', `tm_${TXID}`, `tm_${TXID}_01`, `tm_${TXID}_4294967296`, `ls_${id}`, '']) {
      assert.equal(tokenIdOf(bad), undefined, bad);
    }
    assert.throws(() => topicOf(`${TXID.toUpperCase()}_0`), { code: 'TOPIC_INVALID' });
  });
});

describe('messages', () => {
  it('carry BEEFs as they are, in order', () => {
    const beefs = [Buffer.alloc(MIN_BEEF_BYTES, 1), Buffer.alloc(300, 2), Buffer.alloc(20_000, 3)];
    const bytes = encodeBeefs(beefs);
    const message = parseGossip(bytes);
    assert.equal(message.kind, 'beefs');
    assert.deepEqual(message.kind === 'beefs' && message.beefs.map((b) => Buffer.from(b)), beefs);
    assert.equal(bytes.length, 4 + beefs.reduce((sum, { length }) => sum + inMessageBytes(length), 0));
  });

  it('carry announcements, with size and height where they are known', () => {
    const announcements = [
      { txid: TXID, size: 5_000_000, height: 900_000 },
      { txid: TXID, size: undefined, height: 0 },
      { txid: TXID, size: 1, height: undefined },
    ];
    assert.deepEqual(parseGossip(encodeAnnouncements(announcements)), {
      kind: 'announcements',
      announcements,
    });
  });

  it('published again are other messages with the same content', () => {
    const beefs = [Buffer.alloc(MIN_BEEF_BYTES, 1)];
    assert.notDeepEqual(encodeBeefs(beefs, 1), encodeBeefs(beefs));
    assert.deepEqual(parseGossip(encodeBeefs(beefs, 1)), parseGossip(encodeBeefs(beefs)));
  });

  it('are refused where a length, a count or a number is not what it must be', () => {
    const beef = Buffer.alloc(MIN_BEEF_BYTES, 1);
    const good = Buffer.from(encodeBeefs([beef, beef]));
    for (let cut = 0; cut < good.length; cut++) refuses(good.subarray(0, cut), 'GOSSIP_MALFORMED');
    refuses(Buffer.concat([good, Buffer.of(0)]), 'GOSSIP_MALFORMED');
    refuses(Buffer.from('f1010000', 'hex'), 'GOSSIP_MALFORMED');
    refuses(Buffer.from('f1020000', 'hex'), 'GOSSIP_MALFORMED');
    refuses(Buffer.from('f1030001', 'hex'), 'GOSSIP_MALFORMED');
    // A count that the bytes cannot hold, one in a longer form than needed, one without an end.
    refuses(Buffer.concat([Buffer.from('f10100ff01', 'hex'), good.subarray(4)]), 'GOSSIP_MALFORMED');
    refuses(Buffer.concat([Buffer.from('f101008200', 'hex'), good.subarray(4)]), 'GOSSIP_MALFORMED');
    refuses(Buffer.from(`f10100${'ff'.repeat(9)}`, 'hex'), 'GOSSIP_MALFORMED');
    refuses(Buffer.from('f20101', 'hex'), 'GOSSIP_VERSION');
    refuses(Buffer.alloc(MAX_MESSAGE_BYTES + 1, 0xf1), 'GOSSIP_TOO_LARGE');
  });

  it('are not made of nothing, and not too large', () => {
    assert.throws(() => encodeBeefs([]), { code: 'GOSSIP_MALFORMED' });
    assert.throws(() => encodeAnnouncements([]), { code: 'GOSSIP_MALFORMED' });
    assert.throws(() => encodeBeefs([Buffer.alloc(MAX_MESSAGE_BYTES)]), { code: 'GOSSIP_TOO_LARGE' });
    assert.throws(() => encodeBeefs(Array(257).fill(Buffer.alloc(MIN_BEEF_BYTES))), {
      code: 'GOSSIP_MALFORMED',
    });
  });
});

describe('messages of other implementations', () => {
  const announced = (bytes: Uint8Array, size: number | undefined): void => {
    const announcements = [{ txid: TXID, size, height: undefined }];
    assert.deepEqual(parseGossip(bytes), { kind: 'announcements', announcements });
  };

  it('a bare txid in hexadecimal is an announcement', () => {
    announced(Buffer.from(TXID), undefined);
    announced(Buffer.from(TXID.toUpperCase()), undefined);
    for (const bad of [TXID.slice(1), `${TXID}0`, `g${TXID.slice(1)}`, ` ${TXID.slice(1)}`, '']) {
      refuses(Buffer.from(bad), 'GOSSIP_MALFORMED');
    }
  });

  it('JSON with binary data is one too, with the size of its BEEF', () => {
    announced(json(Buffer.concat([NO_LISTS, SIZE_AND_PRICE])), 255);
    const lists = Buffer.concat([
      Buffer.from('02' + '0000000001000000' + '00' + '01' + '07000000', 'hex'),
      Buffer.concat([Buffer.of(1), Buffer.alloc(32, 9)]),
    ]);
    announced(json(Buffer.concat([lists, SIZE_AND_PRICE])), 255);
    announced(json(Buffer.concat([NO_LISTS, SIZE_AND_PRICE]), 2, { Name: 1, extra: [{}] }), 255);
    announced(
      Buffer.from(
        JSON.stringify(JSON.parse(String(json(Buffer.concat([NO_LISTS, SIZE_AND_PRICE]))))).replace(
          '"data"',
          '"Data"',
        ),
      ),
      255,
    );
  });

  it('its counts are checked against the bytes before anything is made for them', () => {
    const huge = Buffer.from('ffffffff0f', 'hex');
    const most = Buffer.from('ffffffffffff7f', 'hex');
    for (const count of [huge, most, Buffer.of(1)]) {
      refuses(json(count), 'GOSSIP_MALFORMED');
      refuses(json(Buffer.concat([Buffer.alloc(3), count, SIZE_AND_PRICE])), 'GOSSIP_MALFORMED');
    }
    refuses(json(Buffer.from('ffffffffffffffffffff01', 'hex')), 'GOSSIP_MALFORMED');
    refuses(json(Buffer.concat([NO_LISTS, SIZE_AND_PRICE, Buffer.of(0)])), 'GOSSIP_MALFORMED');
    refuses(json(Buffer.concat([NO_LISTS, SIZE_AND_PRICE]), 1), 'GOSSIP_MALFORMED');
    refuses(json(Buffer.concat([NO_LISTS, SIZE_AND_PRICE.subarray(1)])), 'GOSSIP_MALFORMED');
  });

  it('JSON that is something else is refused', () => {
    for (const text of [
      '{',
      '{}',
      '{"data":1}',
      '{"data":"*"}',
      '{"data":""}',
      '{"data":"AA"',
      '{"data":null}',
    ]) {
      refuses(Buffer.from(text), 'GOSSIP_MALFORMED');
    }
    refuses(Buffer.from(`{"data":"${'A'.repeat(70_000)}"}`), 'GOSSIP_TOO_LARGE');
    refuses(Buffer.from(`{"a":${'['.repeat(20_000)}`), 'GOSSIP_MALFORMED');
  });
});

describe('ids of messages', () => {
  it('are made of topic and content, so no other content has one', () => {
    const data = Buffer.from('content');
    const id = messageId('tm_a', data);
    assert.equal(id.length, 20);
    assert.deepEqual(messageId('tm_a', Buffer.from('content')), id);
    assert.notDeepEqual(messageId('tm_b', data), id);
    assert.notDeepEqual(messageId('tm_a', Buffer.from('contenT')), id);
    assert.notDeepEqual(messageId('tm_', Buffer.from('a\0content')), messageId('tm_a', data));
  });
});

describe('the document', () => {
  it('has the points of every code', () => {
    const text = readFileSync(join(import.meta.dirname, ROOT, 'protocols/gossip/README.md'), 'utf8');
    for (const [code, { weight, free }] of Object.entries(GOSSIP_PENALTIES)) {
      const row = text.split('\n').find((line) => line.startsWith(`| ${code}`));
      const allowance = free === undefined ? '' : `${free.burst}, ${free.perSecond}`;
      assert.deepEqual(
        row
          ?.split('|')
          .slice(2, 4)
          .map((cell) => cell.trim()),
        [String(weight), allowance],
        code,
      );
    }
  });
});
