import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { insertPrivateKey } from '../../../config/insert-key.ts';
import { KEY_PAIR, MINIMAL, parse } from './helpers.ts';

const KEY = KEY_PAIR.privateKey;

describe('insertPrivateKey', () => {
  const places: readonly (readonly [string, string, string])[] = [
    ['empty text', 'node:\n  private_key: ""  # c\n', `node:\n  private_key: "${KEY}"  # c\n`],
    ['single quotes', "node:\n  private_key: ''\n", `node:\n  private_key: "${KEY}"\n`],
    ['nothing', 'node:\n  private_key:   # c\n  # d\n', `node:\n  private_key: "${KEY}"   # c\n  # d\n`],
    ['nothing at all', 'node:\n  private_key:\n', `node:\n  private_key: "${KEY}"\n`],
    ['null', 'node:\n  private_key: ~ # c\n', `node:\n  private_key: "${KEY}" # c\n`],
    ['placeholder', 'node: { private_key: "<k>" }\n', `node: { private_key: "${KEY}" }\n`],
    ['quoted keys', '"node":\n  "private_key": ""\n', `"node":\n  "private_key": "${KEY}"\n`],
    ['deep indent', 'node:\n        private_key: ""\n', `node:\n        private_key: "${KEY}"\n`],
    ['an anchor', 'node:\n  private_key: &k ""\n', `node:\n  private_key: &k "${KEY}"\n`],
    ['an empty section', 'node: # c\n', `node: # c\n  private_key: "${KEY}"\n`],
    ['a section of null', 'node: null  # c\n', `node:   # c\n  private_key: "${KEY}"\n`],
    ['an empty { }', 'node: {}  # c\n', `node: { private_key: "${KEY}" }  # c\n`],
    ['an empty {  }', 'node: {  } # c\n', `node: { private_key: "${KEY}" } # c\n`],
  ];
  for (const [name, before, after] of places) {
    it(`${name}: nothing else changes`, () => {
      const head = '# head\n\n';
      const tail = `\n# middle\n${MINIMAL}# tail\n`;
      assert.equal(insertPrivateKey(head + before + tail, KEY), head + after + tail);
    });

    it(`${name}, with Windows line ends`, () => {
      const text = `# head\n${before}${MINIMAL}`.replaceAll('\n', '\r\n');
      const expected = `# head\n${after}${MINIMAL}`.replaceAll('\n', '\r\n');
      assert.equal(insertPrivateKey(text, KEY), expected);
    });
  }

  it('no section: it comes at the end', () => {
    const section = `\nnode:\n  private_key: "${KEY}"\n`;
    assert.equal(insertPrivateKey(`${MINIMAL}# tail\n`, KEY), `${MINIMAL}# tail\n${section}`);
    assert.equal(insertPrivateKey(MINIMAL.trimEnd(), KEY), `${MINIMAL}${section}`);
  });

  it('an empty section at the end of a file without line end', () => {
    const expected = `${MINIMAL}node:\n  private_key: "${KEY}"\n`;
    assert.equal(insertPrivateKey(`${MINIMAL}node:`, KEY), expected);
  });

  const rewritten: readonly (readonly [string, string])[] = [
    [
      'one { } of everything',
      `# c\n{ network: { addresses: [/ip4/0.0.0.0/tcp/9000] }, peers: { connection_timeout: 10s }, logging: { level: info, format: json } } # d\n`,
    ],
    ['a key without colon', `node: {private_key} # c\n${MINIMAL}# d\n`],
    ['explicit keys', `? node\n: ? private_key # c\n${MINIMAL}# d\n`],
    ['a section by alias', `${MINIMAL}  modules: &m {} # c\nnode: *m\n# d\n`],
    ['an end marker', `${MINIMAL}# c\n...\n# d\n`],
    ['an empty block text', `node:\n  private_key: |\n# c\n${MINIMAL}# d\n`],
    ['everything indented', `  # c\n${MINIMAL.replaceAll(/^/gm, '  ').trimEnd()}\n# d\n`],
  ];
  for (const [name, text] of rewritten) {
    it(`${name}: comments and meaning survive`, () => {
      const before = parse(text);
      assert.ok(before.needsKey);
      const next = insertPrivateKey(text, KEY);
      assert.ok(next !== undefined);
      const { config } = parse(next);
      assert.equal(config.node.privateKey.reveal(), KEY);
      assert.deepEqual({ ...config, node: 0 }, { ...before.config, node: 0 });
      assert.match(next, /# c/);
      assert.match(next, /# d/);
      assert.equal(insertPrivateKey(next, KEY), next, 'a second time changes nothing');
    });
  }

  it('gives up where another key would change with it', () => {
    const text = `node: &n {}\n${MINIMAL}  modules: *n\n`;
    assert.ok(parse(text).needsKey);
    assert.equal(insertPrivateKey(text, KEY), undefined);
  });
});
