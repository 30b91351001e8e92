import { MusterError } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { unlessAborted } from '../../platform/deadline.ts';
import { createSmtp, type ServerMail } from '../../platform/mail/index.ts';
import { createOutbound, readAllowed } from '../../platform/outbound/index.ts';
import type { AlertsConfig } from '../config.ts';
import { type Mail, notTaken, type Outlets } from '../notifiers/define.ts';

/** The ways out over real sockets. */
export function createOutlets(
  config: AlertsConfig,
  clock: Clock,
  publish: Outlets['publish'],
  serverMail: ServerMail | null = null,
): Outlets {
  const outbound = createOutbound({ allowed: readAllowed(config.allowedAddresses), failed: notTaken });
  return {
    now: () => clock.now(),
    telegramUrl: config.telegramUrl,
    publish: (to, rest, payload) =>
      publish(to, rest, payload).catch((cause: unknown) => {
        throw notTaken('The MQTT broker did not take it.', cause);
      }),
    request: (request, signal) => outbound.request(request, signal),
    mail: (mail, signal) => unlessAborted(sendMail(config, serverMail, mail), signal),
  };
}

async function sendMail(config: AlertsConfig, serverMail: ServerMail | null, mail: Mail): Promise<string> {
  const { to, subject, text } = mail;
  const { host, from, ...own } = config.smtp;
  const through = host === undefined ? serverMail : { server: { ...own, host }, from };
  if (through === null) throw notTaken('No mail server is set: mail.url or alerts.smtp.host.');
  const transport = createSmtp(through.server, config.sendMs);
  try {
    const info = await transport.sendMail({ from: through.from, to: [...to], subject, text });
    const refused = info.rejected?.length ?? 0;
    if (refused > 0) throw notTaken(`The mail server refused ${refused} of ${to.length}.`);
    return `the mail server took it: ${String(info.response).slice(0, 200)}`;
  } catch (cause) {
    throw reasonOf(cause);
  } finally {
    transport.close();
  }
}

/** In words for the person who tests it. Never the address that a name led to: that would map our network. */
function reasonOf(cause: unknown): MusterError {
  if (cause instanceof MusterError) return cause;
  const { code, name } = cause as NodeJS.ErrnoException;
  return notTaken(`The receiver was not reached (${code ?? name}).`, cause);
}
