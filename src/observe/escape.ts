/**
 * What could end a line, move the cursor, hide or reorder text on a terminal: control and format characters
 * (bidirectional, zero width), line and paragraph separators, lone surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Makes text from outside fit for one log or terminal line: unsafe characters become `\n`, `\t` or `\uXXXX`. */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE, (char) => {
    if (char === '\n') return '\\n';
    if (char === '\t') return '\\t';
    if (char === '\r') return '\\r';
    // By UTF-16 unit, so that the result is right inside a JSON string, too.
    const units = Array.from({ length: char.length }, (_, i) => char.charCodeAt(i));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
  });
}

/** A value in a `key=value` tail: quoted where a space, quote or equals sign would make it ambiguous. */
export function tailValue(value: unknown): string {
  const text = typeof value === 'string' ? value : Array.isArray(value) ? value.join(',') : String(value);
  const safe = escapeControls(text);
  if (safe !== '' && !/[\s"=]/.test(safe)) return safe;
  return `"${safe.replaceAll('"', '\\"')}"`;
}
