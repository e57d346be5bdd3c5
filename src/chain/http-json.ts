import { ChainError, reasonOf } from './errors.ts';

/** What a request takes from outside. `after` calls `run` once and returns its cancellation. */
export interface HttpModules {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly clock: { after(ms: number, run: () => void): () => void };
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export interface HttpLimits {
  /** For one attempt, body included. */
  readonly timeoutMs: number;
  readonly replyBytes: number;
  readonly attempts: number;
  /** Longest wait before the second attempt; doubles each time. The wait is uniform below it (full jitter). */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly token?: string | undefined;
  readonly body?: string | undefined;
}

/** How much of an error reply is read for the service's own code. */
const ERROR_REPLY_BYTES = 4096;

/**
 * Sends a request and returns the parsed JSON of its reply. Failures that may pass (no connection, time-out, 5xx, 429,
 * 408) are tried again within `limits.attempts`; redirects are refused, since the token would travel with them.
 * @throws ChainError SERVICE_AUTH, SERVICE_REFUSED, SERVICE_FAILED, SERVICE_TIMEOUT, SERVICE_UNREACHABLE,
 *   SERVICE_REPLY_TOO_LARGE, SERVICE_BAD_REPLY, STOPPED
 */
export async function requestJson(
  modules: HttpModules,
  limits: HttpLimits,
  request: HttpRequest,
  signal?: AbortSignal,
): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptOnce(modules, limits, request, signal);
    } catch (thrown) {
      if (!(thrown instanceof ChainError) || !thrown.retriable || attempt >= limits.attempts) throw thrown;
      const longest = Math.min(limits.maxBackoffMs, limits.backoffMs * 2 ** (attempt - 1));
      await pause(modules.clock, Math.floor(modules.random() * longest), signal);
    }
  }
}

/** Resolves after `ms`; rejects with STOPPED if `signal` comes first. */
export function pause(clock: HttpModules['clock'], ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      cancel();
      reject(stopped());
    };
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    });
    if (signal?.aborted === true) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function stopped(): ChainError {
  return new ChainError('STOPPED', 'stopped');
}

async function attemptOnce(
  modules: HttpModules,
  limits: HttpLimits,
  request: HttpRequest,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  if (isAborted(signal)) throw stopped();
  const controller = new AbortController();
  let timedOut = false;
  const cancelTimer = modules.clock.after(limits.timeoutMs, () => {
    timedOut = true;
    controller.abort();
  });
  const stop = (): void => controller.abort();
  signal?.addEventListener('abort', stop, { once: true });
  const where = { url: request.url };
  try {
    const response = await modules.fetch(request.url, {
      method: request.method,
      headers: headersOf(request),
      redirect: 'error',
      signal: controller.signal,
      ...(request.body === undefined ? {} : { body: request.body }),
    });
    if (!response.ok) throw await statusError(request.url, response);
    const text = await readText(request.url, response, limits.replyBytes);
    return parseJson(request.url, text);
  } catch (thrown) {
    if (thrown instanceof ChainError) throw thrown;
    if (isAborted(signal)) throw stopped();
    if (timedOut) {
      throw new ChainError('SERVICE_TIMEOUT', `${request.url}: no reply within ${limits.timeoutMs} ms`, {
        ...where,
        timeoutMs: limits.timeoutMs,
      });
    }
    const reason = reasonOf(thrown);
    throw new ChainError('SERVICE_UNREACHABLE', `${request.url}: ${reason}`, { ...where, reason }, thrown);
  } finally {
    cancelTimer();
    signal?.removeEventListener('abort', stop);
    // Ends the connection of a reply that was not read to its end; without effect on one that was.
    controller.abort();
  }
}

function headersOf(request: HttpRequest): Record<string, string> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (request.body !== undefined) headers['content-type'] = 'application/json';
  if (request.token !== undefined) headers['authorization'] = `Bearer ${request.token}`;
  return headers;
}

async function statusError(url: string, response: Response): Promise<ChainError> {
  const { status } = response;
  const serviceCode = await serviceCodeOf(url, response);
  const data = { url, status, serviceCode };
  const said = `${url}: answered ${status}${serviceCode === '' ? '' : ` (${serviceCode})`}`;
  if (status === 401 || status === 403)
    return new ChainError('SERVICE_AUTH', `${said}; check the token`, data);
  const passing = status >= 500 || status === 429 || status === 408;
  return new ChainError(passing ? 'SERVICE_FAILED' : 'SERVICE_REFUSED', said, data);
}

/** The service's error code, `{"code": "ErrMissingAuthHeader", ...}`; empty if there is none that is safe to show. */
async function serviceCodeOf(url: string, response: Response): Promise<string> {
  try {
    const reply = parseJson(url, await readText(url, response, ERROR_REPLY_BYTES));
    const code = typeof reply === 'object' && reply !== null && 'code' in reply ? reply.code : undefined;
    return typeof code === 'string' && /^[\w-]{1,64}$/.test(code) ? code : '';
  } catch (thrown) {
    if (thrown instanceof ChainError) return '';
    throw thrown;
  }
}

/** The body, at most `limit` bytes: counted as it arrives, whatever the reply says of its length. */
async function readText(url: string, response: Response, limit: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  if (response.body !== null) {
    for await (const piece of response.body) {
      bytes += piece.length;
      if (bytes > limit) {
        throw new ChainError('SERVICE_REPLY_TOO_LARGE', `${url}: the reply has more than ${limit} bytes`, {
          url,
          limit,
        });
      }
      pieces.push(piece);
    }
  }
  return Buffer.concat(pieces).toString('utf8');
}

function parseJson(url: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ChainError('SERVICE_BAD_REPLY', `${url}: the reply is not JSON`, { url, what: 'not JSON' });
  }
}
