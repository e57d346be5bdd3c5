// Generates `messages.pb.ts` beside a messages.proto: `node test/support/generate-messages.ts protocols/peer-exchange`.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'protons';

/** Nested messages in generated code pass `limits: undefined`, which exactOptionalPropertyTypes refuses. */
const HEADER = '// Generated from messages.proto, not to be edited.\n// @ts-nocheck\n';

/** The generated source for a protocol folder. */
export async function generateMessages(folder: string): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'btcfed-protons-'));
  try {
    copyFileSync(join(folder, 'messages.proto'), join(dir, 'messages.proto'));
    await generate(join(dir, 'messages.proto'), { output: dir });
    return HEADER + readFileSync(join(dir, 'messages.ts'), 'utf8');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const [, script, target] = process.argv;
if (script === import.meta.filename && target !== undefined) {
  writeFileSync(join(target, 'messages.pb.ts'), await generateMessages(target));
}
