/** What to say of transactions that damage took, wherever figures may be wrong for it. */
export function lostText({
  count,
  uncertain,
}: {
  readonly count: number;
  readonly uncertain: boolean;
}): string {
  const many = count === 1 ? '1 transaction' : `${count} transactions`;
  const what = uncertain ? `${count === 0 ? 'transactions' : `at least ${many}`}` : many;
  return `${what} lost: import or sync them again; amounts may be wrong until then`;
}
