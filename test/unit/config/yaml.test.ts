import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseYaml } from '../../../config/yaml.ts';

function plain(text: string): unknown {
  const { root, faults } = parseYaml(text);
  assert.deepEqual(faults, []);
  return JSON.parse(JSON.stringify(root));
}

function faultsOf(text: string): readonly string[] {
  return parseYaml(text).faults.map(
    ({ position, code, message }) => `${position.line}:${position.column} ${code} ${message}`,
  );
}

describe('parseYaml', () => {
  it('gives plain values', () => {
    assert.deepEqual(plain('a: 1\nb: [x, "y", true, null, -2, 1.5]\nc:\n  d: { e: ~ }\n'), {
      a: 1,
      b: ['x', 'y', true, null, -2, 1.5],
      c: { d: { e: null } },
    });
    assert.equal(plain(''), null);
    assert.equal(plain('# only a comment\n'), null);
  });

  it('YAML 1.2: yes, no, on, off and dates are texts', () => {
    assert.deepEqual(plain('[yes, no, on, off, 2025-06-04, 12:30:45]'), [
      'yes',
      'no',
      'on',
      'off',
      '2025-06-04',
      '12:30:45',
    ]);
  });

  it('numbers not in plain decimal spelling stay texts', () => {
    const odd = [
      '0600',
      '0o600',
      '0x10',
      '1e3',
      '+5',
      '.5',
      '1.0',
      '-0',
      '.inf',
      '.nan',
      '99999999999999999999',
    ];
    assert.deepEqual(plain(`[${odd.join(', ')}]`), odd);
    const digits = '1'.repeat(64);
    assert.deepEqual(plain(`a: ${digits}\nb: 00${digits}e7\n`), { a: digits, b: `00${digits}e7` });
    assert.deepEqual(plain('- !!float 1.50\n'), ['1.50']);
  });

  it('tells where keys and values stand', () => {
    const tree = parseYaml('a:\n  b: [x, "y"]\n  c:\n"d e": "" # here\n');
    assert.deepEqual(tree.keyAt(['a', 'b']), { line: 2, column: 3 });
    assert.deepEqual(tree.valueAt(['a', 'b']), { line: 2, column: 6 });
    assert.deepEqual(tree.valueAt(['a', 'b', 1]), { line: 2, column: 10 });
    assert.deepEqual(tree.valueAt(['a', 'c']), { line: 3, column: 3 }, 'an empty value: its key');
    assert.deepEqual(tree.valueAt(['d e']), { line: 4, column: 8 });
    assert.deepEqual(tree.valueAt(['a', 'b', 7]), { line: 2, column: 3 }, 'what is not there: the parent');
    assert.deepEqual(tree.keyAt(['x', 'y']), { line: 1, column: 1 });
    assert.deepEqual(tree.keyAt([]), { line: 1, column: 1 });
  });

  it('a key without colon in { } is an empty value', () => {
    assert.deepEqual(plain('a: {b}\n'), { a: { b: null } });
  });

  it('__proto__ is a key like others', () => {
    const { root } = parseYaml('__proto__: { polluted: 1 }\n');
    assert.deepEqual(Object.keys(root as object), ['__proto__']);
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });

  it('aliases stand for what they name', () => {
    assert.deepEqual(plain('a: &x [1, 2]\nb: *x\nc: &y z\nd: *y\n'), {
      a: [1, 2],
      b: [1, 2],
      c: 'z',
      d: 'z',
    });
  });

  it('aliases are bounded in number, depth and product', () => {
    const many = `a: &x 1\nb: [${Array(101).fill('*x').join(', ')}]\n`;
    assert.deepEqual(faultsOf(many), ['2:405 TOO_LARGE there are more than 100 aliases (*name)']);
    const loop = '&x a:\n  b: &y\n    c: *y\n';
    assert.deepEqual(faultsOf(loop), ['3:8 TOO_LARGE values are nested deeper than 32']);
    const wide = `a: &x [${Array(2000).fill('0').join(', ')}]\nb: [${Array(60).fill('*x').join(', ')}]\n`;
    assert.match(faultsOf(wide).join(), /^\d+:\d+ TOO_LARGE the file holds more than 100000 values$/);
    assert.deepEqual(faultsOf('a: *nobody\n'), ['1:4 SYNTAX a value starts with "*" but names no anchor']);
  });

  it('a bomb of a few lines costs little', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i++)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    const start = performance.now();
    assert.equal(parseYaml(lines.join('\n')).faults[0]?.code, 'TOO_LARGE');
    assert.ok(performance.now() - start < 1000);
  });

  it('duplicates are named with the line of the first, and the first one counts', () => {
    const tree = parseYaml('a: 1\nb:\n  c: 1\n  c: 2\na: 2\n');
    assert.deepEqual(
      tree.faults.map(({ path, message }) => [path, message]),
      [
        [['b', 'c'], 'is given twice, first on line 3'],
        [['a'], 'is given twice, first on line 1'],
      ],
    );
    assert.deepEqual(JSON.parse(JSON.stringify(tree.root)), { a: 1, b: { c: 1 } });
  });

  it('%YAML 1.2 is fine, another version is not', () => {
    assert.deepEqual(plain('%YAML 1.2\n---\na: 1\n'), { a: 1 });
    assert.deepEqual(faultsOf('%YAML 1.1\n---\na: yes\n'), ['1:1 SYNTAX the file declares YAML 1.1']);
  });

  it('one error a line, in the order of lines, none of them quoting the file', () => {
    const faults = faultsOf('a: @hidden\nb: "hidden\\q"\nc: `hidden\n');
    assert.deepEqual(
      faults.map((fault) => fault.split(':')[0]),
      ['1', '2', '3'],
    );
    assert.ok(!faults.join().includes('hidden'));
  });

  it('a parser that throws is an error like others', () => {
    const tree = parseYaml('a: 1', () => {
      throw new RangeError('too much');
    });
    assert.deepEqual(
      tree.faults.map(({ message }) => message),
      ['this is not YAML'],
    );
    assert.deepEqual(tree.valueAt(['a']), { line: 1, column: 1 });
  });
});
