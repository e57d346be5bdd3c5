import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeTokenOutput } from '../../../src/token/decode.ts';
import {
  classifySpent,
  type InputClass,
  type Judgement,
  judge,
  RULES_VERSION,
  type Verdict,
} from '../../../src/token/judge.ts';
import type { TokenOp, TokenOutput } from '../../../src/token/types.ts';
import { TOKEN_ID, TXID, tokenScript, transferJson } from '../../support/token-scripts.ts';

const OTHER_ID = `${'dd'.repeat(32)}_1`;
const MAX = 18_446_744_073_709_551_615n;
const AUTHORITY: InputClass = { kind: 'authority' };
const NOTHING: InputClass = { kind: 'nothing' };
const UNDECIDED: InputClass = { kind: 'undecided' };

const value = (amt: bigint | number): InputClass => ({ kind: 'value', amt: BigInt(amt) });

function output(op: TokenOp, amt: bigint | number = 0, tokenId = TOKEN_ID): TokenOutput {
  return { vout: 0, tokenId, op, amt: BigInt(amt), lock: { type: 'other', owner: new Uint8Array(32) } };
}

const transfer = (amt: bigint | number) => output('transfer', amt);
const burn = (amt: bigint | number) => output('burn', amt);
const mint = (amt: bigint | number) => output('mint', amt);
const auth = output('auth');

function verdicts(inputs: readonly InputClass[], outputs: readonly TokenOutput[]): readonly Verdict[] {
  return judge(inputs, outputs).outputs;
}

const figures = ({ valueIn, lost, decided }: Judgement) => ({ valueIn, lost, decided });

test('A1 deploys are always valid', () => {
  for (const op of ['deploy+mint', 'deploy+auth'] as const) {
    const cases: InputClass[][] = [[], [NOTHING], [UNDECIDED], [value(5)], [AUTHORITY]];
    for (const inputs of cases) {
      assert.deepEqual(verdicts(inputs, [output(op, 7)]), ['valid']);
    }
  }
  assert.deepEqual(verdicts([], [output('deploy+mint', 0)]), ['valid']);
});

test('A2 transfer and burn are valid together when I >= O, or not at all', () => {
  assert.deepEqual(verdicts([value(10)], [transfer(10)]), ['valid']);
  assert.deepEqual(verdicts([value(10)], [transfer(9)]), ['valid']);
  assert.deepEqual(verdicts([value(10)], [transfer(11)]), ['invalid']);
  assert.deepEqual(verdicts([value(6), value(4)], [transfer(7), burn(3)]), ['valid', 'valid']);
  assert.deepEqual(verdicts([value(6), value(4)], [transfer(7), burn(4)]), ['invalid', 'invalid']);
  assert.deepEqual(verdicts([value(6), value(4)], [burn(1), transfer(10)]), ['invalid', 'invalid']);
  assert.deepEqual(verdicts([], [transfer(1)]), ['invalid']);
  assert.deepEqual(verdicts([value(1), value(1)], [transfer(1), transfer(1), transfer(1)]), [
    'invalid',
    'invalid',
    'invalid',
  ]);
});

test('A2 a deploy in the same transaction funds nothing', () => {
  assert.deepEqual(verdicts([], [output('deploy+mint', 100), transfer(1)]), ['valid', 'invalid']);
});

test('A3 mint and auth need an authority input', () => {
  assert.deepEqual(verdicts([AUTHORITY], [mint(5), auth, mint(MAX)]), ['valid', 'valid', 'valid']);
  assert.deepEqual(verdicts([AUTHORITY, AUTHORITY], [auth]), ['valid']);
  for (const inputs of [[], [NOTHING], [value(100)]]) {
    assert.deepEqual(verdicts(inputs, [mint(5), auth]), ['invalid', 'invalid']);
  }
  assert.deepEqual(
    verdicts([AUTHORITY, value(5)], [mint(100), transfer(5)]),
    ['valid', 'valid'],
    'mint is not in O',
  );
});

test('A4 balance and authority are independent', () => {
  assert.deepEqual(verdicts([AUTHORITY, value(5)], [mint(100), transfer(6), auth]), [
    'valid',
    'invalid',
    'valid',
  ]);
  assert.deepEqual(
    verdicts([AUTHORITY], [mint(100), transfer(1)]),
    ['valid', 'invalid'],
    'authority funds nothing',
  );
  assert.deepEqual(verdicts([value(5)], [mint(1), transfer(5)]), ['invalid', 'valid']);
});

test('A5 an over-spend is final and destroys what it spent', () => {
  const over = judge([value(300), value(200)], [transfer(501), burn(0)]);
  assert.deepEqual(over.outputs, ['invalid', 'invalid']);
  assert.deepEqual(figures(over), { valueIn: 500n, lost: 500n, decided: true });
});

