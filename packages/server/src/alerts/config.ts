import { type Static, Type } from 'typebox';

/** The piece of the configuration for alerts and who is told. */
export const alertsConfig = Type.Object({
  tickMs: Type.Integer({
    minimum: 100,
    maximum: 60_000,
    default: 1_000,
    description: 'How often rules look at the time, and reminders and notifications at what is due, ms',
  }),
  startGraceMs: Type.Integer({
    minimum: 0,
    maximum: 3_600_000,
    default: 60_000,
    description: 'After a start, how long silence raises no alert: devices are on their way back, ms',
  }),
  lateMs: Type.Integer({
    minimum: 1_000,
    maximum: 86_400_000,
    default: 300_000,
    description: 'Points that come later than this after they were measured say nothing about now, ms',
  }),
  mostSubjects: Type.Integer({
    minimum: 1_000,
    maximum: 10_000_000,
    default: 500_000,
    description: 'Pairs of a rule and a device that are watched at most; more are counted and not watched',
  }),
  keepDays: Type.Integer({
    minimum: 1,
    maximum: 3_650,
    default: 365,
    description: 'How long closed alerts are kept, with what was done about them and who was told, days',
  }),
  serverName: Type.Optional(
    Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$', description: 'Name of this server in alerts; default: its host' }),
  ),
  allowedAddresses: Type.Array(Type.String({ maxLength: 255 }), {
    default: [],
    maxItems: 64,
    description:
      'Hosts, addresses and networks (hooks.plant.example, 10.1.0.0/16) that webhooks and ntfy may reach besides the public internet: anybody who may change them could',
  }),
  attempts: Type.Integer({
    minimum: 1,
    maximum: 50,
    default: 8,
    description: 'Times that a notification is tried, with growing pauses, before it is given up',
  }),
  sendMs: Type.Integer({
    minimum: 500,
    maximum: 60_000,
    default: 10_000,
    description: 'Longest wait for a receiver of notifications, ms',
  }),
  telegramUrl: Type.String({
    default: 'https://api.telegram.org',
    pattern: '^https?://',
    description: 'Where the Bot API of Telegram is',
  }),
  smtp: Type.Object({
    host: Type.Optional(Type.String({ description: 'Mail server for e-mails of alerts; default: that of mail.url' })),
    port: Type.Integer({ minimum: 1, maximum: 65_535, default: 587, description: 'Port of the mail server' }),
    secure: Type.Boolean({
      default: false,
      description: 'TLS from the start (465), rather than STARTTLS, which is required unless it is on this machine',
    }),
    user: Type.Optional(Type.String({ description: 'User of the mail server' })),
    password: Type.Optional(Type.String({ secret: true, description: 'Password of the mail server' })),
    from: Type.String({ default: 'muster@localhost', description: 'Sender of e-mails' }),
  }),
});
export type AlertsConfig = Static<typeof alertsConfig>;
