// The small pages of accounts: forms that speak to the API of this server. No library, nothing from elsewhere.
const words = JSON.parse(document.querySelector('#words').textContent);
const find = (selector, within = document) => within.querySelector(selector);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
const token = new URLSearchParams(location.search).get('token') ?? '';

/** What the server refused, with its code. */
class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

async function ask(method, path, body) {
  let reply;
  try {
    const json =
      body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    reply = await fetch(path, { method, ...json });
  } catch {
    throw new Refused('UNREACHABLE', words.noAnswer);
  }
  const text = await reply.text();
  const value = text === '' ? null : JSON.parse(text);
  if (reply.ok) return value;
  const { code, message } = value?.error ?? { code: 'INTERNAL', message: String(reply.status) };
  throw new Refused(code, message);
}

/** The same, after a proof when the server asks for one. */
async function askProved(method, path, body) {
  try {
    return await ask(method, path, body);
  } catch (error) {
    if (error.code !== 'STEP_UP_REQUIRED') throw error;
    await prove();
    return ask(method, path, body);
  }
}

const create = async (options) => {
  try {
    const made = await navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
    });
    return made.toJSON();
  } catch {
    throw new Refused('PASSKEY', words.noPasskey);
  }
};
const get = async (options) => {
  try {
    const found = await navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
    });
    return found.toJSON();
  } catch {
    throw new Refused('PASSKEY', words.noPasskey);
  }
};

/** Runs what a button or a form is for; says what went wrong beside it. */
function does(element, event, task) {
  element.addEventListener(event, async (happened) => {
    happened.preventDefault();
    const say = find('[role=alert]', element.closest('section,dialog,main'));
    const buttons = [...document.querySelectorAll('button')];
    say.textContent = '';
    for (const button of buttons) button.disabled = true;
    try {
      await task(element.tagName === 'FORM' ? Object.fromEntries(new FormData(element)) : {});
    } catch (error) {
      say.textContent = error.message;
    }
    for (const button of buttons) button.disabled = false;
  });
}

const isCode = (typed) => /^\d{6}$/.test(typed.replaceAll(' ', ''));
const proofOf = (typed) =>
  isCode(typed) ? { kind: 'totp', code: typed.replaceAll(' ', '') } : { kind: 'recoveryCode', code: typed };
const show = (selector) => {
  for (const step of document.querySelectorAll('[data-step]')) step.hidden = step.dataset.step !== selector;
};
const destination = () =>
  new URLSearchParams(location.search).get('then') === 'invitation'
    ? `/invitation?token=${encodeURIComponent(token)}`
    : '/account';
const onward = () => location.assign(destination());