test('A6 sums are exact and never wrap', () => {
  const half = 2n ** 63n;
  assert.deepEqual(verdicts([value(1)], [transfer(half), transfer(half)]), ['invalid', 'invalid']);
  assert.deepEqual(figures(judge([value(MAX), value(MAX), value(1)], [transfer(MAX), transfer(MAX)])), {
    valueIn: 2n * MAX + 1n,
    lost: 1n,
    decided: true,
  });
  assert.deepEqual(verdicts([value(MAX), value(MAX)], [transfer(MAX), transfer(MAX), transfer(1)]).length, 3);
  assert.deepEqual(
    verdicts([value(MAX), value(MAX)], [transfer(MAX), transfer(MAX), transfer(1)])[0],
    'invalid',
  );
});

test('A7 a burn counts 0 and is never missing, whatever its verdict', () => {
  for (const verdict of ['valid', 'invalid', 'pending'] as const) {
    assert.deepEqual(classifySpent(TOKEN_ID, { tokenId: TOKEN_ID, op: 'burn', amt: 5n, verdict }), NOTHING);
  }
  assert.deepEqual(verdicts([NOTHING], [transfer(5)]), ['invalid']);
});

test('A8 spending without any output loses all of I', () => {
  assert.deepEqual(judge([value(7), value(5)], []), {
    outputs: [],
    decided: true,
    undecided: [],
    valueIn: 12n,
    lost: 12n,
  });
  assert.deepEqual(figures(judge([value(7), AUTHORITY], [mint(3)])), {
    valueIn: 7n,
    lost: 7n,
    decided: true,
  });
});

test('A9 an input judged invalid counts 0 and does not block', () => {
  const spent = { tokenId: TOKEN_ID, amt: 5n, verdict: 'invalid' } as const;
  for (const op of ['transfer', 'mint', 'auth'] as const) {
    assert.deepEqual(classifySpent(TOKEN_ID, { ...spent, op }), NOTHING, op);
  }
  assert.deepEqual(judge([NOTHING, value(5)], [transfer(5)]).outputs, ['valid']);
  assert.deepEqual(judge([NOTHING], [transfer(5)]).outputs, ['invalid']);
});

test('A10 verdicts depend on the arguments alone: not on the order of inputs, nothing is kept', () => {
  const inputs = [value(3), UNDECIDED, AUTHORITY, NOTHING, value(4)];
  const outputs = [transfer(7), mint(1), burn(0)];
  const first = judge(inputs, outputs);
  assert.deepEqual(judge(inputs, outputs), first);
  assert.deepEqual(judge(inputs.toReversed(), outputs).outputs, first.outputs);
  assert.equal(RULES_VERSION, 1);
});

test('§3 value: valid deploy+mint, mint and transfer of X bring their amount', () => {
  for (const op of ['deploy+mint', 'mint', 'transfer'] as const) {
    assert.deepEqual(classifySpent(TOKEN_ID, { tokenId: TOKEN_ID, op, amt: 9n, verdict: 'valid' }), value(9));
  }
});

test('§3 authority: valid deploy+auth and auth of X', () => {
  for (const op of ['deploy+auth', 'auth'] as const) {
    assert.deepEqual(
      classifySpent(TOKEN_ID, { tokenId: TOKEN_ID, op, amt: 0n, verdict: 'valid' }),
      AUTHORITY,
    );
  }
});

test('§3 nothing: no token, another token in any state', () => {
  assert.deepEqual(classifySpent(TOKEN_ID, 'none'), NOTHING);
  for (const verdict of ['valid', 'invalid', 'pending'] as const) {
    assert.deepEqual(
      classifySpent(TOKEN_ID, { tokenId: OTHER_ID, op: 'transfer', amt: 9n, verdict }),
      NOTHING,
    );
  }
});

test('§3 undecided: body unknown, or own verdict pending', () => {
  assert.deepEqual(classifySpent(TOKEN_ID, 'unknown'), UNDECIDED);
  for (const op of ['transfer', 'mint', 'auth'] as const) {
    assert.deepEqual(
      classifySpent(TOKEN_ID, { tokenId: TOKEN_ID, op, amt: 9n, verdict: 'pending' }),
      UNDECIDED,
    );
  }
});

test('T1 a topic sees its own token only', () => {
  const outputs = [
    decodeTokenOutput(tokenScript(transferJson('5')), TXID, 0)!,
    decodeTokenOutput(tokenScript(transferJson('9', OTHER_ID)), TXID, 1)!,
  ];
  const byToken = Map.groupBy(outputs, ({ tokenId }) => tokenId);
  assert.deepEqual(verdicts([value(5), NOTHING], byToken.get(TOKEN_ID) ?? []), ['valid']);
  assert.deepEqual(verdicts([NOTHING, value(8)], byToken.get(OTHER_ID) ?? []), ['invalid']);
});

