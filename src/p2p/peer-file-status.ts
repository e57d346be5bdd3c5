import { formatProblem } from '../../config/errors.ts';
import { FileLockError } from '../../config/file-lock.ts';
import type { PeersFile } from '../../config/peers.ts';
import { errnoOf } from '../../config/read-file.ts';
import type { Health } from '../observe/health.ts';
import type { Log } from '../observe/log.ts';
import type { PeerFileState } from './peer-file-types.ts';

const STATES: ReadonlyMap<string, PeerFileState> = new Map([
  ['ENOSPC', 'disk_full'],
  ['EDQUOT', 'disk_full'],
  ['EACCES', 'denied'],
  ['EPERM', 'denied'],
  ['EROFS', 'read_only_disk'],
  ['LOCK_TIMEOUT', 'locked'],
]);

export interface PeerFileStatusModules {
  readonly log: Log;
  readonly health?: Pick<Health, 'raise' | 'clear'>;
}

/** How the file stands, and what the operator is told of that: each change once. */
export class PeerFileStatus {
  readonly #file: string;
  readonly #modules: PeerFileStatusModules;
  #state: PeerFileState = 'ok';
  #reported = '';

  constructor(file: string, modules: PeerFileStatusModules) {
    this.#file = file;
    this.#modules = modules;
  }

  get state(): PeerFileState {
    return this.#state;
  }

  /** One line a change: ok -> why not -> ok. */
  set(state: PeerFileState, code = '', what: 'read' | 'saved' = 'saved'): void {
    if (state === this.#state) return;
    const { log, health } = this.#modules;
    const file = this.#file;
    if (state === 'ok') {
      log.event('peers.saved_again', { file, state: this.#state });
      health?.clear('PEERS_NOT_SAVED');
    } else {
      log.event(what === 'read' ? 'peers.not_read' : 'peers.not_saved', { file, state, code });
      const cannot = what === 'read' ? 'cannot be read, ' : '';
      const text = `${file}: ${cannot}${state} (${code}); learned peers are kept in memory only`;
      health?.raise('PEERS_NOT_SAVED', text);
    }
    this.#state = state;
  }

  /** The disk or the lock failed. */
  fail(error: unknown, what: 'read' | 'saved' = 'saved'): void {
    const code = error instanceof FileLockError ? error.code : errnoOf(error);
    this.set(STATES.get(code) ?? 'failed', code, what);
  }

  /** What is wrong with entries; the same once. */
  report({ problems, notes }: PeersFile): void {
    const texts = [...problems, ...notes].map(formatProblem);
    const reported = texts.join('\n');
    if (reported === this.#reported) return;
    this.#reported = reported;
    const { log } = this.#modules;
    for (const problem of problems) log.event('peers.entry_skipped', { text: formatProblem(problem) });
    for (const note of notes) log.event('peers.entry_note', { text: formatProblem(note) });
  }
}
