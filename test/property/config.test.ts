import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { diffConfig, restartKeys } from '../../config/diff.ts';
import { formatDuration, parseDuration } from '../../config/duration.ts';
import { ConfigError } from '../../config/errors.ts';
import { exampleYaml } from '../../config/example.ts';
import { insertPrivateKey } from '../../config/insert-key.ts';
import { keyPairOf } from '../../config/key.ts';
import { parseConfig } from '../../config/parse.ts';
import { LOG_MODULES, SCHEMA, shownValue } from '../../config/schema.ts';
import { formatShown, showConfig } from '../../config/show.ts';
import { formatSize } from '../../config/size.ts';
import { HOME, KEY_PAIR, MINIMAL, parse } from '../unit/config/helpers.ts';

const SEED_BYTES = 32;

/** The text in two parts, as a file that was read whole or not at all. */
function outcome(text: string): readonly string[] {
  try {
    const { config, sources, warnings } = parseConfig(text, { file: 'conf.yaml', home: HOME });
    return [JSON.stringify(showConfig(config, sources)), JSON.stringify(warnings), JSON.stringify(config)];
  } catch (error) {
    assert.ok(error instanceof ConfigError, `not a ConfigError: ${error}`);
    assert.ok(error.problems.length > 0 && error.problems.length <= 101);
    for (const line of error.message.split('\n')) {
      assert.match(line, /^conf\.yaml:[1-9]\d*:[1-9]\d*: .+ \(expected .+\)$/);
      assert.doesNotMatch(line, /[\p{Cc}\p{Zl}\p{Zp}]/u);
    }
    return [error.message, JSON.stringify(error.data), JSON.stringify(error.problems)];
  }
}

const yamlish = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ': ',
        '\n',
        '\n  ',
        '- ',
        '[',
        ']',
        '{',
        '}',
        ', ',
        '"',
        "'",
        '|',
        '>',
        '&a ',
        '*a ',
        '#',
        '!',
        '? ',
        '%',
        '---\n',
        '~',
        '\t',
        '\r\n',
        '@',
        '\\',
      ),
      fc.constantFrom(
        'node',
        'private_key',
        'network',
        'addresses',
        'peers',
        'logging',
        'level',
        'tokens',
        'follow',
        'version',
        '__proto__',
        '<<',
      ),
      fc.constantFrom('10s', '1', '-1', '1e9', 'true', 'null', '/ip4/0.0.0.0/tcp/9000', 'info', '"0600"'),
      fc.string({ maxLength: 8, unit: 'binary' }),
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''));

/** Some bytes of a good file replaced, removed, doubled. */
const mutated = fc
  .tuple(
    fc.constantFrom(exampleYaml(KEY_PAIR.privateKey), MINIMAL),
    fc.array(fc.tuple(fc.nat(), fc.nat(12), fc.oneof(fc.constant(''), yamlish)), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([text, edits]) =>
    edits.reduce((now, [at, length, put]) => {
      const offset = at % (now.length + 1);
      return now.slice(0, offset) + put + now.slice(offset + length);
    }, text),
  );

const durationText = fc.integer({ min: 1000, max: 600_000 }).map(formatDuration);
const hex64 = fc.stringMatching(/^[0-9a-f]{64}$/);
const tokenIds = fc.uniqueArray(
  fc.tuple(hex64, fc.integer({ min: 0, max: 0xffffffff })).map(([txid, vout]) => `${txid}_${vout}`),
  { maxLength: 4 },
);
const level = fc.constantFrom('debug', 'info', 'warn', 'error');
const keyText = fc
  .uint8Array({ minLength: SEED_BYTES, maxLength: SEED_BYTES })
  .map((seed) => keyPairOf(seed).privateKey);
const addresses = fc.uniqueArray(
  fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 65_535 })).map(([ip, port]) => `/ip4/${ip}/tcp/${port}`),
  { minLength: 1, maxLength: 5 },
);

