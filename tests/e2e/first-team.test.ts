import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type AuditList, type Factors, type InvitationCreated, LANGUAGES } from '@muster/contract';
import { startTestServer, TEST_ADMINISTRATOR, type TestServer } from '@muster/server/testing';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { openPage, picture, withoutBrowser as skip, startBrowser } from './browser.fixture.ts';

/**
 * docs/guides/first-team.md in a browser: an invitation, a passkey, signing in with it, an authenticator app. Debian's
 * Chromium with a passkey device in software.
 */
let muster: TestServer;
let origin: string;
let browser: Browser;

before(async () => {
  if (skip !== false) return;
  muster = await startTestServer();
  // passkeys need a name
  origin = muster.url.replace('127.0.0.1', 'localhost');
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await muster?.stop();
});

async function open(language = 'en'): Promise<{ page: Page; context: BrowserContext }> {
  const { page, context } = await openPage(browser, { locale: language, viewport: { width: 900, height: 900 } });
  page.on('console', (message) => {
    const isRefusal = /status of (401|403|404|429)/.test(message.text());
    if (message.type() === 'error' && !isRefusal) assert.fail(message.text());
  });
  const session = await context.newCDPSession(page);
  await session.send('WebAuthn.enable');
  await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return { page, context };
}

test('a second person comes in by invitation, adds a passkey, and signs in with it alone', { skip }, async () => {
  const { page, context } = await open();
  const invited = await muster.call<InvitationCreated>('POST', '/api/invitations', {
    siteId: muster.siteId,
    email: 'bo@example.com',
    role: 'operator',
  });
  await page.goto((invited.link ?? '').replace('127.0.0.1', 'localhost'));
  await page.getByText('Ada invites you to Home. Your role: operator. Your address: bo@example.com.').waitFor();
  await picture(page, 'invitation');
  await page.getByLabel('Your name').fill('Bo <script>alert(1)</script>');
  await page.getByLabel('Password').fill('a long way to the harbour');
  await page.getByRole('button', { name: 'Accept the invitation' }).click();

  await page.getByText('Home: operator').waitFor();
  assert.match(await page.locator('#who').innerText(), /Bo <script>alert\(1\)<\/script> · bo@example\.com/);
  await page.getByLabel('Name of the passkey').fill('Laptop');
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByText('Recovery codes left: 10').waitFor();
  await page.getByText('Laptop').waitFor();
  assert.equal(await page.locator('#codes .codes span').count(), 10);
  await picture(page, 'account');

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await picture(page, 'sign-in');
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.getByText('Home: operator').waitFor();

  // with the password a second step is asked for
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('E-mail').fill('bo@example.com');
  await page.getByLabel('Password').fill('a long way to the harbour');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { name: 'One more step' }).waitFor();
  await picture(page, 'second-step');
  await page.getByRole('button', { name: 'Use your passkey' }).click();
  await page.getByText('Home: operator').waitFor();
  const cookies = await context.cookies();
  assert.deepEqual(
    cookies.map(({ name, httpOnly, sameSite }) => ({ name, httpOnly, sameSite })),
    [{ name: 'muster_session', httpOnly: true, sameSite: 'Strict' }],
  );
  const { entries } = await muster.call<AuditList>('GET', '/api/audit?action=account.signIn&limit=500');
  assert.deepEqual(
    entries.map(({ outcome, after: told }) => [outcome, (told as { by: string }).by]),
    [
      ['succeeded', 'passkey'],
      ['succeeded', 'passkey'],
    ],
  );
  await context.close();
});

test('what asks for a proof opens a dialog, and goes on after it', { skip }, async () => {
  const { page, context } = await open();
  await page.goto(`${origin}/sign-in`);
  await page.getByLabel('E-mail').fill(TEST_ADMINISTRATOR.email);
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByText('E-mail or password is wrong.').waitFor();
  await page.getByLabel('Password').fill(TEST_ADMINISTRATOR.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByText('administrator of this server').waitFor();
  await muster.sql('UPDATE sessions SET proved_at = 0');
  await page.getByRole('button', { name: 'Add an authenticator app' }).click();
  await page.getByRole('heading', { name: 'Is it you?' }).waitFor();
  await picture(page, 'proof');
  await page.locator('#prove').getByLabel('Password').fill(TEST_ADMINISTRATOR.password);
  await page.locator('#prove').getByRole('button', { name: 'Continue' }).click();
  await page.locator('#qr svg').waitFor();
  await picture(page, 'app');
  const factors = await muster.call<Factors>('GET', '/api/me/factors');
  assert.equal(factors.totp, false, 'an app counts once a code of it was typed');
  await context.close();
});

for (const language of LANGUAGES) {
  test(`the pages speak ${language}`, { skip }, async () => {
    const { page, context } = await open(language);
    for (const path of ['/sign-in', '/reset', '/setup', '/invitation?token=x', '/confirm?token=x']) {
      const reply = await page.goto(origin + path);
      assert.equal(reply?.status(), 200, path);
      assert.equal(await page.locator('html').getAttribute('lang'), language, path);
      assert.equal(await page.locator('html').getAttribute('dir'), language === 'ar' ? 'rtl' : 'ltr', path);
      assert.ok(!(reply?.headers()['content-security-policy'] ?? '').includes('unsafe'), path);
      const tooWide = await page.evaluate('document.documentElement.scrollWidth > window.innerWidth');
      assert.equal(tooWide, false, path);
      if (path === '/sign-in') await picture(page, `sign-in-${language}`);
    }
    await context.close();
  });
}
