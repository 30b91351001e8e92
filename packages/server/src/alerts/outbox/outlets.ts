import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import type { LookupFunction } from 'node:net';
import { MusterError } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { unlessAborted } from '../../platform/deadline.ts';
import { createSmtp, type ServerMail } from '../../platform/mail/index.ts';
import type { AlertsConfig } from '../config.ts';
import { type Mail, notTaken, type Outlets, type WebRequest } from '../notifiers/define.ts';
import { type Address, addressOf } from './address-guard.ts';

/** What is read of an answer, characters. */
const ANSWER_CHARS = 2_000;

/** The ways out over real sockets. */
export function createOutlets(
  config: AlertsConfig,
  clock: Clock,
  publish: Outlets['publish'],
  serverMail: ServerMail | null = null,
): Outlets {
  return {
    now: () => clock.now(),
    telegramUrl: config.telegramUrl,
    publish: (to, rest, payload) =>
      publish(to, rest, payload).catch((cause: unknown) => {
        throw notTaken('The MQTT broker did not take it.', cause);
      }),
    async request(request, signal) {
      const url = URL.parse(request.url);
      if (url === null) throw notTaken('The address is none.');
      if (url.protocol !== 'http:' && url.protocol !== 'https:') throw notTaken('Only http and https are spoken.');
      const allowPrivate = !request.guarded || config.allowPrivateAddresses;
      const address = await unlessAborted(addressOf(url.hostname, allowPrivate), signal);
      return post(url, address, request, signal);
    },
    mail: (mail, signal) => unlessAborted(sendMail(config, serverMail, mail), signal),
  };
}

function post(url: URL, address: Address, { method, headers, body }: WebRequest, signal: AbortSignal) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const fail = (cause: unknown): void => reject(reasonOf(cause));
    // the socket goes to the address that was checked, whatever the name says by now
    const lookup = ((_host, options, done) => {
      if (options.all === true) (done as unknown as (error: null, found: Address[]) => void)(null, [address]);
      else done(null, address.address, address.family);
    }) as LookupFunction;
    const send = url.protocol === 'https:' ? requestTls : requestPlain;
    const length = Buffer.byteLength(body);
    const options = { method, headers: { ...headers, 'content-length': length }, lookup, signal, agent: false };
    const outgoing = send(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (text.length < ANSWER_CHARS) text = (text + chunk).slice(0, ANSWER_CHARS);
        // nothing more is wanted: an endless answer must not be read
        else response.destroy();
      });
      const done = (): void => resolve({ status: response.statusCode ?? 0, text });
      response.on('end', done);
      response.on('close', done);
      response.on('error', fail);
    });
    outgoing.on('error', fail);
    outgoing.end(body);
  });
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
