import { publicKeyOf } from './key.ts';
import { peerIdOf } from './public-key.ts';
import type { Config } from './schema.ts';
import { quote } from './secret.ts';
import type { ReadContext } from './value.ts';

/** `sun_path` of Linux, less the final NUL. */
const MAX_SOCKET_PATH_BYTES = 107;

/** A configuration as far as it was readable: keys in error are absent. */
export type ConfigDraft = {
  readonly [S in keyof Config]: Config[S] extends object ? Partial<Config[S]> : Config[S] | undefined;
};

/**
 * What must hold between keys. Each rule judges the keys that were readable, so that its errors come
 * together with those of single values.
 */
export function checkRules(draft: ConfigDraft, confFile: string, context: ReadContext): void {
  checkLogFile(draft, context);
  checkTokens(draft, context);
  checkBlocked(draft, context);
  checkSocketPath(draft, context);
  checkPaths(draft, confFile, context);
}

function checkLogFile({ logging }: ConfigDraft, context: ReadContext): void {
  // A name that is there but wrong has its own error; then the field is absent, not undefined.
  if (logging.fileOutput !== true || !('fileName' in logging) || logging.fileName !== undefined) return;
  const at = context.at('logging').at('file_name');
  at.fail('MISSING_KEY', 'required with file_output, but missing', 'a path, such as btcfed.log');
}

function checkTokens({ tokens }: ConfigDraft, context: ReadContext): void {
  const followed = new Set(tokens.follow);
  tokens.block?.forEach((id, index) => {
    if (!followed.has(id)) return;
    const at = context.at('tokens').at('block').at(index);
    at.fail('CONFLICT', `${quote(id)} is also in tokens.follow`, 'a token in one of the two lists');
  });
}

function checkBlocked({ node, peers }: ConfigDraft, context: ReadContext): void {
  const { privateKey } = node;
  if (privateKey === undefined || privateKey.reveal() === '') return;
  const index = peers.block?.indexOf(peerIdOf(publicKeyOf(privateKey))) ?? -1;
  if (index >= 0) {
    const at = context.at('peers').at('block').at(index);
    at.fail('CONFLICT', 'is this node itself', 'other nodes');
  }
}

function checkSocketPath({ rpc }: ConfigDraft, context: ReadContext): void {
  const bytes = Buffer.byteLength(rpc.socket ?? '');
  if (bytes <= MAX_SOCKET_PATH_BYTES) return;
  const at = context.at('rpc').at('socket');
  const expected = `at most ${MAX_SOCKET_PATH_BYTES} bytes, such as /run/btcfed/btcfed.sock`;
  at.fail('OUT_OF_RANGE', `the absolute path has ${bytes} bytes`, expected);
}

/** Two parts writing one file would destroy it; worst of all this one, which holds the key. */
function checkPaths(draft: ConfigDraft, confFile: string, context: ReadContext): void {
  const owners = new Map([[confFile, 'this file itself']]);
  const paths = [
    ['peers', 'file', draft.peers.file],
    ['logging', 'file_name', draft.logging.fileName],
    ['store', 'path', draft.store.path],
    ['rpc', 'socket', draft.rpc.socket],
  ] as const;
  for (const [section, name, path] of paths) {
    if (path === undefined) continue;
    const owner = owners.get(path);
    if (owner !== undefined) {
      context.at(section).at(name).fail('CONFLICT', `is the same path as ${owner}`, 'a path of its own');
    }
    owners.set(path, `${section}.${name}`);
  }
}
