// Knows when this process did not get to run, as on a machine with more work than cores: no promise is about that.

export function watchStalls() {
  const gaps: { readonly from: number; readonly to: number }[] = [];
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    if (now - last > 6) gaps.push({ from: last + 5, to: now });
    last = now;
  }, 5);
  return {
    /** Milliseconds between two moments in which nothing could run. */
    within(from: number, to: number): number {
      return gaps.reduce((sum, gap) => sum + Math.max(0, Math.min(to, gap.to) - Math.max(from, gap.from)), 0);
    },
    stop: () => clearInterval(timer),
  };
}
