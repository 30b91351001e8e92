import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { type Clock, systemClock } from '../clock.ts';
import { createLogger } from '../log.ts';
import { createMetrics } from '../metrics.ts';
import { readSettings } from '../settings.ts';
import { createMailer, mailConfig, readSmtpUrl } from './index.ts';

const letter = { to: 'anh@example.org', subject: 'Xin chào', text: 'Chào bạn', html: '<p>Chào bạn</p>' };

/** Pauses are over at once, their lengths are noted. */
function hurried(pauses: number[]): Clock {
  return {
    ...systemClock,
    after(ms, task) {
      pauses.push(ms);
      return systemClock.after(0, task);
    },
  };
}

function mailerOf(flags: readonly string[], clock: Clock = systemClock) {
  const settings = readSettings(mailConfig, { environment: {}, flags: [...flags] });
  const metrics = createMetrics();
  const mailer = createMailer(settings, { clock, log: createLogger('silent'), metrics });
  after(() => mailer.stop());
  const settled = async (): Promise<void> => {
    while (mailer.state().waiting > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  return { mailer, metrics, settled };
}

async function smtpServer(options: SMTPServerOptions = {}) {
  const received: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        received.push(Buffer.concat(chunks).toString());
        done();
      });
    },
    ...options,
  });
  // a client that hangs up over a certificate is what is tested
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { received, port: (server.server.address() as AddressInfo).port };
}

test('a mail arrives at a mail server on this machine, signed in', async () => {
  const seen: unknown[] = [];
  const { port, received } = await smtpServer({
    allowInsecureAuth: true,
    onAuth({ username, password }, _session, done) {
      seen.push([username, password]);
      done(null, { user: username });
    },
  });
  const { mailer, settled } = mailerOf(['--url', `smtp://us%40er:p%2Fw@127.0.0.1:${port}`]);
  mailer.send(letter);
  await settled();
  assert.deepEqual(seen, [['us@er', 'p/w']]);
  assert.equal(received.length, 1);
  assert.match(received[0] ?? '', /^To: anh@example\.org\r$/m);
  assert.match(received[0] ?? '', /^Auto-Submitted: auto-generated\r$/m);
  assert.equal(mailer.state().failing, null);
});

test('nothing is said in the clear to a server elsewhere, nor to one whose certificate nobody vouches for', async () => {
  const plain = await smtpServer();
  // 0.0.0.0 leads to this machine and is not one of its names
  const elsewhere = mailerOf(['--url', `smtp://0.0.0.0:${plain.port}`, '--attempts', '1']);
  elsewhere.mailer.send(letter);
  // smtp-server brings a certificate that it signed itself
  const unknown = await smtpServer({ disabledCommands: [] });
  const selfSigned = mailerOf(['--url', `smtp://127.0.0.1:${unknown.port}`, '--attempts', '1']);
  selfSigned.mailer.send(letter);
  await Promise.all([elsewhere.settled(), selfSigned.settled()]);
  assert.deepEqual([plain.received, unknown.received], [[], []]);
  assert.notEqual(elsewhere.mailer.state().failing, null);
  assert.notEqual(selfSigned.mailer.state().failing, null);
});

test('the check of certificates cannot be switched off in the address', () => {
  assert.throws(() => readSmtpUrl('smtps://mail.example?tls.rejectUnauthorized=false'), { code: 'CONFIG_INVALID' });
  assert.throws(() => mailerOf(['--url', 'smtps://mail.example?tls.rejectUnauthorized=false']), {
    code: 'CONFIG_INVALID',
  });
  assert.deepEqual(readSmtpUrl('smtps://[2001:db8::1]'), { host: '2001:db8::1', port: 465, secure: true });
});

test('what a busy server puts off is tried again with growing pauses, what it refuses is not', async () => {
  const pauses: number[] = [];
  let tries = 0;
  const { port, received } = await smtpServer({
    onRcptTo({ address }, _session, done) {
      tries += 1;
      const final = address.startsWith('gone');
      if (final || tries < 4) done(Object.assign(new Error('no'), { responseCode: final ? 550 : 451 }));
      else done();
    },
  });
  const { mailer, metrics, settled } = mailerOf(['--url', `smtp://127.0.0.1:${port}`], hurried(pauses));
  mailer.send(letter);
  await settled();
  assert.deepEqual(pauses, [5_000, 15_000, 45_000]);
  assert.equal(received.length, 1);
  mailer.send({ ...letter, to: 'gone@example.org' });
  await settled();
  assert.equal(tries, 5);
  assert.equal(mailer.state().failing, 'EENVELOPE 550');
  assert.match(await metrics.registry.metrics(), /muster_mails_total\{outcome="given up"\} 1/);
});

test('a mail server that is gone blocks nobody: the queue ends somewhere and says so', () => {
  const { mailer } = mailerOf(['--url', 'smtp://127.0.0.1:1', '--mostWaiting', '3']);
  for (let count = 0; count < 3; count += 1) mailer.send(letter);
  assert.throws(() => mailer.send(letter), { code: 'MAIL_UNAVAILABLE' });
  assert.equal(mailer.state().waiting, 3);
});

test('without a mail server none is configured', () => {
  const { mailer } = mailerOf([]);
  assert.equal(mailer.configured, false);
  assert.throws(() => mailer.send(letter), { code: 'MAIL_UNAVAILABLE' });
});
