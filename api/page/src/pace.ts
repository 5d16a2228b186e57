/** Work that is asked for often and done seldom. */

/** Runs `work` at most every `pace_ms`, and once more after the last time it was asked for. */
export function paced(pace_ms: number, work: () => void): () => void {
  let [timer, done_ms] = [0, -Infinity];
  return () => {
    if (timer !== 0) return;
    const wait = done_ms + pace_ms - performance.now();
    timer = window.setTimeout(
      () => {
        [timer, done_ms] = [0, performance.now()];
        work();
      },
      Math.max(0, wait),
    );
  };
}
