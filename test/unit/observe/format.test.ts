import assert from 'node:assert/strict';
import { test } from 'node:test';
import { escapeControls, tailValue } from '../../../src/observe/escape.ts';
import { effectiveFormat, formatLine, isJournalStream } from '../../../src/observe/format.ts';
import { isLogLevel, isLogModule } from '../../../src/observe/levels.ts';

test('controls, separators, bidirectional marks and lone surrogates are spelled out; other text stays', () => {
  assert.equal(escapeControls('a\nb\tc\rd\u0000\u009b'), 'a\\nb\\tc\\rd\\u0000\\u009b');
  assert.equal(escapeControls('\u202eevil\u2069 \u2028\ufeff'), '\\u202eevil\\u2069 \\u2028\\ufeff');
  assert.equal(escapeControls('\ud800x'), '\\ud800x');
  assert.equal(escapeControls('\u{e0001}'), '\\udb40\\udc01');
  assert.equal(escapeControls('Zürich 東京 🪙'), 'Zürich 東京 🪙');
});

test('an escaped JSON line means the same', () => {
  const line = JSON.stringify({ level: 'info', time: 't', message: 'a\u0085b\u{e0001}' });
  const out = formatLine(`${line}\n`, 'json');
  assert.equal(out.includes('\u0085'), false);
  assert.deepEqual(JSON.parse(out), JSON.parse(line));
});

test('values in a tail are quoted only where they must be', () => {
  assert.equal(tailValue('abc'), 'abc');
  assert.equal(tailValue(''), '""');
  assert.equal(tailValue('a "b"'), '"a \\"b\\""');
  assert.equal(tailValue('a=b'), '"a=b"');
  assert.equal(tailValue(['x', 'y']), 'x,y');
  assert.equal(tailValue(5), '5');
});

test('the journal is recognised by device and inode, not by the variable alone', () => {
  assert.equal(isJournalStream('8:42', { dev: 8, ino: 42 }), true);
  assert.equal(isJournalStream('8:42', { dev: 8n, ino: 42n }), true);
  assert.equal(isJournalStream('8:42', { dev: 8, ino: 43 }), false);
  assert.equal(isJournalStream(undefined, { dev: 8, ino: 42 }), false);
  assert.equal(isJournalStream('8:42', undefined), false);
});

test('text becomes the journal form under the journal; json stays what was asked for', () => {
  assert.equal(effectiveFormat('text', true), 'journald');
  assert.equal(effectiveFormat('text', false), 'text');
  assert.equal(effectiveFormat('json', true), 'json');
});

test('levels and modules are known by name', () => {
  assert.equal(isLogLevel('warn'), true);
  assert.equal(isLogLevel('trace'), false);
  assert.equal(isLogModule('api'), true);
  assert.equal(isLogModule('apis'), false);
});
