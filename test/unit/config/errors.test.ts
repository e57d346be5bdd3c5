import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigError, fileProblem, formatProblem } from '../../../config/errors.ts';
import * as config from '../../../config/index.ts';
import { ProblemList } from '../../../config/problems.ts';
import { parseYaml } from '../../../config/yaml.ts';

describe('problems', () => {
  it('of a place, of a key, of the file', () => {
    const problem = fileProblem('conf.yaml', 'UNREADABLE', 'cannot be read', 'a file');
    assert.equal(formatProblem(problem), 'conf.yaml: cannot be read (expected a file)');
    const placed = { ...problem, line: 3, column: 7, key: 'rpc.mode' };
    assert.equal(formatProblem(placed), 'conf.yaml:3:7: rpc.mode: cannot be read (expected a file)');
  });

  it('come in the order of the file, at most 100, and then how many more', () => {
    const tree = parseYaml(Array.from({ length: 150 }, (_, index) => `k${index}: 1`).join('\n'));
    const list = new ProblemList('conf.yaml');
    for (let index = 99; index >= 0; index--) {
      const fault = { path: [`k${index}`], code: 'UNKNOWN_KEY', message: 'm', expected: 'e' } as const;
      list.add({ ...fault, warning: false }, tree);
    }
    assert.deepEqual(
      list.errors().map(({ line }) => line),
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
    for (let index = 100; index < 107; index++) {
      list.add({ path: [`k${index}`], code: 'BAD_VALUE', message: 'm', expected: 'e', warning: false }, tree);
    }
    const errors = list.errors();
    assert.equal(errors.length, 101);
    assert.equal(
      formatProblem(errors[100]!),
      'conf.yaml:100:1: and 7 more (expected these to be corrected first)',
    );
    assert.deepEqual(list.warnings(), []);
  });

  it('an error without problems is still an error', () => {
    const error = new ConfigError('CONFIG_INVALID', []);
    assert.deepEqual(error.data, { file: '', count: 0, keys: [], codes: [] });
    assert.ok(error instanceof Error);
  });
});

describe('index', () => {
  it('is what others may use', () => {
    assert.deepEqual(Object.keys(config).sort(), [
      'ConfigError',
      'MAX_LEARNED_PEERS',
      'REDACTED',
      'Secret',
      'diffConfig',
      'examplePeersYaml',
      'exampleYaml',
      'formatDuration',
      'formatProblem',
      'formatShown',
      'generateKeyPair',
      'loadConfig',
      'nearestName',
      'parseConfig',
      'parseDuration',
      'parsePeers',
      'peerIdOf',
      'publicKeyOf',
      'redact',
      'restartKeys',
      'showConfig',
      'sourceText',
    ]);
  });
});
