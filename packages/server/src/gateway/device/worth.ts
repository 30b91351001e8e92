import type { TelemetryMessage } from '@muster/contract';

/** Values that cost the server as much as one more message. */
const VALUES_PER_MESSAGE = 2;

/** How many messages a message of measurements counts as, besides itself: against the rate of its device. */
export function worthOf({ values, points = [] }: TelemetryMessage): number {
  let count = values === undefined ? 0 : Object.keys(values).length;
  for (const point of points) count += Object.keys(point.values).length;
  return Math.floor(count / VALUES_PER_MESSAGE);
}
