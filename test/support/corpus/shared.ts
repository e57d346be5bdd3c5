import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** A path in the folder of reference data beside the checkout (or where BTCFED_SHARED points), or undefined where it is not there. */
export function sharedPath(...names: readonly string[]): string | undefined {
  const path = join(process.env['BTCFED_SHARED'] ?? resolve(process.cwd(), '../shared'), ...names);
  return existsSync(path) ? path : undefined;
}
