import { StoreError } from './errors.ts';

export function readFailed(key: Uint8Array, error: unknown): StoreError {
  const text = textOf(error);
  return new StoreError(
    'STORE_READ_FAILED',
    `the store could not be read: ${text}`,
    { key: Buffer.from(key).toString('hex') },
    error,
  );
}

export function writeFailed(error: unknown, cure?: string): StoreError {
  const message = `the store could not be written: ${textOf(error)}${cure === undefined ? '' : `; ${cure}`}`;
  return new StoreError('STORE_WRITE_FAILED', message, {}, error);
}

export function causeCode(error: unknown): string {
  for (let e = error; e instanceof Error; e = e.cause) {
    const code = (e as { code?: unknown }).code;
    if (typeof code === 'string' && code !== 'LEVEL_DATABASE_NOT_OPEN') return code;
  }
  return 'UNKNOWN';
}

export function textOf(error: unknown): string {
  let text = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && error.cause instanceof Error) text = error.cause.message;
  return text;
}
