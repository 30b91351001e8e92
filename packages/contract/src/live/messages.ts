import { type Static, Type } from 'typebox';
import { Alert } from '../api/alerts.ts';
import { Command } from '../api/commands.ts';
import { At, ErrorReply, Id, literals } from '../api/fields.ts';
import { DeviceEvent } from '../api/telemetry.ts';
import { Twin } from '../api/twins.ts';
import { type PointValue, VALUE_KINDS } from '../device-api/values.ts';

/**
 * What a viewer and Muster say to each other at LIVE_PATH, as text frames of JSON. docs/design/live-feed.md tells the
 * conversation.
 */
const Topic = Type.String({ minLength: 1, maxLength: 200, description: 'A name of the form of LIVE_TOPICS' });
const Epoch = Type.String({ maxLength: 64, description: 'One run of one server: numbers of another mean nothing' });
const Seq = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** The first frame of who could not send a header or a cookie, within 5 s. */
export const LiveHello = Type.Object(
  { type: Type.Literal('hello'), token: Type.String({ minLength: 1, maxLength: 256 }) },
  { additionalProperties: false },
);
export const LiveSubscribe = Type.Object(
  {
    type: Type.Literal('subscribe'),
    topic: Topic,
    /** The last that was seen: what came since follows, or a gap and a new snapshot. */
    from: Type.Optional(Type.Object({ epoch: Epoch, seq: Seq }, { additionalProperties: false })),
  },
  { additionalProperties: false },
);
export const LiveUnsubscribe = Type.Object(
  { type: Type.Literal('unsubscribe'), topic: Topic },
  { additionalProperties: false },
);
export const LiveRequest = Type.Union([LiveHello, LiveSubscribe, LiveUnsubscribe]);
export type LiveRequest = Static<typeof LiveRequest>;

const Items = Type.Array(Type.Unknown(), { description: 'Of the schema that LIVE_TOPICS names for the topic' });

export const LiveFrame = Type.Union([
  /** The viewer is known; topics may be subscribed to. */
  Type.Object({ type: Type.Literal('welcome'), epoch: Epoch, userId: Id }),
  /** Everything as it is after change `seq`. */
  Type.Object({ type: Type.Literal('snapshot'), topic: Topic, epoch: Epoch, seq: Seq, items: Items }),
  /** Change `seq`, the next after the last one. `first`: it stands for all from that one on, the newest of each key. */
  Type.Object({
    type: Type.Literal('change'),
    topic: Topic,
    seq: Seq,
    first: Type.Optional(Seq),
    items: Items,
  }),
  /** Nothing was missed but what follows. */
  Type.Object({ type: Type.Literal('resumed'), topic: Topic, epoch: Epoch, seq: Seq }),
  /** What came since the last that was seen is not kept; a snapshot follows. */
  Type.Object({ type: Type.Literal('gap'), topic: Topic }),
  Type.Object({ type: Type.Literal('unsubscribed'), topic: Topic }),
  /** With `topic`: that one is not, or no longer, subscribed to. */
  Type.Object({
    type: Type.Literal('error'),
    code: ErrorReply.properties.error.properties.code,
    message: Type.String(),
    topic: Type.Optional(Topic),
  }),
]);
export type LiveFrame = Static<typeof LiveFrame>;

export const LivePoint = Type.Object({
  series: Type.String(),
  kind: literals(VALUE_KINDS),
  at: Type.Integer({ description: 'When it was measured, by the clock of the device, epoch ms' }),
  value: Type.Unsafe<PointValue>({ description: 'A number, boolean, string or object, as the kind says' }),
});
export type LivePoint = Static<typeof LivePoint>;
export const LivePresence = Type.Object({ deviceId: Id, connected: Type.Boolean(), at: At });
export type LivePresence = Static<typeof LivePresence>;
export const LiveTwin = Type.Object({ deviceId: Id, ...Twin.properties });
export type LiveTwin = Static<typeof LiveTwin>;

/** The schemas that LIVE_TOPICS names. */
export const LIVE_ITEMS = { LivePoint, LiveTwin, LivePresence, Command, DeviceEvent, Alert } as const;

/** Why the server closed a connection; the reason of the close frame is the error code. 1001: it is stopping. */
export const LIVE_CLOSE_CODES = {
  SERVER_STOPPING: 1001,
  SIGN_IN_REQUIRED: 4001,
  VIEWER_SLOW: 4002,
  MESSAGE_MALFORMED: 4003,
  RATE_LIMITED: 4004,
  INTERNAL: 1011,
} as const;
export type LiveCloseReason = keyof typeof LIVE_CLOSE_CODES;
