import type { Result } from '../api/methods/index.ts';
import { formatSeconds } from './format.ts';

type Sync = NonNullable<Result<'token.get'>['sync']>;

const BAR_CHARS = 20;

/** One line: `synced with 2 peers since ...`, or how far it is, with a bar on a terminal. */
export function syncText(sync: Sync, isTty: boolean): string {
  const since = `since ${sync.since}`;
  const { agree, disagree, unknown } = sync;
  switch (sync.state) {
    case 'synced':
      return `synced with ${agree.length} ${agree.length === 1 ? 'peer' : 'peers'} ${since}${but(disagree.length, 'differ')}`;
    case 'behind':
      return `behind ${since}${progressText(sync.progress, isTty)}${but(agree.length, 'agree')}`;
    case 'alone':
      return `alone ${since}: ${unknown + disagree.length === 0 ? 'no peer follows it' : 'no peer confirms its history'}`;
    case 'disputed':
      return `disputed ${since} by ${disagree.length}; ${agree.length} agree`;
  }
}

function but(count: number, what: string): string {
  return count === 0 ? '' : `; ${count} ${what}`;
}

/** Peers that have another history, a line each. */
export function disagreeLines({ disagree }: Sync): string[] {
  return disagree.map(({ peer, height, why, since }) => {
    const from = height === undefined ? '' : ` from block ${height} on`;
    return `${peer} differs${from} since ${since}: ${why}`;
  });
}

function progressText(progress: Sync['progress'], isTty: boolean): string {
  if (progress === undefined) return '';
  const { done, total, perSecond, secondsLeft } = progress;
  const share = total === 0 ? 0 : Math.min(1, done / total);
  const full = Math.round(share * BAR_CHARS);
  const bar = isTty ? ` [${'#'.repeat(full)}${'.'.repeat(BAR_CHARS - full)}]` : '';
  const left = secondsLeft === undefined ? '' : `, ${formatSeconds(secondsLeft)} left`;
  return `${bar} ${Math.floor(share * 100)} %, ${done} of ${total}, ${perSecond}/s${left}`;
}