const pages = {
  setup() {
    const form = find('form');
    if (form === null) return;
    does(form, 'submit', async (data) => {
      await ask('POST', '/api/setup', { ...data, token });
      show('done');
    });
  },

  async signIn() {
    let pending = null;
    const second = (done) => {
      pending = done;
      find('#second-passkey').hidden = done.passkeyOptions === null;
      find('#code').hidden = !done.ways.includes('totp') && !done.ways.includes('recoveryCode');
      show('second');
    };
    does(find('#password'), 'submit', async (data) => {
      const done = await ask('POST', '/api/sessions', data);
      if (done.pending === undefined) return onward();
      second(done);
    });
    does(find('#passkey'), 'click', async () => {
      const { options } = await ask('POST', '/api/sessions/passkey/options');
      await ask('POST', '/api/sessions/passkey', { response: await get(options) });
      onward();
    });
    does(find('#code'), 'submit', async ({ code }) => {
      await ask('POST', '/api/sessions/finish', { pending: pending.pending, proof: proofOf(code) });
      onward();
    });
    does(find('#second-passkey'), 'click', async () => {
      const proof = { kind: 'passkey', response: await get(pending.passkeyOptions) };
      await ask('POST', '/api/sessions/finish', { pending: pending.pending, proof });
      onward();
    });
    const [, came] = /^#second=([\w-]+)$/.exec(location.hash) ?? [];
    if (came !== undefined) {
      // the identity provider was the first step; what it handed over works once
      history.replaceState(null, '', location.pathname + location.search);
      const bytes = Uint8Array.from(atob(came.replaceAll('-', '+').replaceAll('_', '/')), (sign) => sign.charCodeAt(0));
      second(JSON.parse(new TextDecoder().decode(bytes)));
    }
    await offerSso(find('#sso'), '');
  },

  async invitation() {
    const say = find('[role=alert]');
    try {
      const info = await ask('POST', '/api/invitations/info', { token });
      const named = { ...info, role: words.roles[info.role], invitedBy: info.invitedBy ?? 'Muster' };
      find('#about').textContent = fill(info.role === null ? words.registerTo : words.invitationTo, named);
      show(info.hasAccount ? 'known' : 'new');
      if (info.hasAccount) {
        const me = await ask('GET', '/api/me').catch(() => null);
        if (me?.user.email === info.email) {
          find('#known-sign-in').hidden = true;
          find('#known-accept').hidden = false;
        }
      }
    } catch (error) {
      say.textContent = error.message;
    }
    find('#known-sign-in').href = `/sign-in?then=invitation&token=${encodeURIComponent(token)}`;
    does(find('#new'), 'submit', async (data) => {
      await ask('POST', '/api/invitations/accept', { ...data, token, language: document.documentElement.lang });
      location.assign('/account');
    });
    does(find('#known-accept'), 'click', async () => {
      await ask('POST', '/api/invitations/accept', { token });
      location.assign('/account');
    });
  },

  reset() {
    show(token === '' ? 'ask' : 'choose');
    does(find('#ask'), 'submit', async (data) => {
      await ask('POST', '/api/password-resets', data);
      show('sent');
    });
    does(find('#choose'), 'submit', async (data) => {
      await ask('POST', '/api/password-resets/use', { ...data, token });
      show('done');
    });
  },

  confirm() {
    does(find('#confirm'), 'click', async () => {
      await ask('POST', '/api/email-confirmations', { token });
      show('done');
    });
  },

  async account() {
    const me = await ask('GET', '/api/me').catch(() => null);
    if (me === null) return location.assign('/sign-in');
    const { sites } = await ask('GET', '/api/sites').catch(() => ({ sites: [] }));
    find('#who').textContent = `${me.user.name} · ${me.user.email}`;
    const roles = me.memberships.map(({ siteId, role }) => {
      const site = sites.find((one) => one.siteId === siteId);
      return `${site?.name ?? siteId}: ${words.roles[role]}`;
    });
    if (me.user.administrator) roles.unshift(words.administrator);
    if (me.user.support) roles.unshift(words.support);
    list(find('#roles'), roles.length === 0 ? [words.noRoles] : roles, (role) => [role, null]);
    find('main').hidden = false;
    await Promise.all([factors(), sessions()]);

    does(find('#add-passkey'), 'submit', async ({ name }) => {
      const { options } = await askProved('POST', '/api/me/passkeys/options');
      const done = await askProved('POST', '/api/me/passkeys', { name, response: await create(options) });
      added(done);
      find('#add-passkey').reset();
    });
    does(find('#add-app'), 'click', async () => {
      const { qr, secret } = await askProved('POST', '/api/me/totp');
      const picture = new DOMParser().parseFromString(qr, 'image/svg+xml').documentElement;
      find('#qr').replaceChildren(document.importNode(picture, true));
      find('#secret').textContent = secret;
      find('#app').hidden = false;
    });
    does(find('#app'), 'submit', async ({ code }) => {
      added(await askProved('POST', '/api/me/totp/confirm', { code }));
      find('#app').hidden = true;
    });
    does(find('#remove-app'), 'click', async () => shown(await askProved('DELETE', '/api/me/totp')));
    does(find('#new-codes'), 'click', async () => {
      codes((await askProved('POST', '/api/me/recovery-codes')).codes);
      await factors();
    });
    does(find('#change-password'), 'submit', async (data) => {
      await ask('POST', '/api/me/password', data);
      find('#change-password').reset();
      await sessions();
    });
    does(find('#end-others'), 'click', async () => {
      await ask('DELETE', '/api/me/sessions');
      await sessions();
    });
    does(find('#sign-out'), 'click', async () => {
      await ask('DELETE', '/api/sessions/current');
      location.assign('/sign-in');
    });
  },
};

