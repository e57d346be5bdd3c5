import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differences, type Statement } from '../../demo/difference.ts';

function says(who: string, facts: Readonly<Record<string, string>>): Statement {
  return { who, facts: new Map(Object.entries(facts)) };
}

const STATE = { tip: '9 aa', 'GOLD commitment': '9 bb', 'GOLD balance of alice': '70' };
const NAMES = ['one', 'two', 'three'];

test('daemons that say the same, and what was paid, do not differ', () => {
  const statements = NAMES.map((who) => says(who, STATE));
  assert.deepEqual(differences(statements, new Map([['GOLD balance of alice', '70']])), []);
});

test('one daemon of another commitment is shown beside the others', () => {
  const [one, two] = NAMES.map((who) => says(who, STATE)) as [Statement, Statement];
  const three = says('three', { ...STATE, 'GOLD commitment': '8 cc' });
  assert.deepEqual(differences([one, two, three], new Map()), [
    'GOLD commitment',
    '  one       9 bb',
    '  two       9 bb',
    '  three     8 cc',
  ]);
});

test('daemons that agree on something else than what was paid are wrong, all of them', () => {
  const statements = NAMES.map((who) => says(who, STATE));
  assert.deepEqual(differences(statements, new Map([['GOLD balance of alice', '71']])), [
    'GOLD balance of alice',
    '  one       70',
    '  two       70',
    '  three     70',
    '  should be 71',
  ]);
});

test('what one does not say is a difference, whoever it is, and so is what nobody says of a payment', () => {
  const { tip: _tip, ...rest } = STATE;
  const some = says('some', rest);
  const all = says('all', STATE);
  assert.deepEqual(differences([some, all], new Map()), ['tip', '  some      nothing', '  all       9 aa']);
  assert.deepEqual(differences([all, some], new Map()), ['tip', '  all       9 aa', '  some      nothing']);
  assert.deepEqual(differences([some], new Map([['SILV balance of bob', '1']])), [
    'SILV balance of bob',
    '  some      nothing',
    '  should be 1',
  ]);
});
