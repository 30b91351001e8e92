interface Cookie {
  readonly value: string;
  readonly isStrict: boolean;
}

/** Where a browser ended, and what it got there. */
export interface Landing {
  readonly url: URL;
  readonly status: number;
  readonly text: string;
}

interface GoOptions {
  readonly accept?: string;
  readonly stop?: (url: URL) => boolean;
}

/**
 * As much of a browser as signing in needs: it keeps the cookies of one server, follows redirects, and does as SameSite
 * says once a redirect came from elsewhere. Pages are not run.
 */
export function createBrowser(home: string) {
  const cookies = new Map<string, Cookie>();

  async function ask(url: URL, isFromElsewhere: boolean, accept: string): Promise<Response> {
    const sent = [...cookies].filter(([, { isStrict }]) => !(isStrict && isFromElsewhere));
    const cookie = sent.map(([name, { value }]) => `${name}=${value}`).join('; ');
    const isHome = url.origin === home;
    const headers = { accept, ...(isHome && cookie !== '' ? { cookie } : {}) };
    const reply = await fetch(url, { redirect: 'manual', headers });
    for (const line of isHome ? reply.headers.getSetCookie() : []) {
      const [pair = '', ...attributes] = line.split('; ');
      const at = pair.indexOf('=');
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      if (value === '') cookies.delete(name);
      else cookies.set(name, { value, isStrict: attributes.includes('SameSite=Strict') });
    }
    return reply;
  }

  return {
    cookies,
    /** Follows redirects until there are none, or to where `stop` says. */
    async go(path: string, options: GoOptions = {}): Promise<Landing> {
      const { accept = 'text/html', stop } = options;
      let url = new URL(path, home);
      let isFromElsewhere = false;
      for (let hops = 0; hops < 10; hops++) {
        if (hops > 0 && stop?.(url) === true) return { url, status: 0, text: '' };
        const reply = await ask(url, isFromElsewhere, accept);
        const text = await reply.text();
        const location = reply.headers.get('location');
        if (location === null) return { url, status: reply.status, text };
        isFromElsewhere ||= url.origin !== home;
        url = new URL(location, url);
      }
      throw new RangeError('too many redirects');
    },
    /** As a page of the server would ask. */
    async api<T>(
      method: string,
      path: string,
      body?: unknown,
    ): Promise<{ readonly status: number; readonly value: T }> {
      const cookie = [...cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
      const json = body === undefined ? {} : { body: JSON.stringify(body) };
      const type = body === undefined ? {} : { 'content-type': 'application/json' };
      const reply = await fetch(home + path, { method, headers: { cookie, ...type }, ...json });
      const text = await reply.text();
      return { status: reply.status, value: (text === '' ? null : JSON.parse(text)) as T };
    },
  };
}
