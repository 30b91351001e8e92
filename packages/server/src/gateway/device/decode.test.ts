import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventMessage, TelemetryMessage } from '@muster/contract';
import { reader } from './decode.ts';

test('a message that differs is told which field, and which fields there are', () => {
  const telemetry = reader(TelemetryMessage);
  const says = (message: string) => ({ code: 'MESSAGE_INVALID', message });
  assert.throws(
    () => telemetry({ temperature: 21.5 }),
    says('"temperature" is none of its fields (stream, seq, at, values, points).'),
  );
  assert.throws(
    () => telemetry({ points: [{ values: { t: 1 }, seq: 1 }] }),
    says('"points.0.seq" is none of its fields.'),
  );
  assert.throws(() => telemetry({ values: { t: 1 }, at: 'now' }), says('at must be integer.'));
  assert.throws(() => reader(EventMessage)({ data: {} }), says('The message has no name.'));
  assert.deepEqual(telemetry({ values: { temperature: 21.5 } }), { values: { temperature: 21.5 } });
});
