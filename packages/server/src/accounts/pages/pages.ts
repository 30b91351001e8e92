import type { Language } from '@muster/contract';
import { Html, html } from './html.ts';
import { type PageWords, words } from './words/index.ts';

export const PAGES = ['setup', 'signIn', 'invitation', 'reset', 'confirm', 'account'] as const;
export type PageName = (typeof PAGES)[number];

/** A page in a language, whole. What it shows of people comes from the API afterwards, as text. */
export function renderPage(name: PageName, language: Language, setupOpen: boolean): string {
  const own = words[language];
  return frame(name, language, name === 'setup' && !setupOpen ? setupClosed(own) : BODIES[name](own));
}

/** Says why somebody was not let in by the identity provider, and what to do. */
export function renderNotice(
  language: Language,
  { code }: { readonly code: string },
  { name, contact }: { readonly name: string; readonly contact: string | null },
): string {
  const own = words[language];
  const say = code === 'SSO_REFUSED' ? own.ssoRefused : code === 'SSO_FAILED' ? own.ssoFailed : own.ssoUnavailable;
  const text = say.replace('{name}', name).replace('{contact}', contact ?? own.ssoContact);
  return frame('notice', language, {
    title: own.ssoTitle,
    body: html`<h1>${own.ssoTitle}</h1><p>${text}</p><p><a href="/sign-in">${own.signIn}</a></p>`,
  });
}

function frame(name: PageName | 'notice', language: Language, { title, body, isWide = false }: Body): string {
  const own = words[language];
  const direction = language === 'ar' ? 'rtl' : 'ltr';
  // the words of the page for its script; a slash is escaped so that no text can end the element
  const data = new Html(JSON.stringify(own).replaceAll('<', '\\u003c'));
  return html`<!doctype html>
<html lang="${language}" dir="${direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title>${title} · Muster</title>
<link rel="stylesheet" href="/pages/style.css">
<script type="application/json" id="words">${data}</script>
<script type="module" src="/pages/pages.js"></script>
</head>
<body data-page="${name}">
<main${new Html(isWide ? ' class="wide" hidden' : '')}>
${body}
</main>
</body>
</html>
`.text;
}

interface Body {
  readonly title: string;
  readonly body: Html;
  readonly isWide?: boolean;
}

const ALERT = html`<div role="alert"></div>`;

function field(id: string, label: string, attributes: string, value = ''): Html {
  const name = id.split('.').at(-1) ?? id;
  return html`<label for="${id}">${label}</label><input id="${id}" name="${name}" value="${value}" ${new Html(attributes)}>`;
}

const email = ({ email: label }: PageWords, id = 'email'): Html =>
  field(id, label, 'type="email" required maxlength="254" autocomplete="username webauthn"');
const newPassword = (own: PageWords, label: string, id: string): Html =>
  html`${field(id, label, 'type="password" required minlength="12" maxlength="1000" autocomplete="new-password"')}
<small>${own.passwordHint}</small>`;

function setupClosed(own: PageWords): Body {
  return {
    title: own.setupClosedTitle,
    body: html`<h1>${own.setupClosedTitle}</h1><p>${own.setupClosedIntro}</p><p><a href="/sign-in">${own.signIn}</a></p>`,
  };
}

