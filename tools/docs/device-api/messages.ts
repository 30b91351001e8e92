import {
  CommandMessage,
  CommandReply,
  type DEVICE_TOPICS,
  EventMessage,
  TelemetryMessage,
  TimeReply,
  TimeRequest,
  TwinDelta,
  TwinReport,
  TwinState,
} from '@muster/contract';
import type { TSchema } from 'typebox';

/** One message of the device API as the page shows it. Its topic stands in DEVICE_TOPICS under the same key. */
export interface DocumentedMessage {
  readonly title: string;
  readonly text: string;
  /** Null: an empty payload. */
  readonly schema: TSchema | null;
  /** Hold to the schema; the page is not made when one does not. */
  readonly examples: readonly object[];
  /** Method and path; null where HTTP has no such message. */
  readonly http: string | null;
  /** `type` of its WebSocket frame, or of the frame that answers; null where there is none. */
  readonly frame: string | null;
  /** When the acknowledgement leaves, or what answers. */
  readonly acknowledged: string;
}

const COMMAND_ID = '019abf4e-7c00-7a3b-8d2e-5f6a7b8c9d0e';
const AT = 1_764_230_400_000;
const TWIN = {
  desired: { interval: 60 },
  desiredVersion: 4,
  reported: { interval: 30, firmware: '1.2.0' },
  reportedVersion: 9,
  delta: { interval: 60 },
};
const STORED = 'When the commit that holds it returned.';

export const DEVICE_MESSAGES: Readonly<Record<keyof typeof DEVICE_TOPICS, DocumentedMessage>> = {
  telemetry: {
    title: 'Measurements',
    text:
      'Values of one instant in `values`, or of several in `points`. A value is a number, a boolean, a string, an ' +
      'object, or a position (`{"latitude", "longitude"}`, with `altitude` in metres if you like). The first value ' +
      'of a series decides its kind. Units come from the profile of the device, never from the message. A message is ' +
      'taken whole or not at all.',
    schema: TelemetryMessage,
    examples: [
      { values: { temperature: 21.5, humidity: 40 } },
      {
        seq: 1042,
        points: [
          { at: AT, values: { temperature: 21.5 } },
          { at: AT + 60_000, values: { temperature: 21.7, place: { latitude: 21.03, longitude: 105.85 } } },
        ],
      },
    ],
    http: 'POST /device/v1/telemetry',
    frame: 'telemetry',
    acknowledged: `${STORED} The same number sent again is acknowledged and stored once.`,
  },
  event: {
    title: 'Events',
    text: 'Something that happened, with words or data: a door that opened, a fault. Not a measurement.',
    schema: EventMessage,
    examples: [{ seq: 7, name: 'door.opened', level: 'info', data: { by: 'key 3' } }],
    http: 'POST /device/v1/events',
    frame: 'event',
    acknowledged: STORED,
  },
  twinGet: {
    title: 'Ask for the twin',
    text: 'The answer is the next message, `twin`; over MQTT 5 it goes to the response topic when that is your own.',
    schema: null,
    examples: [],
    http: 'GET /device/v1/twin',
    frame: 'twinGet',
    acknowledged: 'When the answer was sent.',
  },
  twinReport: {
    title: 'Report what the device is',
    text:
      'A change to the reported half as a merge patch (RFC 7396): what is not named stays, null removes. Over HTTP ' +
      'and WebSocket the answer is the twin after it.',
    schema: TwinReport,
    examples: [{ reported: { interval: 60, firmware: '1.2.0', oldField: null } }],
    http: 'PATCH /device/v1/twin',
    frame: 'twinReport',
    acknowledged: STORED,
  },
  commandReply: {
    title: 'Answer a command',
    text:
      '`acked`: the device has it. `progress`: how far it is. `confirmed`, `rejected` and `failed` end it, once: ' +
      'what comes after the end is taken and changes nothing. Over HTTP the id stands in the path and not in the body.',
    schema: CommandReply,
    examples: [
      { commandId: COMMAND_ID, state: 'acked' },
      { commandId: COMMAND_ID, state: 'confirmed', result: { blinked: 3 } },
      { commandId: COMMAND_ID, state: 'failed', error: { code: 'LAMP_BROKEN', message: 'The lamp draws no current.' } },
    ],
    http: 'POST /device/v1/commands/{commandId}/reply',
    frame: 'commandReply',
    acknowledged: STORED,
  },
  timeGet: {
    title: 'Ask for the time',
    text: 'Over HTTP `sentAt` stands in the query. The answer is `time`.',
    schema: TimeRequest,
    examples: [{ sentAt: AT }],
    http: 'GET /device/v1/time?sentAt={sentAt}',
    frame: 'time',
    acknowledged: 'At once, with the answer.',
  },
  twin: {
    title: 'The twin',
    text: 'What is wanted of the device, and what it said it is. Versions only grow.',
    schema: TwinState,
    examples: [TWIN],
    http: 'GET /device/v1/twin',
    frame: 'ack',
    acknowledged: 'Answers `twinGet`.',
  },
  twinDelta: {
    title: 'What the device has yet to do',
    text:
      'The fields of the desired half that the reported half does not show. Sent when somebody changes them, and ' +
      'when the device subscribes while some are open. Do it, then report: what is reported leaves the delta.',
    schema: TwinDelta,
    examples: [{ version: 4, delta: { interval: 60 } }],
    http: null,
    frame: 'twinDelta',
    acknowledged: 'None; the report is the answer. The newest replaces those before it.',
  },
  command: {
    title: 'A command',
    text:
      'Do it, then answer with its `commandId`. The same id again is the same command: do it once, answer again. ' +
      'It is not sent twice when its class is `act` or `slow`. MQTT 5 carries the response topic and, as correlation ' +
      'data, the id. Over HTTP, ask with `?waitMs=` up to 30,000; 204 means that none came. Two are of the server itself: ' +
      '`replaceToken` with `{ token, graceEndsAt }`, told at each connect until the new token was used (store it, answer, ' +
      'connect anew with it), and `factoryReset`, when the device is decommissioned (answer, then forget everything).',
    schema: CommandMessage,
    examples: [
      { commandId: COMMAND_ID, name: 'blink', args: { times: 3 }, deadlineAt: AT, deadlineMs: 9_800, attempt: 1 },
    ],
    http: 'GET /device/v1/commands',
    frame: 'command',
    acknowledged: '`commandReply` with `acked`, or the end at once. Without an end before the deadline: `unknown`.',
  },
  time: {
    title: 'The time',
    text: 'Half of what passed since `sentAt`, added to `serverAt`, is the time now, as well as it can be known.',
    schema: TimeReply,
    examples: [{ serverAt: AT + 40, sentAt: AT }],
    http: 'GET /device/v1/time',
    frame: 'ack',
    acknowledged: 'Answers `timeGet`.',
  },
  refused: {
    title: 'What was refused',
    text:
      'For MQTT 3.1.1 and for QoS 0, which have no reason codes: `{"topic", "code", "message"}` for each message ' +
      'that was not taken, while the device subscribes to it. HTTP and WebSocket answer with the code instead.',
    schema: null,
    examples: [],
    http: null,
    frame: 'error',
    acknowledged: 'None.',
  },
};
