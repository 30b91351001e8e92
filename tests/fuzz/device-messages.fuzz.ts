import { bug, LIMITS } from '@muster/contract';
import type { DeviceInbox } from '../../packages/server/src/gateway/device/inbox.ts';
import { createDeviceApi } from '../../packages/server/src/gateway/device/index.ts';
import { systemClock } from '../../packages/server/src/platform/clock.ts';
import { checkObject, pointsOf } from '../../packages/server/src/telemetry/points.ts';
import { defineFuzz } from './define.ts';
import { EMPTY_TWIN } from './inputs/empty-twin.ts';
import { mutateJson } from './inputs/mutate.ts';

const DEVICE = {
  deviceId: '019a0000-0000-7000-8000-000000000001',
  siteId: 's',
  name: '',
  profile: null,
  simulated: true,
};
const COMMAND = '019a0000-0000-7000-8000-000000000002';
const NOW = 1_800_000_000_000;
const OLDEST = NOW - 90 * 86_400_000;

/** What a message is meant to be, and valid ones. */
const SEEDS = [
  {
    values: { temperature: 21.5, on: true, mode: 'eco', at: { latitude: 1, longitude: 2, altitude: 3 } },
    at: NOW,
    seq: 1,
    stream: 'main',
  },
  { points: [{ at: NOW - 1_000, values: { a: 1 } }, { values: { b: { c: [1, 2, { d: null }] } } }] },
  { name: 'door/opened', level: 'warning', data: { who: 'nobody', at: [1, 2] }, seq: 3 },
  { reported: { led: { on: true }, version: '1.2', gone: null } },
  { commandId: COMMAND, state: 'confirmed', result: { blinked: 3 }, progress: 0.5 },
  { commandId: COMMAND, state: 'failed', error: { code: 'JAMMED', message: 'It is stuck.' } },
  { sentAt: NOW },
];
const KINDS = ['telemetry', 'telemetry', 'event', 'twin', 'reply', 'reply', 'time'] as const;

export const target = defineFuzz({
  name: 'device-messages',
  summary: 'measurements, events, twins, answers to commands and time of the device API, to the points that are stored',
  // the first byte says what it is meant to be, as a topic does
  make(random) {
    const nth = random.below(SEEDS.length);
    const meant = random.chance(0.9) ? nth : random.below(SEEDS.length);
    return Buffer.concat([Buffer.from([meant]), mutateJson(SEEDS[nth], random)]);
  },
  open() {
    const inbox: DeviceInbox = {
      authenticate: async () => null,
      identify: async () => null,
      heard: () => undefined,
      async telemetry(_device, message) {
        for (const { at, series, value } of pointsOf(message, NOW, OLDEST)) {
          if (!Number.isSafeInteger(at) || series === '' || value === null) throw bug('a point makes no sense');
        }
      },
      async event(_device, { data }) {
        if (data !== undefined) checkObject(data, 'data');
      },
      twin: async () => EMPTY_TWIN,
      reportTwin: async () => EMPTY_TWIN,
      commandReply: async () => undefined,
      refused: () => undefined,
      opened: () => bugInbox(),
    };
    const api = createDeviceApi(inbox, systemClock);
    return {
      async take(input, random) {
        const spend = (messages: number): void => {
          if (messages < 0 || messages > LIMITS.deviceMessageBytes) throw bug('a message is worth too much');
        };
        const payload = input.subarray(1);
        switch (KINDS[input[0] ?? 0]) {
          case 'event':
            await api.event(DEVICE, payload);
            break;
          case 'twin':
            await api.twinReport(DEVICE, payload);
            break;
          case 'reply':
            await api.commandReply(DEVICE, payload, random.chance(0.5) ? COMMAND : undefined);
            break;
          case 'time':
            api.time(payload);
            break;
          default:
            await api.telemetry(DEVICE, payload, spend);
        }
        return 'taken';
      },
    };
  },
});

function bugInbox(): never {
  throw bug('nobody asks for this here');
}
