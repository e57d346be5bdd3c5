/** Is told how long reads and writes took; times in seconds. */
export interface StoreTiming {
  read(kind: 'row' | 'batch', seconds: number): void;
  write(seconds: number): void;
  writeFailed(): void;
}

export const NO_TIMING: StoreTiming = { read() {}, write() {}, writeFailed() {} };

/** Of reads of single rows one in so many is measured: to look at the clock twice costs as much as the shortest of them. */
export const ROW_READS_PER_MEASURE = 64;
