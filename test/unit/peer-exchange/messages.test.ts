import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { generateMessages } from '../../support/generate-messages.ts';

const BUILT = import.meta.filename.endsWith('.js');
const FOLDER = join(import.meta.dirname, BUILT ? '../../../..' : '../../..', 'protocols/peer-exchange');

test('messages.pb.ts is what messages.proto generates', async () => {
  assert.equal(readFileSync(join(FOLDER, 'messages.pb.ts'), 'utf8'), await generateMessages(FOLDER));
});
