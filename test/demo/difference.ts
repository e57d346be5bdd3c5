/** Statements by name, such as `GOLD supply`. */
export type Facts = ReadonlyMap<string, string>;

/** What a daemon says. */
export interface Statement {
  readonly who: string;
  readonly facts: Facts;
}

/**
 * All in which daemons differ from one another or from what was `paid`, as lines of text: the name of a fact, and under it
 * what each says of it. None: they are equal. A fact that one does not state is as different as a wrong one.
 */
export function differences(statements: readonly Statement[], paid: Facts): string[] {
  const names = new Set([...paid.keys(), ...statements.flatMap(({ facts }) => [...facts.keys()])]);
  return [...names].flatMap((name) => {
    const wanted = paid.get(name) ?? statements[0]?.facts.get(name);
    if (statements.every(({ facts }) => facts.get(name) === wanted)) return [];
    const said = statements.map(({ who, facts }) => line(who, facts.get(name)));
    return [name, ...said, ...(paid.has(name) ? [line('should be', wanted)] : [])];
  });
}

function line(who: string, value = 'nothing'): string {
  return `  ${who.padEnd(9)} ${value}`;
}