/** Any file without error, as plain data. */
const settings = fc.record(
  {
    node: fc.record({ private_key: keyText }),
    network: fc.record(
      { addresses, allow_private: fc.constantFrom('auto', 'yes', 'no') },
      { requiredKeys: ['addresses'] },
    ),
    peers: fc.record(
      {
        connection_timeout: durationText,
        exchange_interval: durationText,
        max_peers: fc.integer({ min: 1, max: 4096 }),
        allow_only_listed: fc.boolean(),
      },
      { requiredKeys: ['connection_timeout'] },
    ),
    logging: fc.record(
      {
        level,
        format: fc.constantFrom('json', 'text'),
        modules: fc.dictionary(fc.constantFrom(...LOG_MODULES), level),
        file_max_size: fc.integer({ min: 10_000, max: 10_000_000 }).map(formatSize),
      },
      { requiredKeys: ['level', 'format'] },
    ),
    chain: fc.record(
      {
        network: fc.constantFrom('main', 'test', 'regtest'),
        header_sources: fc.constantFrom([], ['peers'], [{ url: 'http://a.example', token: 't1' }]),
        checkpoint: fc.record({ height: fc.nat(1_000_000), hash: hex64, chain_work: hex64 }),
      },
      { requiredKeys: [] },
    ),
    tokens: fc.record({ follow: tokenIds }, { requiredKeys: [] }),
    rpc: fc.record({ mode: fc.constantFrom('0600', '0660') }, { requiredKeys: [] }),
  },
  { requiredKeys: ['node', 'network', 'peers', 'logging'] },
);

describe('configuration, any file', () => {
  it('YAML of any kind loads or is refused with a ConfigError', () => {
    fc.assert(
      fc.property(fc.oneof(yamlish, fc.string({ unit: 'binary' })), (text) => void outcome(text)),
      {
        numRuns: 1500,
      },
    );
  });

  it('a good file with bad edits loads or is refused with a ConfigError', () => {
    fc.assert(
      fc.property(mutated, (text) => void outcome(text)),
      { numRuns: 500 },
    );
  });

  it('any data of a wrong shape is refused with a ConfigError', () => {
    const shapes = fc.record(
      Object.fromEntries(
        ['version', ...new Set(SCHEMA.map(({ path }) => path.split('.')[0]!))].map((name) => [
          name,
          fc.dictionary(
            fc.oneof(fc.constantFrom(...SCHEMA.map((entry) => entry.name)), fc.string()),
            fc.jsonValue({ maxDepth: 3 }),
          ),
        ]),
      ),
    );
    fc.assert(
      fc.property(shapes, (data) => void outcome(stringify(data))),
      { numRuns: 500 },
    );
  });

  it('the private key comes out of no file, wherever it stands in it', () => {
    const hexKey = Buffer.from(KEY_PAIR.privateKey, 'base64').toString('hex');
    const urlKey = Buffer.from(KEY_PAIR.privateKey, 'base64').toString('base64url');
    const base = `node:\n  private_key: "${KEY_PAIR.privateKey}"\n${MINIMAL}`;
    const place = fc.oneof(
      fc.constantFrom('info', '10s', '/ip4/0.0.0.0/tcp/9000', 'json', 'level', 'network', 'logging'),
      fc.nat(base.length).map((at) => ({ at })),
    );
    const dress = fc.constantFrom(
      'KEY',
      '"KEY"',
      "'KEY'",
      'KEY: ',
      ' KEY ',
      '*KEY',
      '&KEY ',
      '!KEY ',
      '[KEY',
      '\nKEY:\n',
      '/ip4/KEY/tcp/1',
      '/dns/KEY/tcp/1',
      '%KEY\n',
      '|\n KEY\n',
    );
    const property = fc.property(
      place,
      dress,
      fc.constantFrom(KEY_PAIR.privateKey, hexKey, urlKey),
      (where, how, form) => {
        const put = how.replace('KEY', form);
        const text =
          typeof where === 'string'
            ? base.replace(where, put)
            : base.slice(0, where.at) + put + base.slice(where.at);
        const all = outcome(text).join('\n');
        // Any 24 characters of it in a row would be a quarter of the secret.
        for (let at = 0; at + 24 <= form.length; at++) {
          assert.ok(!all.includes(form.slice(at, at + 24)), text);
        }
      },
    );
    fc.assert(property, { numRuns: 1000 });
  });
});

