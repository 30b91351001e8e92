import { SHAPES } from '../../packages/server/src/platform/bus/shapes.ts';
import { decodeMessage, isEventName } from '../../packages/server/src/platform/bus/wire.ts';
import { defineFuzz } from './define.ts';
import { mutateJson } from './inputs/mutate.ts';

const ID = '01900000-0000-7000-8000-000000000001';
const device = { deviceId: ID, siteId: ID };
const SEEDS = [
  { name: 'device.connected', event: device },
  { name: 'device.refused', event: { ...device, code: 'MESSAGE_INVALID', count: 3 } },
  {
    name: 'telemetry.stored',
    event: { batches: [{ ...device, receivedAt: 1, points: [{ series: 't', kind: 'number', at: 1, value: 2 }] }] },
  },
  { name: 'command.queued', event: { deviceId: ID, commandId: ID } },
  {
    name: 'alert.changed',
    event: { alertId: ID, siteId: null, deviceId: ID, severity: 'major', state: 'open', at: 1 },
  },
].map(({ name, event }) => ({ from: ID, name, event }));

export const target = defineFuzz({
  name: 'bus-messages',
  summary: 'what comes over NATS from another server, or from somebody who says so',
  make: (random) => mutateJson(random.pick<unknown>(SEEDS), random),
  open: () => ({
    take(input, random) {
      const message = decodeMessage(input);
      if (typeof message === 'string') return message;
      const { name } = random.pick(SEEDS);
      if (!isEventName(name)) return 'no event';
      return SHAPES[name](message.event) === null ? 'not understood' : 'taken';
    },
  }),
});
