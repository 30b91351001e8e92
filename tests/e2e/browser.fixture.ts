import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
/** For tests that need Debian's Chromium: why they are left out without it, else false. */
export const withoutBrowser = existsSync(CHROMIUM) ? false : 'Chromium is not installed: apt-get install chromium';

/** With PICTURES=DIR a test keeps pictures of the pages, to look at. */
const pictures = process.env.PICTURES;
const LIMIT_MS = 20_000;

export async function startBrowser(): Promise<Browser> {
  if (pictures !== undefined) await mkdir(pictures, { recursive: true });
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}

/** A page of somebody who was never here. A script that fails ends the test. */
export async function openPage(
  browser: Browser,
  options: BrowserContextOptions,
): Promise<{ readonly page: Page; readonly context: BrowserContext }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT_MS);
  page.on('pageerror', (error) => assert.fail(error));
  return { page, context };
}

export async function picture(page: Page, name: string): Promise<void> {
  if (pictures !== undefined) await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}
