import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { KINDS } from '../../../protocols/token-sync/shapes.ts';
import { generateMessages } from '../../support/generate-messages.ts';

const BUILT = import.meta.filename.endsWith('.js');
const FOLDER = join(import.meta.dirname, BUILT ? '../../../..' : '../../..', 'protocols/token-sync');

test('messages.pb.ts is what messages.proto generates', async () => {
  assert.equal(readFileSync(join(FOLDER, 'messages.pb.ts'), 'utf8'), await generateMessages(FOLDER));
});

test('the shapes are of the kinds in messages.proto, in their order and from field 3 on', () => {
  const proto = readFileSync(join(FOLDER, 'messages.proto'), 'utf8');
  const body = proto.slice(proto.indexOf('message Message {'), proto.indexOf('\n}'));
  const fields = [...body.matchAll(/optional [A-Z]\w+ (\w+) = (\d+);/g)];
  const camel = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  assert.deepEqual(
    fields.map(([, name, number]) => [camel(name!), Number(number)]),
    KINDS.map((kind, i) => [kind, i + 3]),
  );
});
