import {
  type CommandMessage,
  type JsonObject,
  type JsonValue,
  kindOf,
  type TelemetryMessage,
  type TwinState,
} from '@muster/contract';
import { asObject, invalid } from './decode.ts';

/**
 * ThingsBoard's device API in our words, so that a fleet moves by changing an address. Source: its documents of the MQTT
 * and HTTP device API. Client attributes are the reported half of the twin, shared attributes the desired half.
 */

/** `{"k":v}`, `{"ts":1,"values":{…}}`, or an array of either. Values that no series holds (null, arrays) are left out. */
export function readThingsBoardTelemetry(value: unknown): TelemetryMessage {
  const items = Array.isArray(value) ? value : [value];
  const points = items.map((item) => {
    const object = asObject(item);
    const isTimed = typeof object.ts === 'number' && typeof object.values === 'object' && object.values !== null;
    const values = fitting(isTimed ? asObject(object.values) : object);
    return isTimed ? { at: object.ts as number, values } : { values };
  });
  if (points.length === 0 || points.length > 1_000) throw invalid('The message has no points, or more than 1,000.');
  if (points.some(({ values }) => Object.keys(values).length === 0))
    throw invalid('A point has no value that can be stored.');
  if (points.some(({ at }) => at !== undefined && !Number.isSafeInteger(at)))
    throw invalid('ts is no whole number of milliseconds.');
  return { points };
}

function fitting(values: JsonObject): NonNullable<TelemetryMessage['values']> {
  return Object.fromEntries(Object.entries(values).filter(([, one]) => kindOf(one) !== null)) as NonNullable<
    TelemetryMessage['values']
  >;
}

/** `{"clientKeys":"a,b","sharedKeys":"c"}`: what is asked for of a twin. Without keys everything is meant. */
export function answerAttributes(request: unknown, twin: TwinState): JsonObject {
  const { clientKeys, sharedKeys } = asObject(request);
  const all = clientKeys === undefined && sharedKeys === undefined;
  const client = pick(twin.reported, clientKeys, all);
  const shared = pick(twin.desired, sharedKeys, all);
  return {
    ...(all || clientKeys !== undefined ? { client } : {}),
    ...(all || sharedKeys !== undefined ? { shared } : {}),
  };
}

function pick(half: JsonObject, keys: JsonValue | undefined, all: boolean): JsonObject {
  if (all) return half;
  if (typeof keys !== 'string') return {};
  return Object.fromEntries(
    keys
      .split(',')
      .map((key) => key.trim())
      .filter((key) => Object.hasOwn(half, key))
      .map((key) => [key, half[key] as JsonValue]),
  );
}

/** A command as ThingsBoard's RPC request. Its id there is a number: the device sends back what it was given. */
export function toRpc({ name, args }: CommandMessage): JsonObject {
  return { method: name, params: args };
}
