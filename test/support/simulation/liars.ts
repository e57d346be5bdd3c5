import { encodeBeefs } from '../../../protocols/gossip/message.ts';
import { topicOf } from '../../../protocols/gossip/topics.ts';
import {
  decodeMessage as decodeHeaders,
  encodeMessage as encodeHeaders,
} from '../../../protocols/headers/codec.ts';
import { PROTOCOL_ID as HEADERS } from '../../../protocols/headers/constants.ts';
import { decodeMessage, encodeMessage } from '../../../protocols/token-sync/codec.ts';
import { PROTOCOL_ID as TOKEN_SYNC } from '../../../protocols/token-sync/constants.ts';
import type { ChunkBody, MessageBody, SyncMessage } from '../../../protocols/token-sync/messages.ts';
import { encodeRuns } from '../../../protocols/token-sync/runs.ts';
import { parseTransaction } from '../../../src/spv/transaction.ts';
import type { Prng } from '../corpus/prng.ts';
import type { TestTx } from '../corpus/testtx.ts';
import { brokenBeef, forgedBump, unprovenBeef } from './forgery.ts';
import type { SimHistory } from './history.ts';
import type { BendStream } from './host.ts';
import { twinsOf } from './twins.ts';

/** What becomes of a message of token sync on its way out; none: it is swallowed. `asked`: the question that it answers. */
type BendSync = (
  message: SyncMessage,
  asked: MessageBody | undefined,
) => SyncMessage | readonly SyncMessage[];

type BendBody = (body: MessageBody) => MessageBody | readonly MessageBody[];

interface Message {
  readonly tokenId: string;
  readonly data: Uint8Array;
  /** Txids that nobody may hold. */
  readonly lies: readonly string[];
}

interface Kind {
  /** What honest ones say of it; nothing else may be said. */
  readonly codes: RegExp;
  /** A new one for each stream that is asked on. */
  readonly sync?: (history: SimHistory) => BendSync;
  /** What it makes of a question of token sync before it answers it. */
  readonly hears?: (question: MessageBody, history: SimHistory) => MessageBody;
  readonly headers?: (body: Uint8Array, prng: Prng) => Uint8Array | undefined;
  /** What it gossips, and on the topic of which token. */
  readonly gossip?: (history: SimHistory, prng: Prng) => Message | undefined;
  /** Perhaps nobody has anything to say: a proof near the tip may be of another branch, and what is held is not looked at again. */
  readonly mayPass?: true;
}

/** One that it moves. */
function tokenOf(tx: TestTx): string {
  const coins = [...tx.outputs.map((_, vout) => ({ tx, vout })), ...tx.spends];
  const coin = coins.find((each) => each.tx.outputs[each.vout]?.token !== undefined)!;
  return coin.tx.tokenId(coin.vout);
}

const wrong = (hash: Uint8Array): Uint8Array => Buffer.from(hash).map((byte) => byte ^ 1);

const bodies =
  (bend: BendBody): (() => BendSync) =>
  () =>
  (message) =>
    [bend(message.body)].flat().map((body) => (body === message.body ? message : { ...message, body }));

/** Bends chunks that have blocks. */
const chunks = (change: (chunk: ChunkBody) => ChunkBody | readonly ChunkBody[]): (() => BendSync) =>
  bodies((body) => (body.kind === 'chunk' && body.blocks.length > 0 ? change(body) : body));

/** The blocks, and the context that they need. */
function neededBy(blocks: ChunkBody['blocks'], chunk: ChunkBody): ChunkBody {
  const txs = blocks.flatMap((block) => block.txs.map((raw) => parseTransaction(raw)));
  const parents = new Set(txs.flatMap((tx) => tx.inputs.map(({ prevTxid }) => prevTxid)));
  const context = chunk.context.filter((raw) => parents.has(parseTransaction(raw).txid));
  return { ...chunk, blocks, context, proven: [] };
}

/** Leaves out the last block of each chunk of a range, and counts as if it had never been. */
function withholding(): BendSync {
  let gone = 0;
  return (message, asked) => {
    const { body } = message;
    if (asked?.kind !== 'rangeRequest') return message;
    if (body.kind === 'chunk') {
      gone += body.blocks.at(-1)?.txs.length ?? 0;
      const blocks = body.blocks.slice(0, -1);
      return blocks.length === 0 ? [] : { ...message, body: neededBy(blocks, body) };
    }
    if (body.kind !== 'done') return message;
    const entries = body.entries - gone;
    gone = 0;
    return { ...message, body: { ...body, entries } };
  };
}

