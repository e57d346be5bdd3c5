/**
 * Runs a task after the time, unless cancelled. Before it runs, the event loop has looked for input once more:
 * after the whole process stood still (a suspended or starved machine), what has come meanwhile counts.
 *
 * @returns how to cancel it
 */
export function deadline(ms: number, task: () => void): () => void {
  let immediate: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    // The first check phase follows the poll that sees the input, the second one what its handlers started.
    immediate = setImmediate(() => {
      immediate = setImmediate(task);
    });
  }, ms).unref();
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}