describe('configuration, good files', () => {
  it('what is shown, loaded again, is the same', () => {
    const property = fc.property(settings, (data) => {
      const { config, sources } = parse(stringify(data));
      const shown = formatShown(showConfig(config, sources), { sources: true })
        .replace('"[redacted]"', data.node.private_key)
        .replace('"[redacted]"', 't1');
      assert.deepEqual(diffConfig(config, parse(shown).config), []);
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('a diff holds exactly the keys that differ: applied, it gives the next configuration', () => {
    const property = fc.property(settings, settings, (before, after) => {
      const running = parse(stringify(before)).config;
      const next = parse(stringify(after)).config;
      const changes = diffConfig(running, next);
      const changed = new Set(changes.map(({ key }) => key));
      // Apply: the running values, those of the changed keys taken from the next.
      const applied: Record<string, Record<string, unknown>> = {};
      for (const entry of SCHEMA) {
        const value = shownValue(changed.has(entry.path) ? next : running, entry, 'reveal');
        if (entry.section === undefined || value === undefined) continue;
        applied[entry.section] = { ...applied[entry.section], [entry.name]: value };
      }
      assert.deepEqual(diffConfig(parse(stringify(applied)).config, next), []);
      assert.deepEqual(diffConfig(next, next), []);
      assert.deepEqual(
        diffConfig(next, running).map(({ key, old, new: now }) => [key, now, old]),
        changes.map(({ key, old, new: now }) => [key, old, now]),
      );
      assert.ok(restartKeys(changes).every((key) => changed.has(key)));
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('writing the key keeps every comment, the order and all values; twice changes nothing', () => {
    const comment = fc.stringMatching(/^[a-z ]{0,12}$/);
    const property = fc.property(
      settings,
      fc.array(comment, { maxLength: 8 }),
      fc.nat(3),
      (data, comments, form) => {
        const { node: _, ...rest } = data;
        const sections = Object.entries(rest).map(([name, value]) => stringify({ [name]: value }));
        const node = [
          '',
          'node:\n',
          'node: # mine\n  private_key: ""\n',
          'node:\n  private_key: # none yet\n',
        ][form]!;
        sections.splice(comments.length % (sections.length + 1), 0, node);
        const text = sections.map((section, index) => `# ${comments[index] ?? ''}\n${section}`).join('\n');
        const before = parse(text);
        assert.ok(before.needsKey);
        const next = insertPrivateKey(text, data.node.private_key);
        assert.ok(next !== undefined);
        assert.deepEqual(
          diffConfig(before.config, parse(next).config).map(({ key }) => key),
          ['node.private_key'],
        );
        // Every line of before is there, in the same order.
        let at = 0;
        for (const line of text.split('\n')) {
          const kept = line
            .replace('""', `"${data.node.private_key}"`)
            .replace(/: (# none yet)$/, `: "${data.node.private_key}" $1`);
          const found = next.indexOf(kept, at);
          assert.ok(found >= at, line);
          at = found + kept.length;
        }
        assert.equal(insertPrivateKey(next, data.node.private_key), next);
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  it('durations and sizes are written so that they are read back', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000_000), (ms) => assert.equal(parseDuration(formatDuration(ms)), ms)),
    );
    const sizes = fc.property(fc.integer({ min: 10_000, max: 100_000_000_000 }), (bytes) => {
      const { config } = parse(`${MINIMAL}  file_max_size: ${formatSize(bytes)}\n`);
      assert.equal(config.logging.fileMaxSizeBytes, bytes);
    });
    fc.assert(sizes);
  });
});
