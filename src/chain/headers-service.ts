import { ChainError } from './errors.ts';
import { displayHex, encodeHeader, headerHash, isHashHex } from './header.ts';
import { type HttpLimits, type HttpModules, type HttpRequest, requestJson } from './http-json.ts';
import type { HeaderSource, SourceTip } from './source-runner.ts';

/** What a block headers service says of a merkle root at a height. */
export type RootVerdict = 'CONFIRMED' | 'UNABLE_TO_VERIFY' | 'INVALID';

export interface RootQuestion {
  readonly height: number;
  /** Hex, display order. */
  readonly root: string;
}

export interface HeadersServiceOptions {
  /** `http(s)://host[:port]`, with or without the `/api/v1` at its end. */
  readonly url: string;
  readonly token?: string | undefined;
  readonly limits?: Partial<HttpLimits> | undefined;
}

const API_PATH = '/api/v1';
/** A page of 2,000 headers has about 0.9 MB. */
const LIMITS: HttpLimits = {
  timeoutMs: 15_000,
  replyBytes: 4 << 20,
  attempts: 4,
  backoffMs: 500,
  maxBackoffMs: 8_000,
};
const ROOTS_A_REQUEST = 500;
const MAX_HEIGHT = 0x7fffffff;

/**
 * Client of a block headers service (`/api/v1`, Bearer token). Its replies are input like any other: headers are
 * rebuilt to 80 bytes and judged by the chain, hashes are never believed.
 */
export class HeadersService implements HeaderSource {
  readonly name: string;
  private readonly root: string;
  private readonly token: string | undefined;
  private readonly limits: HttpLimits;
  private readonly modules: HttpModules;

  /** @throws ChainError SERVICE_URL_INVALID */
  constructor(options: HeadersServiceOptions, modules: HttpModules) {
    this.root = apiRoot(options.url);
    this.name = this.root;
    this.token = options.token;
    this.limits = { ...LIMITS, ...options.limits };
    this.modules = modules;
  }

  /** Tip of the service's longest chain. @throws ChainError SERVICE_* */
  async tip(signal?: AbortSignal): Promise<SourceTip> {
    const path = '/chain/tip/longest';
    const reply = asRecord(await this.ask({ method: 'GET', path }, signal), this.root + path, 'reply');
    const url = this.root + path;
    const raw = headerOf(asRecord(reply['header'], url, 'header'), url);
    const height = asInteger(reply['height'], 0, MAX_HEIGHT, url, 'height');
    return { height, hash: displayHex(headerHash(raw)) };
  }

  /**
   * Headers at `from` .. `from + count - 1` as the service has them: no order promised, stale ones among them (its query
   * filters neither), none above its tip.
   * @throws ChainError SERVICE_*
   */
  async headers(from: number, count: number, signal?: AbortSignal): Promise<readonly Uint8Array[]> {
    const path = `/chain/header/byHeight?height=${from}&count=${count}`;
    const url = this.root + path;
    let reply: unknown;
    try {
      reply = await this.ask({ method: 'GET', path }, signal);
    } catch (thrown) {
      if (thrown instanceof ChainError && thrown.code === 'SERVICE_REFUSED' && thrown.data['status'] === 404)
        return [];
      throw thrown;
    }
    if (reply === null) return [];
    if (!Array.isArray(reply)) throw badReply(url, 'reply is not a list');
    return reply.map((item: unknown, i) => headerOf(asRecord(item, url, `item ${i}`), url));
  }

  /**
   * Asks for merkle roots, for heights whose headers we do not hold. Answers in the order of the questions. The service
   * says INVALID also for heights far above its own tip; that is turned into UNABLE_TO_VERIFY, as is a missing answer.
   * @throws ChainError SERVICE_*
   */
  async verifyRoots(
    questions: readonly RootQuestion[],
    signal?: AbortSignal,
  ): Promise<readonly RootVerdict[]> {
    const verdicts: RootVerdict[] = [];
    for (let at = 0; at < questions.length; at += ROOTS_A_REQUEST) {
      verdicts.push(...(await this.verifyBatch(questions.slice(at, at + ROOTS_A_REQUEST), signal)));
    }
    if (!verdicts.includes('INVALID')) return verdicts;
    const { height } = await this.tip(signal);
    return verdicts.map((verdict, i) =>
      verdict === 'INVALID' && questions[i]!.height > height ? 'UNABLE_TO_VERIFY' : verdict,
    );
  }

