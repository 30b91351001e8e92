import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import PostalMime from 'postal-mime';
import { systemClock } from '../../platform/clock.ts';
import { createLogger } from '../../platform/log.ts';
import { createMailer, type Letter, mailConfig } from '../../platform/mail/index.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { readSettings } from '../../platform/settings.ts';
import { type Facts, writeLetter } from './index.ts';
import { words } from './words.ts';

const LINK = 'https://muster.example.com/reset#one&two="three"';
const AT = Date.UTC(2026, 10, 27, 9, 5);
const LANGUAGES = ['en', 'vi', 'ar', 'zh'] as const;
const receiver = { to: 'anh@example.org', language: 'en', timeZone: 'Asia/Ho_Chi_Minh', link: LINK } as const;

const facts: { readonly [Kind in keyof Facts]: Facts[Kind] } = {
  invitation: { inviter: 'Anh', place: 'Quán cà phê', role: 'operator', until: AT },
  passwordReset: { until: AT },
  passwordChanged: { at: AT },
  newSignIn: { at: AT, agent: 'Firefox', address: '2001:db8::1' },
  secondFactorChanged: { at: AT, change: 'passkeyAdded' },
  recoveryCodeUsed: { at: AT, left: 9 },
  emailConfirmation: { until: AT },
  emailChanged: { at: AT, newEmail: 'new@example.org' },
};
const kinds = Object.keys(facts) as (keyof Facts)[];

const dir = await mkdtemp(join(tmpdir(), 'mail-'));
after(() => rm(dir, { recursive: true }));
const settings = readSettings(mailConfig, { environment: {}, flags: ['--dir', join(dir, 'out')] });
const mailer = createMailer(settings, {
  clock: systemClock,
  log: createLogger('silent'),
  metrics: createMetrics(),
});
after(() => mailer.stop());

/** Sends it into the directory and reads the file back as a mail program does. */
async function through(letter: Letter) {
  const before = await readdir(join(dir, 'out')).catch((): string[] => []);
  mailer.send(letter);
  while (mailer.state().waiting > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(mailer.state().failing, null);
  const [name = ''] = (await readdir(join(dir, 'out'))).filter((file) => !before.includes(file));
  const path = join(dir, 'out', name);
  const bytes = await readFile(path);
  return { path, raw: bytes.toString('latin1'), mail: await PostalMime.parse(bytes) };
}

test('every letter in every language says all of its facts in text and in HTML, with the link in both', async () => {
  for (const language of LANGUAGES)
    for (const kind of kinds) {
      const { mail } = await through(writeLetter(kind, facts[kind], { ...receiver, language }));
      const { text = '', html = '' } = mail;
      assert.equal(mail.to?.[0]?.address, 'anh@example.org');
      assert.ok(text.includes(new URL(LINK).href), `${language} ${kind}`);
      assert.ok(html.includes('href="https://muster.example.com/reset#one&amp;two='), `${language} ${kind}`);
      assert.doesNotMatch(`${mail.subject}${text}${html}`, /\{\w+\}/, `${language} ${kind}`);
      assert.doesNotMatch(html, /<img|src=|url\(|<script/i);
      assert.ok(html.includes(`<html lang="${language}" dir="${language === 'ar' ? 'rtl' : 'ltr'}">`));
      for (const part of [text, html]) assert.match(part, /2026/);
    }
});

test('every language fills the same places of each letter', () => {
  const places = (language: (typeof LANGUAGES)[number], kind: keyof Facts) =>
    JSON.stringify(words[language].letters[kind])
      .match(/\{\w+\}/g)
      ?.sort();
  for (const kind of kinds)
    for (const language of LANGUAGES)
      assert.deepEqual(places(language, kind), places('en', kind), `${language} ${kind}`);
});

test('times are told in the time zone of the receiver, with its name', () => {
  const { text } = writeLetter('passwordChanged', facts.passwordChanged, receiver);
  assert.match(text, /November 27, 2026 at 16:05 GMT\+7/);
});

test('a hostile name stays a name: no markup, no header, no turned text, no endless letter', async () => {
  const hostile = [
    '<script>alert(1)</script><img src=x onerror=alert(1)>',
    'Anh\r\nBcc: victim@example.org\r\n\r\nNew body',
    'Anh\u202emoc.live\u2066\u200f\u0000\u001b[2J',
    'x'.repeat(10_000),
    '{place}{until}"\'&',
  ];
  for (const name of hostile) {
    const letter = writeLetter('invitation', { ...facts.invitation, inviter: name, place: name }, receiver);
    const { mail, raw } = await through(letter);
    const { text = '', html = '', subject = '' } = mail;
    assert.doesNotMatch(html, /<script|<img/i);
    assert.doesNotMatch(raw, /^Bcc:/im);
    assert.equal(mail.bcc, undefined);
    assert.equal(mail.to?.length, 1);
    assert.doesNotMatch(subject + text + html, /(?![\n\r\u2068\u2069])[\p{Cc}\p{Cf}]/u);
    assert.ok(subject.length <= 250 && text.length < 3_000, String(subject.length));
    assert.ok(text.includes(new URL(LINK).href));
  }
});

test('a file of a mail is for its owner only', async () => {
  const { path } = await through(writeLetter('passwordReset', facts.passwordReset, receiver));
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test('an address that is a list, a header or none is refused', () => {
  const letter = writeLetter('passwordReset', facts.passwordReset, receiver);
  for (const to of ['a@b.c, d@e.f', 'a@b.c\r\nBcc: d@e.f', '<a@b.c>', 'a', '', '"a b"@c.d', `${'a'.repeat(65)}@b.c`])
    assert.throws(() => mailer.send({ ...letter, to }), { code: 'MAIL_REFUSED' }, to);
});
