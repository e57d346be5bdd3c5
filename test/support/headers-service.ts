import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeHeader, HEADER_BYTES, type Header } from '../../src/chain/header.ts';
import { workOfBits } from '../../src/chain/target.ts';

/** How the next replies go: like the real service, or wrong in one way. */
export type ServiceMode =
  | 'ok'
  | 'failing' // 500 with the service's error form
  | 'limited' // 429
  | 'garbage' // 200, not JSON
  | 'nonsense' // 200, JSON of another form
  | 'oversize' // 200, never-ending text
  | 'silent' // accepts, never answers
  | 'stalled' // sends half a reply, then nothing
  | 'dropped' // closes the connection
  | 'redirect';

interface Placed {
  readonly height: number;
  readonly header: Header;
  readonly state: 'LONGEST_CHAIN' | 'STALE';
}

/**
 * A block headers service on a free loopback port, speaking the calls that the client uses, as the real one does: error
 * bodies `{code, message}`, chain work of the tip as a bare JSON number, `byHeight` without heights, unordered and with
 * stale headers, INVALID for roots more than 6 above its tip.
 */
export class FakeHeadersService {
  /** Token demanded; undefined demands none. */
  token: string | undefined;
  mode: ServiceMode = 'ok';
  /** Replies that go wrong before `mode` is 'ok' again; endless by default. */
  modeCount = Number.POSITIVE_INFINITY;
  /** Tip height to claim instead of the real one. */
  claimedHeight: number | undefined;
  /** Method and path of every request. */
  readonly requests: string[] = [];
  private readonly server: Server;
  private headers: Placed[] = [];
  private onRequest: (() => void)[] = [];

  private constructor() {
    this.server = createServer((request, response) => {
      void this.answer(request, response);
    });
  }

