import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LANGUAGES, type Language, MusterError } from '@muster/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Http } from '../../platform/http/index.ts';
import { type PageName, renderNotice, renderPage } from './pages.ts';

const PATHS: Readonly<Record<string, PageName>> = {
  '/setup': 'setup',
  '/sign-in': 'signIn',
  '/invitation': 'invitation',
  '/reset': 'reset',
  '/confirm': 'confirm',
  '/account': 'account',
};
const FILES: Readonly<Record<string, string>> = { 'pages.js': 'text/javascript', 'style.css': 'text/css' };
/** Scripts and style are files of ours; nothing stands in the page itself, and nothing comes from elsewhere. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** The small pages behind the links of accounts, until the dashboard serves them. `?lang=` chooses another language. */
export function pageRoutes(app: Http, deps: { readonly setupOpen: () => Promise<boolean> }): void {
  const schema = { hide: true };
  const config = { action: 'account.begin' } as const;

  for (const [path, name] of Object.entries(PATHS)) {
    app.get(path, { config, schema }, async (request, reply) => {
      const page = renderPage(name, languageOf(request), name === 'setup' && (await deps.setupOpen()));
      return sendPage(reply, page);
    });
  }

  for (const [file, type] of Object.entries(FILES)) {
    const text = readFileSync(join(import.meta.dirname, 'browser', file), 'utf8');
    app.get(`/pages/${file}`, { config, schema }, async (_request, reply) =>
      reply.header('cache-control', 'no-cache').type(`${type}; charset=utf-8`).send(text),
    );
  }
}

/** In place of an error, for people whom the identity provider sends here. */
export function sendNotice(
  request: FastifyRequest,
  reply: FastifyReply,
  error: { readonly code: string; readonly status: number },
  provider: { readonly name: string; readonly contact: string | null },
): FastifyReply {
  return sendPage(reply.status(error.status), renderNotice(languageOf(request), error, provider));
}

function sendPage(reply: FastifyReply, page: string): FastifyReply {
  return reply
    .header('content-security-policy', POLICY)
    .header('cache-control', 'no-store')
    .header('vary', 'accept-language')
    .type('text/html; charset=utf-8')
    .send(page);
}

const isLanguage = (tag: string | undefined): tag is Language => LANGUAGES.some((language) => language === tag);

/** What the address asks for, else the first language of the browser that there are words in. */
function languageOf({ query, headers }: FastifyRequest): Language {
  const { lang } = query as { readonly lang?: unknown };
  if (typeof lang === 'string') {
    if (isLanguage(lang)) return lang;
    throw new MusterError('REQUEST_INVALID', {}, { say: `lang is one of ${LANGUAGES.join(', ')}.` });
  }
  const wanted = (headers['accept-language'] ?? '').split(',').map((tag) => tag.trim().slice(0, 2).toLowerCase());
  return wanted.find(isLanguage) ?? 'en';
}