/** A link to the identity provider, where there is one; afterwards this page again, or the account. */
async function offerSso(link, query) {
  const { name } = await ask('GET', '/api/oidc');
  if (name === null) return;
  link.textContent = fill(words.ssoWith, { name });
  const { pathname, search } = location;
  const returnTo = pathname === '/sign-in' ? destination() : pathname + search;
  link.href = `/api/oidc/start?returnTo=${encodeURIComponent(returnTo)}${query}`;
  link.hidden = false;
}

/** Lines of text with a button each; `of` gives the text, and what the button says and does. */
function list(element, items, of) {
  element.replaceChildren(
    ...items.map((item) => {
      const [text, button] = of(item);
      const line = document.createElement('li');
      const span = document.createElement('span');
      span.textContent = text;
      line.append(span);
      if (button !== null) {
        const press = document.createElement('button');
        press.textContent = button.name;
        line.append(press);
        does(press, 'click', button.task);
      }
      return line;
    }),
  );
}

const factors = async () => shown(await ask('GET', '/api/me/factors'));

function shown({ totp, passkeys, recoveryCodesLeft }) {
  list(find('#passkeys'), passkeys, ({ passkeyId, name }) => [
    name,
    { name: words.remove, task: async () => shown(await askProved('DELETE', `/api/me/passkeys/${passkeyId}`)) },
  ]);
  find('#app-on').hidden = !totp;
  find('#add-app').hidden = totp;
  const has = totp || passkeys.length > 0;
  find('#left').textContent = has ? fill(words.recoveryLeft, { count: recoveryCodesLeft }) : '';
  find('#new-codes').hidden = !has;
}

function added({ factors: now, recoveryCodes }) {
  shown(now);
  if (recoveryCodes !== null) codes(recoveryCodes);
}

function codes(made) {
  find('#codes').hidden = false;
  const lines = made.map((code) => Object.assign(document.createElement('span'), { textContent: code }));
  find('#codes .codes').replaceChildren(...lines);
}

async function sessions() {
  const { sessions: open } = await ask('GET', '/api/me/sessions');
  const time = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' });
  list(find('#sessions'), open, ({ sessionId, current, client, address, lastUsedAt }) => [
    `${client} · ${address ?? ''} · ${time.format(lastUsedAt)}${current ? ` · ${words.current}` : ''}`,
    current
      ? null
      : {
          name: words.end,
          task: async () => {
            await ask('DELETE', `/api/me/sessions/${sessionId}`);
            await sessions();
          },
        },
  ]);
}

/** Asks who sits there to prove that it is them; rejects when they do not. */
async function prove() {
  const { ways, passkeyOptions } = await ask('GET', '/api/me/proof');
  const dialog = find('#prove');
  const form = find('form', dialog);
  find('[data-way=password]', dialog).hidden = !ways.includes('password');
  find('[data-way=code]', dialog).hidden = !ways.includes('totp') && !ways.includes('recoveryCode');
  find('#prove-passkey').hidden = passkeyOptions === null;
  // for who has nothing of their own here
  form.hidden = ways.every((way) => way === 'passkey');
  if (ways.length === 0) await offerSso(find('#prove-sso'), '&fresh=true');
  form.reset();
  dialog.showModal();
  const { promise, resolve, reject } = Promise.withResolvers();
  const end = new AbortController();
  const on = (element, event, task) =>
    element.addEventListener(
      event,
      async (happened) => {
        happened.preventDefault();
        try {
          await task();
          resolve();
        } catch (error) {
          find('[role=alert]', dialog).textContent = error.message;
        }
      },
      { signal: end.signal },
    );
  for (const button of dialog.querySelectorAll('button')) button.disabled = false;
  on(form, 'submit', async () => {
    const { password, code } = Object.fromEntries(new FormData(form));
    const proof = code === '' ? { kind: 'password', password } : proofOf(code);
    await ask('POST', '/api/me/proof', { proof });
  });
  on(find('#prove-passkey'), 'click', async () =>
    ask('POST', '/api/me/proof', { proof: { kind: 'passkey', response: await get(passkeyOptions) } }),
  );
  find('#prove-cancel').addEventListener('click', () => reject(new Refused('CANCELLED', '')), { signal: end.signal });
  dialog.addEventListener('close', () => reject(new Refused('CANCELLED', '')), { signal: end.signal });
  try {
    await promise;
  } finally {
    end.abort();
    dialog.close();
  }
}

pages[document.body.dataset.page]?.();
