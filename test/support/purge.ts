import { afterPrefix, PREFIX } from '../../src/store/keys.ts';
import { decodeTx } from '../../src/store/records.ts';
import { purgeTestCore } from './core.ts';
import { type DumpPlan, dumpIndex, planOf } from './index-dump.ts';
import type { TestNode } from './node.ts';

/** Answer by question about tokens, as text. */
export type TokenAnswers = ReadonlyMap<string, string>;

interface ShownTx {
  readonly tokens?: readonly { readonly tokenId: string }[];
}

/** What to ask about these tokens: their owners, and every transaction that ever made or moved an output of them. */
export async function planFor(node: TestNode, tokens: readonly string[]): Promise<DumpPlan> {
  const { reader } = node;
  const { owners } = await planOf(reader);
  const events = await reader.events(0n, Number.MAX_SAFE_INTEGER, [...tokens]);
  const named = new Set(events.map(({ txid }) => txid));
  // Those that never stood have no events.
  for (const txid of await heldTxids(node)) {
    const parts = reader.tx(txid)?.tokens ?? [];
    if (parts.some(({ tokenId }) => tokens.includes(tokenId))) named.add(txid);
  }
  return {
    owners: new Map([...owners].filter(([tokenId]) => tokens.includes(tokenId))),
    txids: [...named].sort(),
  };
}

/** What a node answers about the tokens of the plan and their transactions, and nothing of other tokens. */
export async function answersTo({ reader }: TestNode, plan: DumpPlan): Promise<TokenAnswers> {
  const answers = new Map<string, string>();
  for (const [question, answer] of await dumpIndex(reader, plan)) {
    if (question === 'facts' || question === 'events' || question === 'tokens') continue;
    answers.set(question, question.startsWith('tx ') ? withoutOthers(answer, plan) : answer);
  }
  return answers;
}

function withoutOthers(answer: string, { owners }: DumpPlan): string {
  if (answer.startsWith('error:') || answer === 'undefined') return answer;
  const tx = JSON.parse(answer) as ShownTx;
  return JSON.stringify({ ...tx, tokens: tx.tokens?.filter(({ tokenId }) => owners.has(tokenId)) });
}

/** Questions with another answer, and both answers. */
export function differences(is: TokenAnswers, was: TokenAnswers): string[] {
  return [...new Set([...is.keys(), ...was.keys()])]
    .filter((question) => is.get(question) !== was.get(question))
    .map((question) => `${question}: ${is.get(question)} instead of ${was.get(question)}`);
}

/** Txids of what is held, in order of arrival. */
export async function heldTxids({ store }: Pick<TestNode, 'store'>): Promise<string[]> {
  const prefix = Buffer.of(PREFIX.tx);
  const txids: string[] = [];
  for await (const { key, value } of store.database.rows(prefix, afterPrefix(prefix))) {
    txids.push(decodeTx(key, value).txid);
  }
  return txids;
}

/** The node again, without one of its tokens. */
export function purged(node: TestNode, tokenId: string, others: readonly string[]): Promise<TestNode> {
  return node.restartAfter(async (path) => {
    await purgeTestCore({ path, follow: others, tokenId });
  }, others);
}