const BODIES: Readonly<Record<PageName, (own: PageWords) => Body>> = {
  setup: (own) => ({
    title: own.setupTitle,
    body: html`<div data-step="ask">
<h1>${own.setupTitle}</h1><p>${own.setupIntro}</p>
<form>
${field('name', own.yourName, 'required maxlength="200" autocomplete="name"')}
${email(own)}
${newPassword(own, own.password, 'password')}
${field('siteName', own.siteName, 'required maxlength="200"', own.siteNameValue)}
<button class="main">${own.createAdministrator}</button>
</form>
</div>
<div data-step="done" hidden>
<h1>${own.done}</h1>
<p><a href="/account">${own.accountTitle}</a></p>
<p><code>npx muster login</code></p>
<p><code>npx muster talk question.wav --out answer.wav</code></p>
<p><a href="/api/docs">API</a></p>
</div>
${ALERT}`,
  }),

  signIn: (own) => ({
    title: own.signInTitle,
    body: html`<div data-step="first">
<h1>${own.signInTitle}</h1>
<form id="password">
${email(own)}
${field('first.password', own.password, 'type="password" required maxlength="1000" autocomplete="current-password"')}
<button class="main">${own.signIn}</button>
</form>
<div class="stack"><button id="passkey">${own.signInPasskey}</button><a id="sso" hidden></a></div>
<p><br><a href="/reset">${own.forgot}</a></p>
</div>
<div data-step="second" hidden>
<h1>${own.secondStep}</h1>
<div class="stack"><button id="second-passkey" class="main">${own.usePasskey}</button></div>
<form id="code">
${field('second.code', own.code, 'required maxlength="50" autocomplete="one-time-code" inputmode="text"')}
<button>${own.continue}</button>
</form>
</div>
${ALERT}`,
  }),

  invitation: (own) => ({
    title: own.invitationTitle,
    body: html`<h1>${own.invitationTitle}</h1>
<p id="about"></p>
<form id="new" data-step="new" hidden>
${field('name', own.yourName, 'required maxlength="200" autocomplete="name"')}
${newPassword(own, own.password, 'password')}
<button class="main">${own.accept}</button>
</form>
<div data-step="known" hidden>
<p>${own.invitationHasAccount}</p>
<a id="known-sign-in" href="/sign-in">${own.signIn}</a>
<div class="stack"><button id="known-accept" class="main" hidden>${own.accept}</button></div>
</div>
${ALERT}`,
  }),

  reset: (own) => ({
    title: own.resetTitle,
    body: html`<h1>${own.resetTitle}</h1>
<form id="ask" data-step="ask" hidden>
<p>${own.resetAsk}</p>
${email(own)}
<button class="main">${own.resetSend}</button>
</form>
<p data-step="sent" hidden>${own.resetSent}</p>
<form id="choose" data-step="choose" hidden>
${newPassword(own, own.newPassword, 'password')}
<button class="main">${own.save}</button>
</form>
<div data-step="done" hidden><p>${own.resetDone}</p><p><a href="/sign-in">${own.signIn}</a></p></div>
${ALERT}`,
  }),

  confirm: (own) => ({
    title: own.confirmTitle,
    body: html`<h1>${own.confirmTitle}</h1>
<div class="stack" data-step="ask"><button id="confirm" class="main">${own.confirm}</button></div>
<div data-step="done" hidden><p>${own.confirmed}</p><p><a href="/account">${own.accountTitle}</a></p></div>
${ALERT}`,
  }),

  account: (own) => ({
    title: own.accountTitle,
    isWide: true,
    body: html`<h1>${own.accountTitle}</h1>
<p class="quiet" id="who"></p>
<button id="sign-out">${own.signOut}</button>
${ALERT}
<section><h2>${own.rolesTitle}</h2><ul id="roles"></ul></section>
<section><h2>${own.factorsTitle}</h2><p class="quiet">${own.factorsIntro}</p>
<ul id="passkeys"></ul>
<form id="add-passkey" class="row">
<div>${field('passkey.name', own.passkeyName, 'required maxlength="200"', own.passkeyNameValue)}</div>
<button class="main">${own.addPasskey}</button>
</form>
<div id="app-on" hidden><p>${own.appOn}</p><button id="remove-app">${own.removeApp}</button></div>
<button id="add-app">${own.addApp}</button>
<form id="app" hidden>
<p>${own.appScan}</p><div class="qr" id="qr"></div><p><code id="secret"></code></p>
${field('app.code', own.appCode, 'required pattern="[0-9]{6}" inputmode="numeric" autocomplete="one-time-code"')}
<button class="main">${own.continue}</button>
</form>
<div id="codes" hidden><h2>${own.recoveryTitle}</h2><p>${own.recoveryIntro}</p><div class="codes"></div></div>
<p class="quiet" id="left"></p><button id="new-codes" hidden>${own.newCodes}</button>
${ALERT}</section>
<section><h2>${own.sessionsTitle}</h2><ul id="sessions"></ul><button id="end-others">${own.endOthers}</button>${ALERT}</section>
<section><h2>${own.passwordTitle}</h2><form id="change-password">
${field('change.current', own.currentPassword, 'type="password" required maxlength="1000" autocomplete="current-password"')}
${newPassword(own, own.newPassword, 'change.password')}
<button class="main">${own.save}</button></form>${ALERT}</section>
<dialog id="prove"><h2>${own.proofTitle}</h2><p>${own.proofIntro}</p>
<form>
<div data-way="password">${field('prove.password', own.password, 'type="password" maxlength="1000" autocomplete="current-password"')}</div>
<div data-way="code">${field('prove.code', own.code, 'maxlength="50" autocomplete="one-time-code"')}</div>
<button class="main">${own.continue}</button>
</form>
<div class="stack"><button id="prove-passkey">${own.usePasskey}</button><a id="prove-sso" hidden></a><button id="prove-cancel">${own.cancel}</button></div>
${ALERT}</dialog>`,
  }),
};
