import { type Static, Type } from 'typebox';

/** The piece of the configuration for the letters of the server itself. */
export const mailConfig = Type.Object({
  url: Type.Optional(
    Type.String({
      env: 'MAIL_URL',
      secret: true,
      pattern: '^smtps?://[^?#\\s]+$',
      description:
        'Mail server: smtp://user:password@host:587 (STARTTLS is required, unless on this machine) or smtps://…:465; its certificate is always checked',
    }),
  ),
  dir: Type.Optional(
    Type.String({ description: 'For development: write each mail into this directory as an .eml file, send none' }),
  ),
  from: Type.String({
    default: 'Muster <muster@localhost>',
    maxLength: 320,
    description: 'Sender of the mails: an address, or Name <address>',
  }),
  sendMs: Type.Integer({
    minimum: 500,
    maximum: 60_000,
    default: 10_000,
    description: 'Longest wait for each answer of the mail server, ms',
  }),
  attempts: Type.Integer({
    minimum: 1,
    maximum: 20,
    default: 6,
    description: 'Times that a mail is tried, with growing pauses, before it is given up',
  }),
  mostWaiting: Type.Integer({
    minimum: 1,
    maximum: 10_000,
    default: 500,
    description: 'Mails that wait at most; more are refused. They are kept in memory: a stop loses them',
  }),
});
export type MailConfig = Static<typeof mailConfig>;
