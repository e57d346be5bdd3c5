import { inspect } from 'node:util';

/** What stands for a secret in every output. */
export const REDACTED = '[redacted]';

const MAX_QUOTED_CHARS = 60;

/** A text that no log, JSON or string conversion prints; only `reveal()` gives it. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}

/**
 * Runs long enough to be key material, in whatever encoding: a key pasted into the wrong place must not
 * come back in the error about that place. Hex stays recognisable by its first digits (token ids).
 */
export function redact(text: string): string {
  return text.replace(/[A-Za-z0-9+/=_-]{40,}/g, (run) => {
    const hex = /^([0-9a-fA-F]{8})[0-9a-fA-F]+((?:_[0-9]{1,10})?)$/.exec(run);
    return hex === null ? REDACTED : `${hex[1]}...${hex[2]}`;
  });
}

/**
 * The operator's own text for a message: on one line, bounded, without control characters, and without what
 * `hide` takes out.
 */
export function quote(text: string, hide: (text: string) => string = redact): string {
  // Cut before matching as well, so that a huge value costs nothing.
  const shown = hide(text.slice(0, 1024));
  const cut = shown.length > MAX_QUOTED_CHARS ? `${shown.slice(0, MAX_QUOTED_CHARS - 3)}...` : shown;
  return JSON.stringify(cut).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
