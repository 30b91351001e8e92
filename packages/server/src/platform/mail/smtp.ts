import { isIP } from 'node:net';
import { MusterError } from '@muster/contract';
import { createTransport, type Transporter } from 'nodemailer';
import type { MailConfig } from './config.ts';

export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /** TLS from the start rather than STARTTLS. */
  readonly secure: boolean;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** A mail server and who sends by it. */
export interface ServerMail {
  readonly server: SmtpServer;
  readonly from: string;
}

/** The mail server of the configuration; null when there is none, or when mails are to go into a directory. */
export function serverMailOf({ url, dir, from }: MailConfig): ServerMail | null {
  return url === undefined || dir !== undefined ? null : { server: readSmtpUrl(url), from };
}

/** Parts of `smtp://user:password@host:port`. Takes no query: nodemailer would let one switch off the check of certificates. */
export function readSmtpUrl(text: string): SmtpServer {
  const url = URL.parse(text);
  const secure = url?.protocol === 'smtps:';
  if (url === null || url.hostname === '' || url.search !== '' || !(secure || url.protocol === 'smtp:'))
    throw new MusterError('CONFIG_INVALID', {}, { say: 'mail.url must be smtp://host:port or smtps://host:port.' });
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    ...(url.username === ''
      ? {}
      : { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }),
  };
}

/**
 * A way to a mail server. Certificates are checked always; without TLS it says nothing to another machine than this one.
 * `waitMs` is the longest wait for each answer.
 */
export function createSmtp(server: SmtpServer, waitMs: number): Transporter {
  const { host, port, secure, user, password } = server;
  return createTransport({
    host,
    port,
    secure,
    requireTLS: !secure && !isThisMachine(host),
    tls: { rejectUnauthorized: true, minVersion: 'TLSv1.2' },
    connectionTimeout: waitMs,
    greetingTimeout: waitMs,
    socketTimeout: waitMs,
    dnsTimeout: waitMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
  });
}

const isThisMachine = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
