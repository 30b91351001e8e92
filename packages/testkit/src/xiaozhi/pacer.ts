/**
 * One timer for every simulated microphone of the process. Frames are due on an absolute schedule (start + n × frame),
 * so a late tick is caught up and the pace never drifts.
 */
interface Stream {
  readonly startAt: number;
  readonly stepMs: number;
  readonly frame: (index: number) => boolean;
  sent: number;
}

/** How often the timer looks, ms: well under the 20 ms of the shortest frame. */
const TICK_MS = 4;

const streams = new Set<Stream>();
let timer: NodeJS.Timeout | null = null;

/**
 * Calls `frame` with 0, 1, 2 … each `stepMs`, the first after one step, until it returns false or the function
 * returned is called. A sound card that fell behind delivers what it has, so late frames come in one go.
 */
export function pace(stepMs: number, frame: (index: number) => boolean): () => void {
  const stream: Stream = { startAt: performance.now(), stepMs, frame, sent: 0 };
  streams.add(stream);
  timer ??= setInterval(tick, TICK_MS);
  return () => remove(stream);
}

function tick(): void {
  const now = performance.now();
  for (const stream of streams) {
    while (streams.has(stream) && stream.startAt + (stream.sent + 1) * stream.stepMs <= now) {
      if (!stream.frame(stream.sent++)) remove(stream);
    }
  }
}

function remove(stream: Stream): void {
  streams.delete(stream);
  if (streams.size > 0 || timer === null) return;
  clearInterval(timer);
  timer = null;
}
