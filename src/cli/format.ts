import { escapeControls } from '../observe/escape.ts';

/** Forms for people. Programs read `--json`, where amounts are base units and times ISO 8601. */

/** `123.45000` of `12345000` and 5; the bare number where decimals are unknown. */
export function formatUnits(amount: string, decimals: number | undefined): string {
  if (decimals === undefined || decimals === 0) return amount;
  const negative = amount.startsWith('-');
  const digits = (negative ? amount.slice(1) : amount).padStart(decimals + 1, '0');
  const cut = digits.length - decimals;
  return `${negative ? '-' : ''}${digits.slice(0, cut)}.${digits.slice(cut)}`;
}

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${BYTE_UNITS[unit]}`;
}

/** `2h 3m`, two units at most; tenths below ten seconds. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)}s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s}s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes}m ${s % 60}s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h ${minutes % 60}m` : `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

/** Text that came from transactions or peers, safe on a terminal and of one line. */
export function clean(text: string, maxChars = 64): string {
  const safe = escapeControls(text);
  return safe.length <= maxChars ? safe : `${safe.slice(0, maxChars - 1)}…`;
}

/** Columns aligned by their widest cell; `right` names those of figures. No trailing spaces. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}

/** Indents and wraps to the width, for help texts. */
export function wrap(text: string, width: number, indent = ''): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(/\s+/)) {
    if (line.length > indent.length && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
    }
    line += line.length > indent.length ? ` ${word}` : word;
  }
  lines.push(line);
  return lines.join('\n');
}

/** One `path=value` line for every scalar: `items.0.txid=...`. */
export function flatten(value: unknown, path = ''): string[] {
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    if (entries.length === 0) return [`${path}=${Array.isArray(value) ? '[]' : '{}'}`];
    return entries.flatMap(([key, inner]) => flatten(inner, path === '' ? key : `${path}.${key}`));
  }
  return [`${path}=${typeof value === 'string' ? escapeControls(value) : String(value)}`];
}
