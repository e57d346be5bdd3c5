/** Bounded like the list itself. */
const MAX_DELETIONS = 2_048;

/** Public keys that were deleted by hand, and when; the deletion told longest ago is forgotten first. */
export class DeletedPeers {
  readonly #atMs = new Map<string, number>();

  get atMs(): ReadonlyMap<string, number> {
    return this.#atMs;
  }

  add(publicKey: string, atMs: number): void {
    this.#atMs.delete(publicKey);
    this.#atMs.set(publicKey, atMs);
    const [oldest] = this.#atMs.keys();
    if (this.#atMs.size > MAX_DELETIONS && oldest !== undefined) this.#atMs.delete(oldest);
  }
}
