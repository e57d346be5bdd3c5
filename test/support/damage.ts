import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Prng } from './corpus/prng.ts';

export const TARGETS = ['ldb', 'log', 'MANIFEST', 'CURRENT', 'store.json'] as const;
export const KINDS = ['bit', 'cut', 'delete', 'garbage'] as const;
export type Target = (typeof TARGETS)[number];
export type Kind = (typeof KINDS)[number];

const GARBAGE_BYTES = 200;

/** Files of a closed store that a damage may hit. */
export function filesOf(path: string, target: Target): string[] {
  if (target === 'store.json') return [join(path, target)];
  const isTarget = (name: string): boolean =>
    target === 'ldb' || target === 'log' ? name.endsWith(`.${target}`) : name.startsWith(target);
  const files = readdirSync(join(path, 'index')).filter(isTarget).sort();
  return files.map((name) => join(path, 'index', name)).filter((file) => statSync(file).size > 0);
}

/** Damages one file and says what was done; throws if the file is afterwards as it was. */
export function damage(path: string, target: Target, kind: Kind, prng: Prng): string {
  const files = filesOf(path, target);
  if (files.length === 0) throw new Error(`the store has no ${target} file to damage`);
  const file = prng.pick(files);
  const before = readFileSync(file);
  const at = prng.below(before.length);
  const bytes = Buffer.from(before);
  if (kind === 'bit') bytes[at] = bytes[at]! ^ (1 << prng.below(8));
  if (kind === 'garbage') prng.bytes(Math.min(GARBAGE_BYTES, bytes.length - at)).copy(bytes, at);
  if (kind === 'bit' || kind === 'garbage') writeFileSync(file, bytes);
  if (kind === 'cut') truncateSync(file, at);
  if (kind === 'delete') unlinkSync(file);
  const after = existsSync(file) ? readFileSync(file) : undefined;
  if (after?.equals(before) === true) throw new Error(`${kind} at ${at} of ${file} changed nothing`);
  return `${kind} at byte ${at} of ${before.length} of ${file.slice(path.length + 1)}`;
}
