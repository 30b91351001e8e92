import { type Static, Type } from 'typebox';
import { At, Id, literals, Name, nullable } from './fields.ts';

export const SEVERITIES = ['info', 'minor', 'major', 'critical'] as const;
/** From the least to the most urgent. */
export type Severity = (typeof SEVERITIES)[number];

/** Longest comment of a person on an alert, characters. */
const COMMENT_CHARS = 2_000;
/** Longest span that a rule or a person may set, ms: a year. */
const LONGEST_MS = 366 * 24 * 3_600_000;
const Span = Type.Integer({ minimum: 1_000, maximum: LONGEST_MS, description: 'Milliseconds' });

/** Which devices of the site a rule watches. */
export const RULE_SCOPES = ['site', 'profile', 'tag', 'group', 'device'] as const;
export type RuleScope = (typeof RULE_SCOPES)[number];

const ruleFields = {
  name: Name,
  kind: Type.String({ pattern: '^[a-z0-9-]{1,64}$', description: 'A kind of GET /api/alert-rule-kinds' }),
  params: Type.Record(Type.String(), Type.Unknown(), { description: 'As the schema of the kind says' }),
  severity: literals(SEVERITIES),
  scope: literals(RULE_SCOPES, 'site: every device of the site'),
  scopeValue: nullable(
    Type.String({ minLength: 1, maxLength: 200, description: 'The profile, tag, group id or device id' }),
  ),
  enabled: Type.Boolean(),
  notifiers: Type.Array(Id, { maxItems: 16, uniqueItems: true, description: 'Who is told' }),
  remindMs: nullable(Span),
  escalateMs: nullable(Span),
  escalateTo: nullable(literals(SEVERITIES, 'Severity after escalation; null keeps it')),
  escalateNotifiers: Type.Array(Id, {
    maxItems: 16,
    uniqueItems: true,
    description: 'Who is told from then on as well',
  }),
};

export const AlertRule = Type.Object({
  ruleId: Id,
  siteId: nullable(Id),
  ...ruleFields,
  createdAt: At,
  changedAt: At,
});
export type AlertRule = Static<typeof AlertRule>;
export const AlertRuleList = Type.Object({ rules: Type.Array(AlertRule) });

const { name, kind, ...optionalRuleFields } = ruleFields;
const optionalFields = {
  params: Type.Optional(optionalRuleFields.params),
  severity: Type.Optional(optionalRuleFields.severity),
  scope: Type.Optional(optionalRuleFields.scope),
  scopeValue: Type.Optional(optionalRuleFields.scopeValue),
  enabled: Type.Optional(optionalRuleFields.enabled),
  notifiers: Type.Optional(optionalRuleFields.notifiers),
  remindMs: Type.Optional(optionalRuleFields.remindMs),
  escalateMs: Type.Optional(optionalRuleFields.escalateMs),
  escalateTo: Type.Optional(optionalRuleFields.escalateTo),
  escalateNotifiers: Type.Optional(optionalRuleFields.escalateNotifiers),
};
/** Without `siteId` the rule watches the server itself; only an administrator may make one. */
export const AlertRuleCreate = Type.Object(
  { siteId: Type.Optional(Id), name, kind, ...optionalFields },
  { additionalProperties: false },
);
export type AlertRuleCreate = Static<typeof AlertRuleCreate>;
export const AlertRuleChange = Type.Object(
  { name: Type.Optional(name), ...optionalFields },
  { additionalProperties: false },
);
export type AlertRuleChange = Static<typeof AlertRuleChange>;

export const AlertRuleKind = Type.Object({
  kind: Type.String(),
  title: Type.String(),
  params: Type.Unknown({ description: 'JSON Schema of the params, with defaults' }),
});
export const AlertRuleKindList = Type.Object({ kinds: Type.Array(AlertRuleKind) });

export const ALERT_STATES = ['open', 'closed'] as const;
/** What happened to an alert, in the order in which it may. */
export const ALERT_DEEDS = [
  'opened',
  'suppressed',
  'released',
  'acknowledged',
  'assigned',
  'commented',
  'snoozed',
  'reminded',
  'escalated',
  'undelivered',
  'closed',
] as const;
export type AlertDeed = (typeof ALERT_DEEDS)[number];

export const Alert = Type.Object({
  alertId: Id,
  ruleId: Id,
  ruleKind: Type.String(),
  ruleName: Type.String(),
  siteId: nullable(Id),
  deviceId: nullable(Id),
  subject: Type.String({ description: 'The device id, or the name of a server' }),
  severity: literals(SEVERITIES),
  state: literals(ALERT_STATES),
  fact: Type.String({ description: 'What was seen, with the limit' }),
  openedAt: At,
  closedAt: nullable(At),
  acknowledgedAt: nullable(At),
  acknowledgedBy: nullable(Id),
  assignedTo: nullable(Id),
  snoozedUntil: nullable(At),
  escalatedAt: nullable(At),
  suppressedBy: nullable(Type.String({ description: 'maintenance, or the id of the alert that stands for this one' })),
});
export type Alert = Static<typeof Alert>;
export const AlertList = Type.Object({ alerts: Type.Array(Alert), next: nullable(Id) });
export type AlertList = Static<typeof AlertList>;
export const AlertLogEntry = Type.Object({
  at: At,
  deed: literals(ALERT_DEEDS),
  userId: nullable(Id),
  note: Type.String(),
});
export const AlertDetail = Type.Object({ alert: Alert, log: Type.Array(AlertLogEntry) });
export type AlertDetail = Static<typeof AlertDetail>;

