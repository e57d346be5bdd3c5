import { link, lstat, open, readdir, readFile, realpath, rename, stat, unlink } from 'node:fs/promises';

export interface FileFacts {
  readonly isFile: boolean;
  /** Permission bits only. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly inode: number;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** When the file was made; 0 where the file system does not say. */
  readonly birthtimeMs: number;
}

export type FileOwner = Pick<FileFacts, 'uid' | 'gid'>;

/** What the loader needs of a file system. Failures are Node's errors with `code` (ENOENT, EACCES, ...). */
export interface ConfigDisk {
  stat(path: string): Promise<FileFacts>;
  /** True for a symbolic link, whether or not it leads anywhere. */
  isLink(path: string): Promise<boolean>;
  read(path: string): Promise<Uint8Array>;
  /** The path with symbolic links resolved. */
  realPath(path: string): Promise<string>;
  list(folder: string): Promise<readonly string[]>;
  /** A new file of mode 0600, on the disk when this returns; root gives it the owner. Fails if it exists. */
  create(path: string, bytes: Uint8Array, owner: FileOwner | undefined): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** A second name for a file; fails with EEXIST if that name is taken. */
  link(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes renames in the folder durable. */
  syncFolder(folder: string): Promise<void>;
}

export const nodeDisk: ConfigDisk = {
  async stat(path) {
    const facts = await stat(path);
    return {
      isFile: facts.isFile(),
      mode: facts.mode & 0o777,
      uid: facts.uid,
      gid: facts.gid,
      inode: facts.ino,
      sizeBytes: facts.size,
      mtimeMs: facts.mtimeMs,
      birthtimeMs: facts.birthtimeMs,
    };
  },
  isLink: async (path) => (await lstat(path)).isSymbolicLink(),
  read: (path) => readFile(path),
  realPath: (path) => realpath(path),
  list: (folder) => readdir(folder),
  async create(path, bytes, owner) {
    await using file = await open(path, 'wx', 0o600);
    await file.writeFile(bytes);
    // A daemon of another user must still be able to read what root wrote for it.
    if (owner !== undefined && process.getuid?.() === 0) await file.chown(owner.uid, owner.gid);
    await file.sync();
  },
  rename,
  link,
  remove: unlink,
  async syncFolder(folder) {
    await using handle = await open(folder, 'r');
    await handle.sync();
  },
};
