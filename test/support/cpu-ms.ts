/** Milliseconds of CPU that a task takes in this thread: unlike time on the wall, the same on a busy machine. */
export function cpuMs(task: () => void): number {
  const before = process.threadCpuUsage();
  task();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}
