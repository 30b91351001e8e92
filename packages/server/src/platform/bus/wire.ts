import { isUtf8 } from 'node:buffer';
import { isDeeper } from '../json-depth.ts';
import type { BusEvents, StoredPoints } from './events.ts';
import { SHAPES } from './shapes.ts';

/** Largest message, bytes: half of what a NATS server takes unless it is told otherwise. */
export const MESSAGE_BYTES = 524_288;
/** Deepest nesting: data of a device event may have our limit, in an event, in a message. */
const DEPTH = 40;

export interface Message {
  /** The server that published it. */
  readonly from: string;
  readonly event: unknown;
}

/** Messages for an event: several for many points. Null in the place of one that is larger than a message may be. */
export function encodeEvent<Name extends keyof BusEvents>(
  from: string,
  name: Name,
  event: BusEvents[Name],
): (Buffer | null)[] {
  if (!isStored(name, event)) return [fit(Buffer.from(JSON.stringify({ from, event })))];
  const head = `{"from":${JSON.stringify(from)},"event":{"batches":[`;
  const room = MESSAGE_BYTES - head.length - 3;
  const messages: (Buffer | null)[] = [];
  let parts: string[] = [];
  let bytes = 0;
  const end = (): void => {
    if (parts.length > 0) messages.push(fit(Buffer.from(`${head}${parts.join(',')}]}}`)));
    parts = [];
    bytes = 0;
  };
  for (const { deviceId, siteId, receivedAt, points } of event.batches) {
    const part = JSON.stringify({ deviceId, siteId, receivedAt, points });
    const more = Buffer.byteLength(part) + 1;
    if (bytes + more > room) end();
    parts.push(part);
    bytes += more;
  }
  end();
  return messages;
}

/** What came over the wire, or why it is nothing: hostile until it is checked. */
export function decodeMessage(data: Uint8Array): Message | 'too large' | 'not understood' {
  if (data.byteLength > MESSAGE_BYTES) return 'too large';
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (!isUtf8(bytes) || isDeeper(bytes, DEPTH)) return 'not understood';
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value !== 'object' || value === null) return 'not understood';
    const { from, event } = value as { from?: unknown; event?: unknown };
    return typeof from === 'string' && from.length <= 64 ? { from, event } : 'not understood';
  } catch (error) {
    if (error instanceof SyntaxError) return 'not understood';
    throw error;
  }
}

export function isEventName(name: string): name is keyof BusEvents {
  return Object.hasOwn(SHAPES, name);
}

function fit(message: Buffer): Buffer | null {
  return message.byteLength > MESSAGE_BYTES ? null : message;
}

function isStored(name: keyof BusEvents, event: unknown): event is { readonly batches: readonly StoredPoints[] } {
  return name === 'telemetry.stored' && event !== null;
}