  private async verifyBatch(
    questions: readonly RootQuestion[],
    signal?: AbortSignal,
  ): Promise<RootVerdict[]> {
    const path = '/chain/merkleroot/verify';
    const url = this.root + path;
    const body = JSON.stringify(
      questions.map(({ height, root }) => ({ blockHeight: height, merkleRoot: root.toLowerCase() })),
    );
    const reply = asRecord(await this.ask({ method: 'POST', path, body }, signal), url, 'reply');
    const list = reply['confirmations'];
    if (!Array.isArray(list)) throw badReply(url, 'confirmations is not a list');
    const found = new Map<string, RootVerdict>();
    for (const [i, item] of list.entries()) {
      const { blockHeight, merkleRoot, confirmation } = asRecord(item, url, `confirmation ${i}`);
      const verdict = verdictOf(confirmation);
      if (verdict !== undefined && typeof merkleRoot === 'string') {
        found.set(`${String(blockHeight)} ${merkleRoot.toLowerCase()}`, verdict);
      }
    }
    return questions.map(
      ({ height, root }) => found.get(`${height} ${root.toLowerCase()}`) ?? 'UNABLE_TO_VERIFY',
    );
  }

  private ask(
    request: Pick<HttpRequest, 'method' | 'body'> & { readonly path: string },
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const { method, path, body } = request;
    return requestJson(
      this.modules,
      this.limits,
      { method, url: this.root + path, token: this.token, body },
      signal,
    );
  }
}

function verdictOf(value: unknown): RootVerdict | undefined {
  return value === 'CONFIRMED' || value === 'UNABLE_TO_VERIFY' || value === 'INVALID' ? value : undefined;
}

function apiRoot(text: string): string {
  const invalid = (what: string): ChainError =>
    new ChainError('SERVICE_URL_INVALID', `block headers service: ${what}; expected http(s)://host[:port]`, {
      what,
    });
  if (!URL.canParse(text)) throw invalid('not a URL');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw invalid(`scheme ${url.protocol} is not supported`);
  if (url.username !== '' || url.password !== '')
    throw invalid('credentials belong in the token, not in the URL');
  if (url.search !== '' || url.hash !== '') throw invalid('a query or fragment is not allowed');
  const path = url.pathname.replace(/\/+$/, '');
  return `${url.origin}${path.endsWith(API_PATH) ? path : path + API_PATH}`;
}

function badReply(url: string, what: string): ChainError {
  return new ChainError('SERVICE_BAD_REPLY', `${url}: ${what}`, { url, what });
}

function asRecord(value: unknown, url: string, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badReply(url, `${what} is not an object`);
  return value as Readonly<Record<string, unknown>>;
}

function asInteger(value: unknown, low: number, high: number, url: string, what: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) {
    throw badReply(url, `${what} is not a whole number from ${low} to ${high}`);
  }
  return value;
}

function asHash(value: unknown, url: string, what: string): string {
  if (!isHashHex(value)) throw badReply(url, `${what} is not 64 hex digits`);
  return value.toLowerCase();
}

/** Seconds; the service's HTTP models give a number, its domain model (webhooks, older replies) RFC 3339 text. */
function asTime(value: unknown, url: string): number {
  const seconds = typeof value === 'string' ? Date.parse(value) / 1000 : value;
  return asInteger(seconds, 0, 0xffffffff, url, 'creationTimestamp');
}

/** The 80 bytes of a header as the service writes it. If it names a hash, that must be the hash of these fields. */
function headerOf(fields: Readonly<Record<string, unknown>>, url: string): Uint8Array {
  const raw = encodeHeader({
    version: asInteger(fields['version'], -0x80000000, 0xffffffff, url, 'version'),
    prevHash: asHash(fields['prevBlockHash'], url, 'prevBlockHash'),
    merkleRoot: asHash(fields['merkleRoot'], url, 'merkleRoot'),
    time: asTime(fields['creationTimestamp'], url),
    bits: asInteger(fields['difficultyTarget'], 0, 0xffffffff, url, 'difficultyTarget'),
    nonce: asInteger(fields['nonce'], 0, 0xffffffff, url, 'nonce'),
  });
  const named = fields['hash'];
  if (named !== undefined && asHash(named, url, 'hash') !== displayHex(headerHash(raw))) {
    throw badReply(url, 'hash is not that of the header given');
  }
  return raw;
}
