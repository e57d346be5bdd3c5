import type { Failure, Prevout, VerifyJob } from './verify.ts';

/**
 * How jobs and results travel between the pool and its threads: jobs as one buffer that changes its owner (no copy,
 * no structured clone of objects), results as the few exceptions from "valid".
 *
 * Buffer, little-endian: u32 jobs, then for each job u32 length, raw transaction, u32 previous outputs, and for each of
 * those f64 satoshis (exact, below 2^53), u32 length, script.
 */

export interface WorkRequest {
  readonly id: number;
  readonly buffer: ArrayBuffer;
  /** Whether scripts without a direct path are interpreted, or only named in `interpreter`. */
  readonly interpret: boolean;
}

export interface WorkReply {
  readonly id: number;
  /** Place in the request of each job that failed, and why. */
  readonly failures: readonly (readonly [index: number, failure: Failure])[];
  /** Places of the jobs that need the interpreter. Jobs named in neither list are valid. */
  readonly interpreter: readonly number[];
}

/** What a worker says once it can work. */
export interface WorkerReady {
  readonly ready: true;
}

export interface PackedJob {
  readonly raw: Uint8Array;
  readonly prevouts: readonly Prevout[];
}

/** Bytes that the job takes in a buffer. */
export function packedBytes(job: VerifyJob): number {
  let bytes = 8 + job.tx.raw.length;
  for (const prevout of job.prevouts) bytes += 12 + prevout.script.length;
  return bytes;
}

/** A buffer of its own with these jobs. */
export function packJobs(jobs: readonly VerifyJob[]): ArrayBuffer {
  let bytes = 4;
  for (const job of jobs) bytes += packedBytes(job);
  const buffer = new ArrayBuffer(bytes);
  const out = Buffer.from(buffer);
  let at = out.writeUInt32LE(jobs.length, 0);
  for (const job of jobs) {
    at = writeBytes(out, at, job.tx.raw);
    at = out.writeUInt32LE(job.prevouts.length, at);
    for (const prevout of job.prevouts) {
      at = out.writeDoubleLE(prevout.satoshis, at);
      at = writeBytes(out, at, prevout.script);
    }
  }
  return buffer;
}

function writeBytes(out: Buffer, at: number, bytes: Uint8Array): number {
  const start = out.writeUInt32LE(bytes.length, at);
  out.set(bytes, start);
  return start + bytes.length;
}

/** The jobs of a buffer of packJobs; all bytes are views of it. */
export function unpackJobs(buffer: ArrayBuffer): PackedJob[] {
  const bytes = Buffer.from(buffer);
  let at = 4;
  const view = (): Uint8Array => {
    const length = bytes.readUInt32LE(at);
    const start = at + 4;
    at = start + length;
    return new Uint8Array(buffer, start, length);
  };
  const jobs: PackedJob[] = [];
  for (let left = bytes.readUInt32LE(0); left > 0; left--) {
    const raw = view();
    const prevouts: Prevout[] = [];
    const count = bytes.readUInt32LE(at);
    at += 4;
    for (let i = 0; i < count; i++) {
      const satoshis = bytes.readDoubleLE(at);
      at += 8;
      prevouts.push({ satoshis, script: view() });
    }
    jobs.push({ raw, prevouts });
  }
  return jobs;
}
