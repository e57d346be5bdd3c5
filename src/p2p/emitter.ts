type Listener = (...args: never[]) => void;

/** Typed events. A listener that throws is reported and hinders nobody else. */
export class Emitter<E extends { readonly [Name in keyof E]: Listener }> {
  readonly #listeners = new Map<keyof E, Set<Listener>>();
  readonly #onFault: (error: unknown) => void;

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  on<N extends keyof E>(name: N, listener: E[N]): () => void {
    // A wrapper, so that the same function given twice is called twice and taken back once.
    const own: Listener = (...args) => listener(...args);
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(own));
    return () => listeners.delete(own);
  }

  emit<N extends keyof E>(name: N, ...args: Parameters<E[N]>): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as (...all: Parameters<E[N]>) => void)(...args);
      } catch (error) {
        this.#onFault(error);
      }
    }
  }
}