test('T2 a parent pending for token B neither delays nor rejects token A', () => {
  const spent = [
    { tokenId: TOKEN_ID, op: 'transfer', amt: 5n, verdict: 'valid' },
    { tokenId: OTHER_ID, op: 'transfer', amt: 9n, verdict: 'pending' },
  ] as const;
  const inputs = (tokenId: string) => spent.map((output) => classifySpent(tokenId, output));
  assert.deepEqual(judge(inputs(TOKEN_ID), [transfer(6)]), {
    outputs: ['invalid'],
    decided: true,
    undecided: [],
    valueIn: 5n,
    lost: 5n,
  });
  assert.deepEqual(judge(inputs(OTHER_ID), [output('transfer', 9, OTHER_ID)]).outputs, ['pending']);
});

test('L1 valid as soon as decided inputs satisfy the rule', () => {
  const early = judge([value(10), UNDECIDED], [transfer(10), mint(1)]);
  assert.deepEqual(early.outputs, ['valid', 'pending']);
  assert.deepEqual(early.undecided, [1]);
  assert.deepEqual(figures(early), { valueIn: 10n, lost: 0n, decided: false });
  assert.deepEqual(verdicts([AUTHORITY, UNDECIDED], [mint(1), auth, transfer(1)]), [
    'valid',
    'valid',
    'pending',
  ]);
});

test('L1 pending while an undecided input could still satisfy it, with the list of them', () => {
  const waiting = judge([UNDECIDED, value(9), UNDECIDED], [transfer(10), burn(0), mint(1)]);
  assert.deepEqual(waiting.outputs, ['pending', 'pending', 'pending']);
  assert.deepEqual(waiting.undecided, [0, 2]);
  assert.equal(waiting.decided, false);
});

test('L1 invalid only when every input is decided', () => {
  assert.deepEqual(verdicts([value(9), UNDECIDED], [transfer(10)]), ['pending']);
  assert.deepEqual(verdicts([value(9), NOTHING], [transfer(10)]), ['invalid']);
  assert.deepEqual(verdicts([value(9), value(1)], [transfer(10)]), ['valid']);
  assert.deepEqual(verdicts([], [transfer(10)]), ['invalid']);
});

/** The supply figures of §4 over a list of judged transactions. */
function supply(transactions: readonly { inputs: readonly InputClass[]; outputs: readonly TokenOutput[] }[]) {
  const total = { issued: 0n, burned: 0n, lost: 0n, circulating: 0n };
  for (const { inputs, outputs } of transactions) {
    const judgement = judge(inputs, outputs);
    total.lost += judgement.lost;
    outputs.forEach(({ op, amt }, i) => {
      if (judgement.outputs[i] !== 'valid') return;
      if (op === 'deploy+mint' || op === 'mint') total.issued += amt;
      if (op === 'burn') total.burned += amt;
    });
  }
  total.circulating = total.issued - total.burned - total.lost;
  return total;
}

const GENESIS = { inputs: [], outputs: [output('deploy+mint', 100)] };

test('§4 issued: valid deploy+mint and mint', () => {
  assert.equal(supply([GENESIS]).issued, 100n);
  assert.equal(supply([GENESIS, { inputs: [AUTHORITY], outputs: [mint(7), mint(8)] }]).issued, 115n);
  assert.equal(supply([GENESIS, { inputs: [value(100)], outputs: [mint(7)] }]).issued, 100n);
});

test('§4 burned: valid burns', () => {
  assert.deepEqual(supply([GENESIS, { inputs: [value(100)], outputs: [transfer(60), burn(40)] }]), {
    issued: 100n,
    burned: 40n,
    lost: 0n,
    circulating: 60n,
  });
  assert.equal(supply([GENESIS, { inputs: [value(100)], outputs: [burn(101)] }]).burned, 0n);
});

test('§4 lost: I - O if covered, else I; the surplus is an implicit burn', () => {
  assert.deepEqual(supply([GENESIS, { inputs: [value(100)], outputs: [transfer(60), burn(30)] }]), {
    issued: 100n,
    burned: 30n,
    lost: 10n,
    circulating: 60n,
  });
  assert.equal(supply([GENESIS, { inputs: [value(100)], outputs: [transfer(101)] }]).lost, 100n);
  assert.equal(supply([GENESIS, { inputs: [value(100)], outputs: [] }]).lost, 100n);
});