const Comment = Type.String({ minLength: 1, maxLength: COMMENT_CHARS });
export const AlertAcknowledge = Type.Object({ comment: Type.Optional(Comment) }, { additionalProperties: false });
export const AlertComment = Type.Object({ comment: Comment }, { additionalProperties: false });
export const AlertAssign = Type.Object({ userId: nullable(Id) }, { additionalProperties: false });
export const AlertSnooze = Type.Object({ until: At }, { additionalProperties: false });

export const Maintenance = Type.Object({
  maintenanceId: Id,
  siteId: Id,
  deviceId: nullable(Id),
  beginsAt: At,
  endsAt: At,
  reason: Type.String(),
  createdBy: nullable(Id),
});
export type Maintenance = Static<typeof Maintenance>;
export const MaintenanceList = Type.Object({ windows: Type.Array(Maintenance) });
export const MaintenanceCreate = Type.Object(
  {
    siteId: Id,
    deviceId: Type.Optional(Id),
    beginsAt: At,
    endsAt: At,
    reason: Type.Optional(Type.String({ maxLength: COMMENT_CHARS })),
  },
  { additionalProperties: false },
);
export type MaintenanceCreate = Static<typeof MaintenanceCreate>;

const AnyRecord = Type.Record(Type.String(), Type.Unknown());
/** Somebody or something that is told. Its secrets are written and never read. */
export const Notifier = Type.Object({
  notifierId: Id,
  siteId: nullable(Id),
  kind: Type.String({ description: 'A kind of GET /api/notifier-kinds' }),
  name: Name,
  settings: AnyRecord,
  hasSecrets: Type.Boolean(),
  enabled: Type.Boolean(),
  createdAt: At,
});
export type Notifier = Static<typeof Notifier>;
export const NotifierList = Type.Object({ notifiers: Type.Array(Notifier) });
export const NotifierCreate = Type.Object(
  {
    siteId: Type.Optional(Id),
    kind: Type.String({ pattern: '^[a-z0-9-]{1,64}$' }),
    name: Name,
    settings: Type.Optional(AnyRecord),
    secrets: Type.Optional(AnyRecord),
    enabled: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type NotifierCreate = Static<typeof NotifierCreate>;
export const NotifierChange = Type.Object(
  {
    name: Type.Optional(Name),
    settings: Type.Optional(AnyRecord),
    secrets: Type.Optional(AnyRecord),
    enabled: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type NotifierChange = Static<typeof NotifierChange>;
export const NotifierKindList = Type.Object({
  kinds: Type.Array(
    Type.Object({ kind: Type.String(), title: Type.String(), settings: Type.Unknown(), secrets: Type.Unknown() }),
  ),
});
export const NotifierTestReply = Type.Object({
  delivered: Type.Boolean(),
  detail: Type.String({ description: 'What the receiver answered, or why it was not reached' }),
});
export type NotifierTestReply = Static<typeof NotifierTestReply>;

export const NOTIFICATION_STATES = ['pending', 'sent', 'dead'] as const;
export const Notification = Type.Object({
  notificationId: Id,
  alertId: Id,
  notifierId: Id,
  deed: literals(ALERT_DEEDS),
  state: literals(NOTIFICATION_STATES),
  attempts: Type.Integer({ minimum: 0 }),
  nextTryAt: nullable(At),
  lastError: nullable(Type.String()),
  createdAt: At,
  sentAt: nullable(At),
});
export type Notification = Static<typeof Notification>;
export const NotificationList = Type.Object({ notifications: Type.Array(Notification) });

export const HEALTH_PARTS = ['link', 'freshness', 'errors', 'resources', 'commands', 'safety'] as const;
export type HealthPart = (typeof HEALTH_PARTS)[number];
export const HEALTH_STATES = ['unknown', 'good', 'fair', 'poor', 'critical'] as const;
const Score = nullable(Type.Number({ minimum: 0, maximum: 100, description: 'null: nothing is known' }));
/** docs/design/alerts.md says how each part is scored. */
export const DeviceHealth = Type.Object({
  deviceId: Id,
  score: Score,
  state: literals(HEALTH_STATES, 'critical exactly while a critical alert is open'),
  limitedBy: nullable(literals(HEALTH_PARTS, 'The part with the lowest score')),
  parts: Type.Array(Type.Object({ part: literals(HEALTH_PARTS), score: Score, fact: Type.String() })),
  at: At,
});
export type DeviceHealth = Static<typeof DeviceHealth>;
