/** Time as the fleet uses it. A VirtualClock has this shape. Instants are epoch ms, spans are ms. */
export interface FleetClock {
  now(): number;
  monotonic(): number;
  /** Runs `task` once after `ms`; the function returned cancels it. */
  after(ms: number, task: () => void): () => void;
}

export const wallClock: FleetClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};