  static async start(): Promise<FakeHeadersService> {
    const service = new FakeHeadersService();
    await new Promise<void>((resolve) => service.server.listen(0, '127.0.0.1', resolve));
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Resolves when the next request has arrived. */
  nextRequest(): Promise<void> {
    return new Promise((resolve) => this.onRequest.push(resolve));
  }

  /** Replaces the longest chain: n x 80 bytes, the first at `height`. */
  setChain(bytes: Uint8Array, height: number): void {
    this.headers = this.headers.filter((placed) => placed.state === 'STALE');
    this.addChain(bytes, height);
  }

  /** Adds headers of the longest chain, for instance single ones far below the others. */
  addChain(bytes: Uint8Array, height: number): void {
    for (let i = 0; i < bytes.length / HEADER_BYTES; i++) {
      const raw = Uint8Array.from(bytes.subarray(i * HEADER_BYTES, (i + 1) * HEADER_BYTES));
      this.headers.push({ height: height + i, header: decodeHeader(raw), state: 'LONGEST_CHAIN' });
    }
  }

  /** Adds headers that are not on the longest chain. */
  addStale(bytes: Uint8Array, height: number): void {
    for (let i = 0; i < bytes.length / HEADER_BYTES; i++) {
      const raw = Uint8Array.from(bytes.subarray(i * HEADER_BYTES, (i + 1) * HEADER_BYTES));
      this.headers.unshift({ height: height + i, header: decodeHeader(raw), state: 'STALE' });
    }
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await textOf(request);
    this.requests.push(`${request.method} ${request.url}`);
    for (const resolve of this.onRequest.splice(0)) resolve();
    if (this.mode !== 'ok' && this.modeCount > 0) {
      this.modeCount -= 1;
      this.misbehave(response);
      return;
    }
    if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`) {
      const missing = request.headers.authorization === undefined;
      send(
        response,
        401,
        missing
          ? { code: 'ErrMissingAuthHeader', message: 'empty auth header' }
          : { code: 'ErrInvalidAccessToken', message: 'invalid access token' },
      );
      return;
    }
    const url = new URL(request.url ?? '/', this.url);
    if (url.pathname === '/api/v1/chain/tip/longest') this.sendTip(response);
    else if (url.pathname === '/api/v1/chain/header/byHeight') this.sendRange(response, url.searchParams);
    else if (url.pathname === '/api/v1/chain/merkleroot/verify') this.sendVerdicts(response, body);
    else send(response, 404, { code: 'ErrRouteNotFound', message: 'not found' });
  }

  private misbehave(response: ServerResponse): void {
    switch (this.mode) {
      case 'failing':
        send(response, 500, { code: 'ErrGeneric', message: 'internal server error' });
        break;
      case 'limited':
        send(response, 429, { code: 'ErrTooMany', message: 'slow down' });
        break;
      case 'garbage':
        response.writeHead(200, { 'content-type': 'application/json' }).end('<html>it works</html>');
        break;
      case 'nonsense':
        send(response, 200, { hello: [1, 2, 3] });
        break;
      case 'oversize':
        response.writeHead(200, { 'content-type': 'application/json' });
        endless(response);
        break;
      case 'stalled':
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"header":');
        break;
      case 'dropped':
        response.destroy();
        break;
      case 'redirect':
        response.writeHead(302, { location: `${this.url}/elsewhere` }).end();
        break;
      default:
        break;
    }
  }

  private longest(): Placed[] {
    return this.headers
      .filter((placed) => placed.state === 'LONGEST_CHAIN')
      .sort((a, b) => a.height - b.height);
  }

  private sendTip(response: ServerResponse): void {
    const tip = this.longest().at(-1);
    if (tip === undefined) {
      send(response, 400, { code: 'ErrGetTips', message: 'failed to get tips' });
      return;
    }
    const height = this.claimedHeight ?? tip.height;
    const header = JSON.stringify({ ...model(tip.header), work: 0 });
    // The real service writes its big integers as bare numbers, far above 2^53.
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(
        `{"header":${header},"state":"LONGEST_CHAIN","chainWork":436387654076550239879174838,"height":${height}}`,
      );
  }

  private sendRange(response: ServerResponse, query: URLSearchParams): void {
    const from = Number(query.get('height'));
    const count = query.get('count') === null ? 1 : Number(query.get('count'));
    const found = this.headers.filter(({ height }) => height >= from && height < from + count);
    send(
      response,
      200,
      found.map(({ header }) => model(header)),
    );
  }

  private sendVerdicts(response: ServerResponse, body: string): void {
    const asked = JSON.parse(body) as { blockHeight: number; merkleRoot: string }[];
    const longest = this.longest();
    const top = longest.at(-1)?.height ?? 0;
    const confirmations = asked.map(({ blockHeight, merkleRoot }) => {
      const block = longest.find((p) => p.height === blockHeight && p.header.merkleRoot === merkleRoot);
      const soon = blockHeight > top && blockHeight - top <= 6;
      const confirmation = block !== undefined ? 'CONFIRMED' : soon ? 'UNABLE_TO_VERIFY' : 'INVALID';
      return { blockHash: block?.header.hash ?? '', blockHeight, merkleRoot, confirmation };
    });
    const states = confirmations.map((c) => c.confirmation);
    const confirmationState = states.includes('INVALID')
      ? 'INVALID'
      : states.includes('UNABLE_TO_VERIFY')
        ? 'UNABLE_TO_VERIFY'
        : 'CONFIRMED';
    // The real service promises no order.
    send(response, 200, { confirmationState, confirmations: confirmations.reverse() });
  }
}

function model(header: Header): Record<string, string | number> {
  return {
    hash: header.hash,
    version: header.version,
    prevBlockHash: header.prevHash,
    merkleRoot: header.merkleRoot,
    creationTimestamp: header.time,
    difficultyTarget: header.bits,
    nonce: header.nonce,
    work: workOfBits(header.bits).toString(),
  };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function endless(response: ServerResponse): void {
  const piece = ' '.repeat(64 * 1024);
  const more = (): void => {
    while (!response.destroyed && response.write(piece));
  };
  response.on('drain', more);
  more();
}

async function textOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}