const KINDS = {
  /** Lists transactions, and does not give them. */
  withhold: { codes: /^WITHHELD$/, sync: withholding },
  /** Tells commitments that its history does not make. */
  commitment: {
    codes: /^COMMITMENT_WRONG$/,
    sync: bodies((body) => {
      if (body.kind === 'welcome' || body.kind === 'update')
        return {
          ...body,
          tokens: body.tokens.map((facts) =>
            facts.tac === undefined ? facts : { ...facts, tac: wrong(facts.tac) },
          ),
        };
      return body.kind === 'anchors' ? { ...body, tacs: wrong(body.tacs) } : body;
    }),
  },
  proof: {
    codes: /^(PROOF_ROOT_MISMATCH|BUMP_\w+)$/,
    sync: chunks((chunk) => ({
      ...chunk,
      blocks: chunk.blocks.map((block) => ({
        ...block,
        bump: forgedBump(
          block.bump,
          block.txs.map((raw) => parseTransaction(raw).txid),
        ),
      })),
    })),
  },
  /** Says that transactions are where they are not. */
  place: {
    codes: /^(BUMP_TXID_WRONG|ORDER_WRONG|COUNT_EXCEEDED)$/,
    sync: chunks((chunk) => ({
      ...chunk,
      blocks: chunk.blocks.map((block) => ({ ...block, runs: encodeRuns(block.txs.map((_, i) => i + 7)) })),
    })),
  },
  endless: {
    codes: /^(ORDER_WRONG|COUNT_EXCEEDED|CREDIT_EXCEEDED|TX_TWICE)$/,
    sync: bodies((body) =>
      body.kind === 'done' ? [] : body.kind === 'chunk' ? Array.from({ length: 4 }, () => body) : body,
    ),
  },
  /** Has transactions with signatures that are none in the place of those that are not mined: lists them, and gives them. */
  signature: {
    codes: /^SCRIPT_FAILED$/,
    sync: (history) => (message, asked) => {
      const { body } = message;
      if (body.kind === 'unmined' && asked?.kind === 'unminedRequest') {
        const { shortIds } = body;
        if (shortIds === undefined || asked.ask === undefined) return message;
        const swapped = twinsOf(history).swapped(shortIds, asked.ask.salt, 'broken');
        return { ...message, body: { ...body, shortIds: swapped } };
      }
      const isSwapped = asked?.kind === 'fetchRequest' && asked.ids.by === 'shortId';
      if (!isSwapped || body.kind !== 'chunk' || body.loose.length === 0) return message;
      const loose = body.loose.map((raw) => twinsOf(history).broken(raw));
      return { ...message, body: { ...body, loose } };
    },
    hears: (question, history) => {
      if (question.kind !== 'fetchRequest' || question.ids.by !== 'shortId') return question;
      const { shortIds, salt } = question.ids;
      return {
        ...question,
        ids: { ...question.ids, shortIds: twinsOf(history).swapped(shortIds, salt, 'right') },
      };
    },
  },
  silence: {
    codes: /^SILENT$/,
    sync: bodies((body) => (body.kind === 'welcome' || body.kind === 'update' ? body : [])),
  },
  /** Says again and again what nobody asked. */
  chatter: {
    codes: /^MESSAGE_UNEXPECTED$/,
    sync: () => (message) => {
      const { body } = message;
      if (body.kind !== 'welcome') return message;
      const update: SyncMessage = { id: 0, body: { kind: 'update', tip: body.tip, tokens: [], gone: [] } };
      return [message, ...Array.from({ length: 60 }, () => update)];
    },
  },
  /** Claims more work than there is. */
  claim: {
    codes: /^(CLAIM_FALSE|HEADERS_WITHHELD|HEADERS_UNLINKED|HEADERS_INVALID|APART)$/,
    headers: (frame: Uint8Array, prng: Prng) => {
      const body = decodeHeaders(frame);
      if (body.kind !== 'status') return undefined;
      const tip = { height: body.tip.height + 5, hash: prng.bytes(32), work: body.tip.work + 100n };
      return encodeHeaders({ ...body, tip });
    },
  },
  /** The same, and gives headers that nobody worked for. */
  headers: {
    codes: /^(HEADERS_INVALID|HEADERS_UNLINKED|CLAIM_FALSE|HEADERS_WITHHELD)$/,
    headers: (frame: Uint8Array, prng: Prng) => {
      const body = decodeHeaders(frame);
      if (body.kind === 'status') {
        const tip = { height: body.tip.height + 1, hash: prng.bytes(32), work: body.tip.work + 2n };
        return encodeHeaders({ ...body, tip });
      }
      if (body.kind !== 'headers') return undefined;
      const headers = Buffer.concat([body.headers, prng.bytes(80)]);
      return encodeHeaders({ ...body, headers });
    },
  },
  gossipSignature: {
    codes: /^(TX_INVALID|BEEF_MALFORMED|PARENT_INVALID|GOSSIP_CONFLICT)$/,
    gossip: ({ chain, txs }: SimHistory, prng: Prng) => {
      const tx = prng.pick(txs);
      const made = brokenBeef(chain, tx);
      if (made === undefined) return undefined;
      return { tokenId: tokenOf(tx), data: encodeBeefs([made.beef]), lies: [made.txid] };
    },
  },
  gossipProof: {
    codes: /^(PROOF_INVALID|PROOF_UNKNOWN|BEEF_MALFORMED)$/,
    mayPass: true,
    gossip: ({ chain, txs }: SimHistory, prng: Prng) => {
      const tx = prng.pick(txs);
      const block = chain.blocks.blockOf(tx.txid);
      if (block === undefined) return undefined;
      return { tokenId: tokenOf(tx), data: encodeBeefs([unprovenBeef(block, tx)]), lies: [] };
    },
  },
  gossipGarbage: {
    codes: /^(GOSSIP_MALFORMED|GOSSIP_TOO_LARGE|BEEF_MALFORMED|TX_FOREIGN|TX_INVALID)$/,
    gossip: ({ chain, tokens }: SimHistory, prng: Prng) => ({
      tokenId: tokens[0]!,
      data: prng.chance(0.5)
        ? Buffer.concat([Buffer.of(1, 0), prng.bytes(60)])
        : encodeBeefs([chain.beef(chain.purse[0]!)]),
      lies: [],
    }),
  },
} as const satisfies Readonly<Record<string, Kind>>;

