import { basename, dirname } from 'node:path';
import { watch } from 'chokidar';

/** Says that a file may have changed; the result ends it. Rejects, or calls `failed`, if the system cannot watch. */
export type WatchFile = (
  file: string,
  changed: () => void,
  failed: (error: unknown) => void,
) => Promise<() => Promise<void>>;

/** Watches the folder, since editors put a new file in the place of the old one. */
export const watchFile: WatchFile = async (file, changed, failed) => {
  const name = basename(file);
  const watcher = watch(dirname(file), {
    depth: 0,
    ignoreInitial: true,
    ignored: (path, stats) => stats?.isFile() === true && basename(path) !== name,
  });
  watcher.on('all', (_event, path) => {
    if (basename(path) === name) changed();
  });
  await new Promise<void>((resolve) => {
    watcher.on('error', (error) => {
      failed(error);
      resolve();
    });
    watcher.on('ready', resolve);
  });
  return () => watcher.close();
};
