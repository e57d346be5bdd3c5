import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { type Cleanup, type Daemon, Home, until } from './operator.ts';

/** What a test of reloads changes; the rest of the file stays. */
export interface Edit {
  readonly level?: string;
  readonly format?: string;
  readonly modules?: string;
  readonly logging?: string;
  readonly maxPeers?: number;
  readonly network?: string;
  readonly sources?: string;
  readonly follow?: readonly string[];
  readonly block?: readonly string[];
  readonly key?: string;
  readonly more?: string;
}

/** A home whose conf.yaml is edited while its daemon runs. */
export class ReloadHome extends Home {
  constructor(cleanup: Cleanup, edit: Edit = {}) {
    super(cleanup);
    this.edit(edit);
  }

  /** The file as an operator would have it after the edit; the key that the daemon made stays. */
  text(edit: Edit): string {
    const key = edit.key ?? this.privateKey();
    const list = (items: readonly string[] = []) => `[${items.join(', ')}]`;
    return [
      '# of the operator',
      `node: { private_key: ${key === undefined ? '""' : `"${key}"`} }`,
      'network: { addresses: [/ip4/127.0.0.1/tcp/0] }',
      `peers: { connection_timeout: 10s, max_peers: ${edit.maxPeers ?? 300} }`,
      `logging: { level: ${edit.level ?? 'info'}, format: ${edit.format ?? 'text'}, modules: ${edit.modules ?? '{}'}${edit.logging ?? ''} }`,
      `chain: { network: ${edit.network ?? 'regtest'}, header_sources: ${edit.sources ?? '[]'} }`,
      `tokens: { follow: ${list(edit.follow)}, block: ${list(edit.block)} }`,
      edit.more ?? '',
      '',
    ].join('\n');
  }

  /** Replaces the file at once, as most editors do. */
  edit(edit: Edit | string): string {
    const text = typeof edit === 'string' ? edit : this.text(edit);
    const next = this.path('conf.yaml~');
    writeFileSync(next, text, { mode: 0o600 });
    renameSync(next, this.configFile);
    return text;
  }

  conf(): string {
    return readFileSync(this.configFile, 'utf8');
  }

  /** Sends SIGHUP and waits for the line that tells what came of it. */
  async hangUp(daemon: Daemon): Promise<string> {
    const before = reloadLines(daemon).length;
    daemon.child.kill('SIGHUP');
    await until('the reload was told', () => reloadLines(daemon).length > before);
    return reloadLines(daemon).at(-1) ?? '';
  }

  /** A connection that must not be dropped. */
  async held(cleanup: Cleanup): Promise<{ readonly isOpen: () => boolean }> {
    const socket = connect(this.socket);
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    let isOpen = true;
    socket.once('close', () => {
      isOpen = false;
    });
    cleanup.after(() => void socket.destroy());
    return { isOpen: () => isOpen };
  }
}

/** What the log says of reloads, in either format. */
export function reloadLines(daemon: Daemon): string[] {
  return daemon.log
    .slice(0, daemon.log.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => /config\.(reloaded|reload_refused|rolled_back|rollback_failed)/.test(line));
}