export type Lie = keyof typeof KINDS;
export const LIES = Object.keys(KINDS) as readonly Lie[];

export interface LiarParts {
  readonly prng: Prng;
  /** Called whenever he lies; `all`: to whoever listens. */
  readonly onLie: (peerId: string) => void;
}

/** One who lies in one way. */
export class Liar {
  readonly codes: RegExp;
  /** Txids that nobody may hold. */
  readonly lies = new Set<string>();
  private readonly kind: Kind;
  private readonly history: SimHistory;
  private readonly parts: LiarParts;

  constructor(lie: Lie, history: SimHistory, parts: LiarParts) {
    this.kind = KINDS[lie];
    this.codes = this.kind.codes;
    this.history = history;
    this.parts = parts;
    if (this.kind.hears !== undefined) for (const txid of twinsOf(history).txids) this.lies.add(txid);
  }

  get mayPass(): boolean {
    return this.kind.mayPass === true;
  }

  get isGossiper(): boolean {
    return this.kind.gossip !== undefined;
  }

  readonly bendStream = (
    protocol: string,
    peerId: string,
    side: 'asks' | 'answers',
  ): BendStream | undefined => {
    const { sync, headers } = this.kind;
    if (protocol === HEADERS && headers !== undefined) {
      const bend = (frame: Uint8Array): readonly Uint8Array[] => {
        const made = headers(frame, this.parts.prng);
        if (made !== undefined) this.parts.onLie(peerId);
        return [made ?? frame];
      };
      return { bend };
    }
    if (protocol !== TOKEN_SYNC || side !== 'answers' || sync === undefined) return undefined;
    return this.bendSync(sync(this.history), peerId);
  };

  /** A message for the topic of a token. */
  gossip(): { readonly topic: string; readonly data: Uint8Array } | undefined {
    const made = this.kind.gossip?.(this.history, this.parts.prng);
    if (made === undefined) return undefined;
    for (const txid of made.lies) this.lies.add(txid);
    this.parts.onLie('all');
    return { topic: topicOf(made.tokenId), data: made.data };
  }

  private bendSync(bend: BendSync, peerId: string): BendStream {
    const { hears } = this.kind;
    let asked: MessageBody | undefined;
    return {
      onRead: (frame) => {
        const message = decodeMessage(frame);
        const { body } = message;
        if (body.kind !== 'credit') asked = body;
        const heard = hears?.(body, this.history) ?? body;
        return heard === body ? frame : encodeMessage({ ...message, body: heard });
      },
      bend: (frame) => {
        const message = decodeMessage(frame);
        const made = [bend(message, asked)].flat() as readonly SyncMessage[];
        if (made.length === 1 && made[0] === message) return [frame];
        this.parts.onLie(peerId);
        return made.map((each) => encodeMessage(each));
      },
    };
  }
}
