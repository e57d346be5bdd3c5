import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Screen } from '../../demo/screen.ts';
import { type Row, TABLE_WIDTH, table } from '../../demo/table.ts';

const ROW: Row = {
  ...{ daemon: 'three', peers: 2, height: 123, symbol: 'GOLD', transactions: 12_345, pace: 1_234.5 },
  ...{ unmined: 1_234, balance: '100000', tac: 'ab'.repeat(32), state: 'behind 99%' },
};

/** All that is written where two pictures are drawn, something is said, and two more follow, the last one for good. */
function written(kind: { readonly isTTY?: boolean; readonly columns?: number }): string {
  const texts: string[] = [];
  const screen = new Screen({ ...kind, write: (text: string | Uint8Array) => texts.push(String(text)) > 0 });
  screen.draw(['a', 'b']);
  screen.draw(['c', 'd']);
  screen.say('e');
  screen.draw(['f']);
  screen.keep(['g']);
  screen.say('h');
  return texts.join('');
}

test('the widest table fits in 79 columns, and a daemon is named once', () => {
  const lines = table([ROW, { ...ROW, symbol: 'SILV', tac: undefined }]);
  assert.deepEqual([TABLE_WIDTH, lines[1]?.length], [79, 79]);
  for (const line of lines) assert.ok(line.length <= TABLE_WIDTH, line);
  assert.match(lines[1] ?? '', /^three +2 +123 {2}GOLD +12345 /);
  assert.match(lines[2] ?? '', /^ +SILV +12345 .* - +behind 99%$/);
});

test('on a terminal a picture replaces the one before, and what is said stays', () => {
  const text = 'a\nb\n\u001b[2A\u001b[Jc\nd\n\u001b[2A\u001b[Je\nf\n\u001b[1A\u001b[Jg\nh\n';
  assert.equal(written({ isTTY: true, columns: 80 }), text);
});

test('elsewhere, and on a terminal that is too narrow, few pictures are written and none is replaced', () => {
  assert.equal(written({}), 'a\nb\ne\ng\nh\n');
  assert.equal(written({ isTTY: true, columns: 78 }), 'a\nb\ne\ng\nh\n');
});
