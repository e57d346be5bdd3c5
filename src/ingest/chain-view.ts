/** What ingest asks of the header chain. */
export interface ChainView {
  tip(): { readonly height: number; readonly hash: string };
  baseHeight(): number;
  rootAt(height: number): string | undefined;
  hashAt(height: number): string | undefined;
  /** Merkle roots of headers at this height on known branches other than the best. */
  sideRoots(height: number): readonly string[];
}

/** Answer of a trusted header source about one merkle root. */
export type RootVerdict = 'confirmed' | 'invalid' | 'unknown';

/** Asks configured header sources about roots that our own headers do not reach. */
export type VerifyRoot = (height: number, root: string) => Promise<RootVerdict>;
