import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { MusterError } from '@muster/contract';
import { type NotifierSubject, notifierConformance, type TestLetter } from '@muster/testkit';
import { systemClock } from '../../platform/clock.ts';
import { readSettings } from '../../platform/settings.ts';
import { alertsConfig } from '../config.ts';
import { createOutlets } from '../outbox/outlets.ts';
import type { Letter, Notifier, Outlets } from './define.ts';
import { notifiers } from './index.gen.ts';

const SECRET = '123456:aSecretThatNobodyShallSee';

function kind(name: string): Notifier {
  const notifier = notifiers.find((one) => one.kind === name);
  assert.ok(notifier !== undefined, name);
  return notifier;
}

function letterOf({ notificationId, title, text }: TestLetter): Letter {
  const ids = {
    alertId: notificationId,
    ruleId: notificationId,
    siteId: 'site',
    deviceId: 'device',
    subject: 'device',
  };
  const rest = {
    ruleKind: 'threshold',
    ruleName: 'Too hot',
    severity: 'major',
    state: 'open',
    fact: text,
    openedAt: 1,
  } as const;
  const nothing = {
    closedAt: null,
    acknowledgedAt: null,
    acknowledgedBy: null,
    assignedTo: null,
    snoozedUntil: null,
    escalatedAt: null,
    suppressedBy: null,
  };
  return {
    notificationId,
    title,
    text,
    note: text,
    deed: 'opened',
    subjectName: 'Oven',
    alert: { ...ids, ...rest, ...nothing },
  };
}

function outletsOf(flags: readonly string[], publish: Outlets['publish'] = async () => undefined): Outlets {
  const all = ['--allowedAddresses', '127.0.0.1', ...flags];
  return createOutlets(readSettings(alertsConfig, { environment: {}, flags: all }), systemClock, publish);
}

type Fault = Parameters<NotifierSubject['setFault']>[0];

/** A receiver on a socket of its own. `serve` answers unless it shall hang. */
async function receiver(server: Server, sockets: Set<Socket>) {
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { port: (server.address() as AddressInfo).port, close };
}

async function httpSubject(
  name: string,
  make: (url: string) => { settings: object; secrets: object; flags?: readonly string[] },
): Promise<NotifierSubject> {
  const received: string[] = [];
  let fault: Fault = null;
  const server = createServer((request: IncomingMessage, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      if (fault === 'hanging') return;
      if (fault === 'refusing') response.statusCode = 403;
      else received.push(body);
      response.end('what the receiver says');
    });
  });
  const { port, close } = await receiver(server, new Set());
  const { settings, secrets, flags = [] } = make(`http://127.0.0.1:${port}`);
  const notifier = kind(name);
  const outlets = outletsOf(flags);
  const to = {
    siteId: 'site',
    settings: notifier.read('settings', settings as Record<string, unknown>),
    secrets: notifier.read('secrets', secrets as Record<string, unknown>),
  };
  return {
    remote: true,
    secret: SECRET,
    received: () => received,
    send: (letter, signal) => notifier.send(letterOf(letter), to, outlets, signal),
    async setFault(next) {
      fault = next;
      if (next === 'gone') await close();
    },
    close,
  };
}

/** Enough of SMTP (RFC 5321) for one mail a connection. */
async function emailSubject(): Promise<NotifierSubject> {
  const received: string[] = [];
  let fault: Fault = null;
  const server = createTcpServer((socket) => {
    let mail: string | null = null;
    let rest = '';
    const say = (line: string): void => void (fault === 'hanging' || socket.write(`${line}\r\n`));
    say('220 test');
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (mail !== null) {
          if (line !== '.') mail += `${line}\n`;
          else {
            received.push(mail);
            mail = null;
            say('250 taken');
          }
        } else if (/^DATA/i.test(line)) {
          mail = '';
          say('354 go on');
        } else if (/^RCPT/i.test(line)) say(fault === 'refusing' ? '550 no such person' : '250 ok');
        else say(/^QUIT/i.test(line) ? '221 bye' : '250 ok');
      }
    });
  });
  const { port, close } = await receiver(server, new Set());
  const outlets = outletsOf(['--smtp.host', '127.0.0.1', '--smtp.port', String(port)]);
  const notifier = kind('email');
  const to = { siteId: 'site', settings: notifier.read('settings', { to: ['a@example.org'] }), secrets: {} };
  return {
    remote: true,
    secret: null,
    received: () => received,
    send: (letter, signal) => notifier.send(letterOf(letter), to, outlets, signal),
    async setFault(next) {
      fault = next;
      if (next === 'gone') await close();
    },
    close,
  };
}

async function mqttSubject(): Promise<NotifierSubject> {
  const received: string[] = [];
  let fault: Fault = null;
  const outlets = outletsOf([], async (_to, _rest, payload) => {
    if (fault !== null) throw new MusterError('DATABASE_UNAVAILABLE');
    received.push(payload);
  });
  const to = { siteId: 'site', settings: {}, secrets: {} };
  return {
    remote: false,
    secret: null,
    received: () => received,
    send: (letter, signal) => kind('mqtt').send(letterOf(letter), to, outlets, signal),
    setFault: async (next) => {
      fault = next;
    },
    close: async () => undefined,
  };
}

notifierConformance('webhook', true, () =>
  httpSubject('webhook', (url) => ({ settings: { url }, secrets: { signingKey: SECRET } })),
);
notifierConformance('ntfy', true, () =>
  httpSubject('ntfy', (server) => ({ settings: { server, topic: 'alerts' }, secrets: { token: SECRET } })),
);
notifierConformance('telegram', true, () =>
  httpSubject('telegram', (url) => ({
    settings: { chatId: '42' },
    secrets: { botToken: SECRET },
    flags: ['--telegramUrl', url],
  })),
);
notifierConformance('email', true, emailSubject);
notifierConformance('mqtt', false, mqttSubject);

describe('notifiers', () => {
  it('follow no redirect: it could lead home', async () => {
    let asked = 0;
    const server = createServer((_request, response) => {
      asked += 1;
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    const { port, close } = await receiver(server, new Set());
    const to = { siteId: null, settings: { url: `http://127.0.0.1:${port}/` }, secrets: {} };
    const letter = letterOf({ notificationId: 'n', title: '', text: '' });
    await assert.rejects(kind('webhook').send(letter, to, outletsOf([]), AbortSignal.timeout(5_000)), {
      message: /302/,
    });
    assert.equal(asked, 1);
    await close();
  });

  it('read no endless answer', async () => {
    const server = createServer((_request, response) => {
      const more = (): void => {
        if (response.destroyed) return;
        response.write('x'.repeat(10_000));
        setImmediate(more);
      };
      more();
    });
    const { port, close } = await receiver(server, new Set());
    const to = { siteId: null, settings: { url: `http://127.0.0.1:${port}/` }, secrets: {} };
    const letter = letterOf({ notificationId: 'n', title: '', text: '' });
    assert.equal(await kind('webhook').send(letter, to, outletsOf([]), AbortSignal.timeout(5_000)), 'answered 200');
    await close();
  });
});