test('§4 circulating: provisional while an input is undecided, the invariant holds all the same', () => {
  const waiting = supply([GENESIS, { inputs: [value(100), UNDECIDED], outputs: [transfer(101)] }]);
  assert.equal(waiting.circulating, 0n, 'spent, and nothing valid in its place yet');
  const early = supply([GENESIS, { inputs: [value(100), UNDECIDED], outputs: [transfer(90)] }]);
  assert.deepEqual([early.lost, early.circulating], [10n, 90n]);
});

test('§12 amt 0: a transfer or burn of nothing needs a value input', () => {
  assert.deepEqual(verdicts([value(5)], [transfer(0), burn(0)]), ['valid', 'valid']);
  assert.deepEqual(verdicts([value(5)], [transfer(0), transfer(5)]), ['valid', 'valid']);
  for (const inputs of [[], [NOTHING], [AUTHORITY]]) {
    assert.deepEqual(verdicts(inputs, [transfer(0), burn(0)]), ['invalid', 'invalid'], 'a stranger');
  }
  assert.deepEqual(verdicts([UNDECIDED], [transfer(0)]), ['pending']);
  assert.deepEqual(verdicts([value(0)], [transfer(0)]), ['valid'], 'a valid coin of nothing is value too');
  assert.deepEqual(verdicts([value(0)], [transfer(1)]), ['invalid']);
});

test('§12 sum above 2^64-1: exact and admitted', () => {
  assert.deepEqual(verdicts([value(MAX), value(MAX)], [transfer(MAX), transfer(MAX)]), ['valid', 'valid']);
});

test('§13 arithmetic: 2^63 + 2^63 out of 1 in', () => {
  assert.deepEqual(verdicts([value(1)], [transfer(2n ** 63n), transfer(2n ** 63n)]), ['invalid', 'invalid']);
});

test('§13 arithmetic: 18446744073709500000 split exactly', () => {
  const split = judge(
    [value(18_446_744_073_709_500_000n)],
    [transfer(10_000_000), transfer(18_446_744_073_699_500_000n)],
  );
  assert.deepEqual(split.outputs, ['valid', 'valid']);
  assert.equal(split.lost, 0n);
});

test('§13 arithmetic: in 1000 + 500, out 800 + 600 + 100', () => {
  const exact = judge([value(1000), value(500)], [transfer(800), transfer(600), transfer(100)]);
  assert.deepEqual(exact.outputs, ['valid', 'valid', 'valid']);
  assert.equal(exact.lost, 0n);
});

test('§13 arithmetic: in 500, out 300 + 400', () => {
  const over = judge([value(500)], [transfer(300), transfer(400)]);
  assert.deepEqual(over.outputs, ['invalid', 'invalid']);
  assert.equal(over.lost, 500n);
});

test('§13 ops: mint without authority', () => {
  assert.deepEqual(verdicts([value(500)], [mint(1)]), ['invalid']);
});

test('§13 ops: authority and over-spend together', () => {
  const both = judge([AUTHORITY, value(5)], [mint(10), transfer(6)]);
  assert.deepEqual(both.outputs, ['valid', 'invalid']);
  assert.equal(both.lost, 5n);
});

test('§13 ops: authority ended', () => {
  const end = judge([AUTHORITY], [mint(10)]);
  assert.deepEqual(end.outputs, ['valid']);
  assert.equal(end.lost, 0n);
  assert.deepEqual(judge([AUTHORITY], []).outputs, []);
});

test('§13 ops: burn, then spend the burn', () => {
  const spent = classifySpent(TOKEN_ID, { tokenId: TOKEN_ID, op: 'burn', amt: 5n, verdict: 'valid' });
  const back = judge([spent], [transfer(5)]);
  assert.deepEqual(back.outputs, ['invalid']);
  assert.deepEqual(figures(back), { valueIn: 0n, lost: 0n, decided: true });
});

test('§13 ops: spend X with no output of X', () => {
  assert.equal(judge([value(5)], []).lost, 5n);
});

test('§13 multi-token: swap with the parent of B missing', () => {
  const spent = [{ tokenId: TOKEN_ID, op: 'transfer', amt: 5n, verdict: 'valid' }, 'unknown'] as const;
  const inputs = (tokenId: string) => spent.map((output) => classifySpent(tokenId, output));
  assert.deepEqual(judge(inputs(TOKEN_ID), [transfer(5)]).outputs, ['valid']);
  assert.deepEqual(judge(inputs(OTHER_ID), [output('transfer', 9, OTHER_ID)]).outputs, ['pending']);
});

test('§13 multi-token: a deploy beside a transfer of another token', () => {
  assert.deepEqual(verdicts([value(5)], [output('deploy+mint', 9, `${TXID}_0`)]), ['valid']);
  assert.deepEqual(verdicts([value(5)], [transfer(5)]), ['valid']);
});
