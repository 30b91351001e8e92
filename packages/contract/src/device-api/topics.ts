/**
 * MQTT topics of a device. `{me}` is its device id or the word `me`. Up: the device publishes. Down: it subscribes.
 * The HTTP paths and the `type` of WebSocket frames carry the same messages.
 */
export const DEVICE_TOPICS = {
  telemetry: { direction: 'up', topic: 'devices/{me}/telemetry' },
  event: { direction: 'up', topic: 'devices/{me}/events' },
  twinGet: { direction: 'up', topic: 'devices/{me}/twin/get' },
  twinReport: { direction: 'up', topic: 'devices/{me}/twin/report' },
  commandReply: { direction: 'up', topic: 'devices/{me}/commands/reply' },
  timeGet: { direction: 'up', topic: 'devices/{me}/time/get' },
  twin: { direction: 'down', topic: 'devices/{me}/twin' },
  twinDelta: { direction: 'down', topic: 'devices/{me}/twin/delta' },
  command: { direction: 'down', topic: 'devices/{me}/commands' },
  time: { direction: 'down', topic: 'devices/{me}/time' },
  /** A refused message over MQTT 3.1.1, which has no reason codes: `{ topic, code, message }`. */
  refused: { direction: 'down', topic: 'devices/{me}/refused' },
} as const;

/** Topics below this are the device's own: for anything else between its clients and operators, with QoS and retain. */
export const APP_TOPIC = 'devices/{me}/app/';
