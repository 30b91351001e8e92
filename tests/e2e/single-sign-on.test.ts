import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type TestServer } from '@muster/server/testing';
import { Secret, TOTP } from 'otpauth';
import type { Browser, Page } from 'playwright-core';
import {
  CLIENT,
  type StubProvider,
  startStubProvider,
} from '../../packages/server/src/accounts/oidc/provider.fixture.ts';
import { openPage, picture, withoutBrowser as skip, startBrowser } from './browser.fixture.ts';

/** Single sign-on in a browser, with its rules for cookies: the provider is another site. Debian's Chromium. */
let muster: TestServer;
let provider: StubProvider;
let origin: string;
let browser: Browser;

before(async () => {
  if (skip !== false) return;
  provider = await startStubProvider();
  muster = await startTestServer({
    flags: [
      `--accounts.oidc.issuer=${provider.issuer}`,
      `--accounts.oidc.clientId=${CLIENT.id}`,
      `--accounts.oidc.clientSecret=${CLIENT.secret}`,
      '--accounts.oidc.name=Stub Works',
      '--accounts.oidc.roles=help=support',
    ],
  });
  origin = muster.url.replace('127.0.0.1', 'localhost');
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await muster?.stop();
  await provider?.stop();
});

async function open(path: string): Promise<Page> {
  const { page } = await openPage(browser, { locale: 'en' });
  await page.goto(origin + path);
  return page;
}

const person = { sub: 'one', name: 'Grace', email: 'grace@works.example', email_verified: true, groups: ['help'] };

test('a person signs in with a link on the page, proves again at the provider, and uses an app', { skip }, async () => {
  provider.person = person;
  const page = await open('/sign-in');
  await page.getByRole('link', { name: 'Sign in with Stub Works' }).waitFor();
  await picture(page, 'sso-sign-in');
  await page.getByRole('link', { name: 'Sign in with Stub Works' }).click();
  await page.getByText('Grace · grace@works.example').waitFor();
  assert.equal(new URL(page.url()).pathname, '/account');

  // what somebody without a password can prove themselves by
  await muster.sql('UPDATE sessions SET proved_at = 0');
  await page.getByRole('button', { name: 'Add an authenticator app' }).click();
  provider.person = { ...person, auth_time: Math.floor(Date.now() / 1_000) };
  await page.locator('#prove-sso').waitFor();
  await picture(page, 'sso-prove');
  await page.locator('#prove-sso').click();
  await page.getByText('Grace · grace@works.example').waitFor();
  assert.equal(provider.asked().get('prompt'), 'login');
  await page.getByRole('button', { name: 'Add an authenticator app' }).click();
  await page.locator('#app').waitFor();
  const secret = (await page.locator('#secret').textContent()) ?? '';
  const totp = new TOTP({ secret: Secret.fromBase32(secret) });
  await page.getByLabel('Code of the app').fill(totp.generate());
  await page.locator('#app button').click();
  const recovery = (await page.locator('#codes .codes span').first().textContent()) ?? '';

  const next = await open('/sign-in');
  await next.getByRole('link', { name: 'Sign in with Stub Works' }).click();
  await next.getByLabel('Code of your app, or a recovery code').fill(recovery);
  assert.equal(new URL(next.url()).hash, '', 'what the provider handed over is out of sight');
  await next.locator('#code button').click();
  await next.getByText('Grace · grace@works.example').waitFor();
});

test('who may not come in is told whom to ask', { skip }, async () => {
  provider.person = { ...person, sub: 'two', email: 'nobody@works.example', groups: [] };
  const page = await open('/api/oidc/start');
  await page.getByText('Stub Works knows you, but you may not come in here. Ask whoever runs this server.').waitFor();
  await picture(page, 'sso-refused');
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.getByRole('link', { name: 'Sign in with Stub Works' }).waitFor();
});
