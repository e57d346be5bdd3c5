import { spawn } from 'node:child_process';

/** A child that takes longer is killed: it waits for a service manager that does not listen. */
const DEADLINE_MS = 2_000;

/** Tells the service manager `KEY=VALUE` lines, all in one datagram; resolves when they are out. */
export type SendNotification = (lines: readonly string[]) => Promise<void>;

/**
 * Sends through the `systemd-notify` command, since Node.js has no datagram sockets of the Unix domain and a native addon
 * would be one more thing to build. It costs about 5 ms, in a process of its own.
 * @throws what `spawn` says where the command is absent; an Error where it failed or took too long
 */
export const sendByCommand: SendNotification = (lines) =>
  new Promise((resolve, reject) => {
    const child = spawn('systemd-notify', [...lines], {
      stdio: 'ignore',
      timeout: DEADLINE_MS,
      killSignal: 'SIGKILL',
    });
    // A stop does not wait for it; what it has to say is on its way all the same.
    child.unref();
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`systemd-notify ended with ${code ?? signal}`));
    });
  });
