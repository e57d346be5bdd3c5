import type { Log } from '../observe/log.ts';
import type { SendNotification } from './notify.ts';

/** What the daemon tells whoever started it. Every call returns at once, and none ever throws. */
export interface ServiceManager {
  /** Still starting, or recovering: a start that takes long is not to be taken for one that hangs. */
  starting(text: string): void;
  /** Serving; also after each reload, whether it was applied or not. */
  ready(): void;
  /** One line for `systemctl status`; goes out at most every 10 s. */
  status(text: string): void;
  /** A reload begins; `ready` ends it. */
  reloading(): void;
  /** First thing of a stop. */
  stopping(): void;
  /** Ends its timers; nothing is sent any more. */
  stop(): void;
}

export interface SystemdOptions {
  /** Of the process: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
}

export interface SystemdModules {
  readonly clock: {
    /** Never goes back. */
    monotonicMs(): number;
    after(ms: number, run: () => void): () => void;
  };
  /** CLOCK_MONOTONIC in microseconds, as the service manager reads it. */
  readonly monotonicUsec: () => bigint;
  readonly send: SendNotification;
  /** Proves that the store reads and writes; does not resolve, or rejects, if it does not. */
  readonly heartbeat: () => Promise<void>;
  readonly log: Log;
}

/** Without a service manager nothing is told. */
export const NO_SERVICE_MANAGER: ServiceManager = {
  starting() {},
  ready() {},
  status() {},
  reloading() {},
  stopping() {},
  stop() {},
};

const STATUS_GAP_MS = 10_000;
/** How often a long start says that it goes on, and for how long that holds. */
const EXTEND_EVERY_MS = 10_000;
const EXTEND_USEC = 60_000_000;
const MAX_STATUS_CHARS = 200;
const REPEATED: readonly (string | undefined)[] = ['STATUS', 'WATCHDOG', 'EXTEND_TIMEOUT_USEC'];
const MAX_WAITING = 16;

/** systemd's notify protocol, if it started us with it (sd_notify(3)); else a form that does nothing. */
export function serviceManager(opts: SystemdOptions, modules: SystemdModules): ServiceManager {
  if ((opts.env['NOTIFY_SOCKET'] ?? '') === '') return NO_SERVICE_MANAGER;
  return new Systemd(watchdogMs(opts), modules);
}

/** How long systemd waits for a sign of life; undefined if it asks for none, or asks another process. */
function watchdogMs({ env, pid }: SystemdOptions): number | undefined {
  const usec = Number(env['WATCHDOG_USEC'] ?? '');
  const forPid = env['WATCHDOG_PID'];
  if (!Number.isSafeInteger(usec) || usec <= 0) return undefined;
  return forPid === undefined || forPid === '' || Number(forPid) === pid ? usec / 1000 : undefined;
}

/**
 * starting -> ready -> (reloading -> ready)* -> stopping. One command runs at a time, the rest waits in a short queue.
 * STOPPING=1 does not wait its turn: it is the first thing of a stop.
 */
class Systemd implements ServiceManager {
  private readonly watchdogMs: number | undefined;
  private readonly modules: SystemdModules;
  private readonly timers = new Map<'extend' | 'status' | 'watchdog', () => void>();
  private waiting: (readonly string[])[] = [];
  private sending = false;
  private isEnded = false;
  private isReady = false;
  private beating = false;
  private text = '';
  private saidText = '';
  private saidAtMs = Number.NEGATIVE_INFINITY;

  constructor(watchdogMs: number | undefined, modules: SystemdModules) {
    this.watchdogMs = watchdogMs;
    this.modules = modules;
  }

  starting(text: string): void {
    this.text = oneLine(text);
    if (this.isReady || this.isEnded || this.timers.has('extend')) return;
    this.every('extend', EXTEND_EVERY_MS, () => {
      this.say([`EXTEND_TIMEOUT_USEC=${EXTEND_USEC}`, `STATUS=${this.text}`]);
    });
  }

  ready(): void {
    if (this.isEnded) return;
    this.cancel('extend');
    this.isReady = true;
    this.say(['READY=1']);
    if (this.watchdogMs === undefined || this.timers.has('watchdog')) return;
    this.beat();
    this.every('watchdog', this.watchdogMs / 2, () => this.beat());
  }

  status(text: string): void {
    if (this.isEnded) return;
    this.text = oneLine(text);
    if (this.text === this.saidText || this.timers.has('status')) return;
    const waitMs = this.saidAtMs + STATUS_GAP_MS - this.modules.clock.monotonicMs();
    if (waitMs <= 0) this.sayStatus();
    else {
      const cancel = this.modules.clock.after(waitMs, () => {
        this.timers.delete('status');
        this.sayStatus();
      });
      this.timers.set('status', cancel);
    }
  }

  /** Both in one datagram: alone, the first would make systemd >= 253 wait for a time that never comes. */
  reloading(): void {
    this.say(['RELOADING=1', `MONOTONIC_USEC=${this.modules.monotonicUsec()}`]);
  }

  stopping(): void {
    if (this.isEnded) return;
    this.stop();
    void this.send(['STOPPING=1', 'STATUS=stopping']);
  }

  stop(): void {
    this.isEnded = true;
    this.waiting = [];
    for (const name of [...this.timers.keys()]) this.cancel(name);
  }

  private sayStatus(): void {
    if (this.text === this.saidText) return;
    this.saidText = this.text;
    this.saidAtMs = this.modules.clock.monotonicMs();
    this.say([`STATUS=${this.text}`]);
  }

  /** Says that we live only if the store has just read and written: a timer alone would prove nothing. */
  private beat(): void {
    if (this.beating) return;
    this.beating = true;
    this.modules
      .heartbeat()
      .then(
        () => this.say(['WATCHDOG=1']),
        (error: unknown) => this.modules.log.event('node.heartbeat_failed', { err_message: textOf(error) }),
      )
      .finally(() => {
        this.beating = false;
      });
  }

  private say(lines: readonly string[]): void {
    if (this.isEnded) return;
    const key = keyOf(lines);
    // What is said again and again need not be said twice in a row.
    if (REPEATED.includes(key)) this.waiting = this.waiting.filter((other) => keyOf(other) !== key);
    this.waiting.push(lines);
    if (this.waiting.length > MAX_WAITING) this.waiting.shift();
    if (!this.sending) void this.sendWaiting();
  }

  private async sendWaiting(): Promise<void> {
    this.sending = true;
    for (let lines = this.waiting.shift(); lines !== undefined; lines = this.waiting.shift()) {
      await this.send(lines);
    }
    this.sending = false;
  }

  private async send(lines: readonly string[]): Promise<void> {
    try {
      await this.modules.send(lines);
    } catch (error) {
      // Limited by the log: it may be so for each of them.
      this.modules.log.event('node.notify_failed', { err_message: textOf(error) });
    }
  }

  private every(name: 'extend' | 'watchdog', ms: number, run: () => void): void {
    const again = (): void => {
      const cancel = this.modules.clock.after(ms, () => {
        again();
        run();
      });
      this.timers.set(name, cancel);
    };
    again();
  }

  private cancel(name: 'extend' | 'status' | 'watchdog'): void {
    this.timers.get(name)?.();
    this.timers.delete(name);
  }
}

function keyOf(lines: readonly string[]): string | undefined {
  return lines[0]?.split('=')[0];
}

/** A newline in a value would begin another assignment. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return text.replace(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, MAX_STATUS_CHARS);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
