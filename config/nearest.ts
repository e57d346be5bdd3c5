/** Names longer than this are not typing mistakes of ours, and comparing them would cost. */
const MAX_NAME_CHARS = 64;

/**
 * The candidate that `name` was most likely meant to be, or undefined if none is close: at most a third of
 * the letters differ, two at the least.
 */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  if (name.length > MAX_NAME_CHARS) return undefined;
  const wanted = canonical(name);
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = isLongForm(wanted, canonical(candidate))
      ? 1
      : editDistance(wanted, canonical(candidate));
    // A short name is not "near" to whatever has as few letters.
    if (distance < bestDistance && distance < candidate.length) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `warning` for `warn`, `mainnet` for `main`. */
function isLongForm(name: string, candidate: string): boolean {
  return candidate.length >= 3 && name.startsWith(candidate);
}

/** `maxPeers`, `max-peers` and `MAX_PEERS` are one name to whoever types them. */
function canonical(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** Levenshtein distance, two rows at a time. */
function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    for (let j = 1; j <= right.length; j++) {
      const substituted = previous[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1);
      row.push(Math.min(substituted, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[right.length]!;
}
