/** What the operator says: one schema, the loader, what changed, what is in force. See README.md. */
export type { Checkpoint, HeaderSource } from './chain.ts';
export { type ConfigChange, diffConfig, restartKeys } from './diff.ts';
export { formatDuration, parseDuration } from './duration.ts';
export { ConfigError, type ConfigErrorCode, type ConfigProblem, formatProblem } from './errors.ts';
export { exampleYaml } from './example.ts';
export { generateKeyPair, type KeyPair, publicKeyOf } from './key.ts';
export { type LoadedConfig, type LoadOptions, loadConfig } from './load.ts';
export { nearestName } from './nearest.ts';
export { type ConfigSource, type ConfigSources, type ParseOptions, parseConfig } from './parse.ts';
export type { PeerEntry } from './peer-entry.ts';
export { MAX_LEARNED_PEERS, type PeersFile, parsePeers } from './peers.ts';
export { examplePeersYaml } from './peers-example.ts';
export { peerIdOf } from './public-key.ts';
export type { Config, LogLevel, LogModule, Network } from './schema.ts';
export { REDACTED, redact, Secret } from './secret.ts';
export { formatShown, type ShownKey, showConfig, sourceText } from './show.ts';
export type { ReloadClass } from './spec.ts';
