/**
 * The reply to a device's boot request (`POST …/ota/`) and the activation exchange.
 * Sources: xiaozhi-esp32 2.4.2 `ota.cc`; py-xiaozhi 2.1.1 `device_activator.py`.
 */
export interface OtaReply {
  /** `timestamp` is UTC ms; `timezone_offset` is minutes, added by the device to show local time. */
  server_time: { timestamp: number; timezone_offset: number };
  /** The device's own version with an empty url: nothing to install. Plain dotted digits, the firmware parses them. */
  firmware: { version: string; url: string };
  /** A device that sees this prefers it to the WebSocket. Every member is kept by the device under its name. */
  mqtt?: {
    /** `host:port` */
    endpoint: string;
    client_id: string;
    username: string;
    password: string;
    publish_topic: string;
    subscribe_topic: string;
    /** s */
    keepalive: number;
  };
  /** The url always has an explicit port. */
  websocket: { url: string; token: string; version: number };
  /**
   * Present until the device is active, code and challenge together. The challenge alone asks a device that is active
   * and has a key to prove it once more.
   */
  activation?: { code?: string; message: string; challenge: string; timeout_ms: number };
}

/** Ends the MQTT client id of a Xiaozhi device: `DEVICE-ID:xiaozhi`. */
export const XIAOZHI_CLIENT_SUFFIX = ':xiaozhi';
/** Its two topics, below `devices/{deviceId}/`. It publishes to the first and is sent to on the second, unasked. */
export const XIAOZHI_TOPICS = { up: 'xiaozhi/up', down: 'xiaozhi/down' } as const;

/** What is in the body of `POST …/ota/activate`, wrapped (`{Payload: …}`, Python clients) or not (firmware). */
export interface ActivationProof {
  readonly serialNumber: string;
  readonly challenge: string;
  /** 64 lower-case hex digits */
  readonly hmac: string;
}

/** Reads both forms; `null` for the empty body of a device without a serial number (activation version 1). */
export function readActivationProof(body: unknown): ActivationProof | null {
  const outer = asRecord(body);
  const inner = asRecord(outer.Payload ?? outer.payload ?? outer);
  const { serial_number: serialNumber, challenge, hmac } = inner;
  if (typeof hmac !== 'string' || typeof challenge !== 'string') return null;
  return { serialNumber: typeof serialNumber === 'string' ? serialNumber : '', challenge, hmac: hmac.toLowerCase() };
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
