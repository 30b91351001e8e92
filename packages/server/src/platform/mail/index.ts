export { oneLine } from './address.ts';
export { type MailConfig, mailConfig } from './config.ts';
export { createMailer, type Letter, type Mailer } from './mailer.ts';
export { createSmtp, readSmtpUrl, type ServerMail, serverMailOf } from './smtp.ts';
