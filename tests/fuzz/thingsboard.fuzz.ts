import { bug, TelemetryMessage } from '@muster/contract';
import { Compile } from 'typebox/compile';
import {
  answerAttributes,
  parsePayload,
  readThingsBoardTelemetry,
  worthOf,
} from '../../packages/server/src/gateway/device/index.ts';
import { pointsOf } from '../../packages/server/src/telemetry/points.ts';
import { defineFuzz } from './define.ts';
import { EMPTY_TWIN } from './inputs/empty-twin.ts';
import { mutateJson } from './inputs/mutate.ts';

const NOW = 1_800_000_000_000;
const SEEDS = [
  { temperature: 21.5, on: true, name: 'x' },
  { ts: NOW, values: { temperature: 21.5, nested: { a: [1] } } },
  [{ a: 1 }, { ts: NOW - 1, values: { b: 2 } }],
  { clientKeys: 'a,b', sharedKeys: 'c' },
  { sharedKeys: '' },
];
const twin = { ...EMPTY_TWIN, reported: { a: 1, b: { c: 2 } }, desired: { c: true } };
const schema = Compile(TelemetryMessage);

export const target = defineFuzz({
  name: 'thingsboard',
  summary: "measurements and requests for attributes in ThingsBoard's words",
  make: (random) => mutateJson(random.pick<unknown>(SEEDS), random),
  open: () => ({
    take(input, random) {
      const value = parsePayload(input);
      if (random.chance(0.3)) {
        JSON.stringify(answerAttributes(value, twin));
        return 'taken';
      }
      const message = readThingsBoardTelemetry(value);
      worthOf(message);
      // more values than one of our own messages may hold are refused there
      if (!schema.Check(message)) return 'too many values';
      if (pointsOf(message, NOW, 0).length === 0) throw bug('a message without points was taken');
      return 'taken';
    },
  }),
});
