import { RULES_VERSION } from '../token/judge.ts';
import type { DatabaseOptions } from './database.ts';
import { StoreError } from './errors.ts';
import { miscKey } from './keys.ts';
import { readFailed, writeFailed } from './level-errors.ts';
import type { Marker } from './marker.ts';
import type { Level } from './open-level.ts';
import { RowReader, RowWriter } from './row-bytes.ts';

/** Version of all row formats together. A store of a newer one is refused. */
export const STORE_FORMAT = 1;

export interface Identity {
  readonly format: number;
  readonly network: string;
  readonly databaseId: string;
  readonly createdBy: string;
  /** Version of the token rules that all verdicts in it were made by. */
  readonly rules: number;
}

export const IDENTITY_KEY = miscKey('identity');

/** The identity row, made if the store has neither it nor any other row, and no marker tells of an older one. */
export async function identify(
  level: Level,
  options: DatabaseOptions,
  hasMarker: boolean,
): Promise<Identity> {
  let value: Buffer | undefined;
  let holdsRows: boolean;
  try {
    value = level.getSync(IDENTITY_KEY);
    holdsRows = value !== undefined || (await level.keys({ limit: 1 }).all()).length > 0;
  } catch (error) {
    throw readFailed(IDENTITY_KEY, error);
  }
  if (value !== undefined) return checkRules(checkIdentity(readIdentity(value), options.network));
  if (hasMarker || holdsRows) {
    throw new StoreError(
      'STORE_IDENTITY',
      'the store has no identity row: it is damaged or not a store of btcfed',
      {
        path: options.path,
      },
    );
  }
  const identity: Identity = {
    format: STORE_FORMAT,
    network: options.network,
    databaseId: options.newDatabaseId(),
    createdBy: options.programVersion,
    rules: RULES_VERSION,
  };
  const w = new RowWriter().begin().u32(identity.format).text(identity.network).text(identity.databaseId);
  try {
    await level.put(IDENTITY_KEY, w.text(identity.createdBy).u32(identity.rules).seal(IDENTITY_KEY), {
      sync: true,
    });
  } catch (error) {
    throw writeFailed(error);
  }
  return identity;
}

/** Value of the `m` row `identity`. */
export function readIdentity(value: Buffer): Identity {
  const r = RowReader.open(IDENTITY_KEY, value);
  const identity = { format: r.u32(), network: r.text(), databaseId: r.text(), createdBy: r.text() };
  // Rows made before the version was kept are of the first.
  return { ...identity, rules: r.remaining > 0 ? r.u32() : 1 };
}

/** @throws StoreError STORE_FORMAT_NEWER, STORE_FOREIGN_NETWORK */
export function checkIdentity(identity: Identity, network: string): Identity {
  checkFormatAndNetwork(identity.format, identity.network, network, 'the store');
  return identity;
}

/** Verdicts of two versions of the rules must not mix: figures would be of neither. */
function checkRules(identity: Identity): Identity {
  const { rules } = identity;
  if (rules === RULES_VERSION) return identity;
  throw new StoreError(
    'STORE_RULES_OTHER',
    `the store was judged by version ${rules} of the token rules, this btcfed has version ${RULES_VERSION}: run \`btcfed verify --rebuild\` to judge it anew`,
    { rules, supported: RULES_VERSION },
  );
}

export function checkMarker(marker: Marker, network: string, path: string): void {
  checkFormatAndNetwork(marker.format, marker.network, network, path);
}

function checkFormatAndNetwork(format: number, found: string, wanted: string, where: string): void {
  if (format > STORE_FORMAT) {
    throw new StoreError(
      'STORE_FORMAT_NEWER',
      `${where} has format ${format}, this btcfed knows formats up to ${STORE_FORMAT}: run the newer version that wrote it`,
      { format, supported: STORE_FORMAT },
    );
  }
  if (found !== wanted) {
    throw new StoreError(
      'STORE_FOREIGN_NETWORK',
      `${where} holds the ${found} network, but chain.network is ${wanted}: change it back, or set another store.path`,
      { found, wanted },
    );
  }
}
