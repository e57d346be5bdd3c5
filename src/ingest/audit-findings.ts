import { StoreError } from '../store/errors.ts';
import type { VerifyReport } from '../store/view.ts';

/** Problems listed by name; the rest is counted. */
const MAX_PROBLEMS = 100;

/** What an audit finds wrong. */
export class AuditFindings {
  readonly problems: VerifyReport['problems'][number][] = [];
  count = 0;

  add(code: string, what: string): void {
    this.count++;
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({ code, what });
  }

  compare(code: string, what: string, found: number, wanted: number): void {
    if (found !== wanted) this.add(code, `${what}: ${found} found, ${wanted} expected`);
  }

  /** Runs a check that may meet a damaged row, which is a problem by itself. */
  guarded(what: string, check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.add(error.code, `${what}: ${error.message}`);
    }
  }
}
