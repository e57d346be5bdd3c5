/**
 * Bytes in memory of their own. What is to be kept must be copied so: a few bytes may be a view of a whole frame or of
 * the 64 KiB that Node.js cuts small buffers from, and hold all of it; `slice` of a Buffer copies nothing.
 */
export function ownCopy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
