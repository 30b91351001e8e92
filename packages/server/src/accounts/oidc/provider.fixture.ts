import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';

/** An identity provider on a socket of its own. It signs in whoever `person` is, at once. */
export interface StubProvider {
  readonly issuer: string;
  person: Readonly<Record<string, unknown>>;
  /** What it does wrong, until it is set to nothing. */
  trouble: Trouble;
  /** Query of the last browser that came. */
  readonly asked: () => URLSearchParams;
  /** Bytes that it sent of an answer without end. */
  readonly flooded: () => number;
  stop(): Promise<void>;
}

export interface Trouble {
  /** Of the id token. */
  readonly claims?: (claims: JWTPayload) => JWTPayload;
  readonly sign?: 'none' | 'with the public key' | 'with the client secret' | 'with another key';
  /** In the query with which the browser comes back. */
  readonly back?: Readonly<Record<string, string>>;
  /** What this path answers. */
  readonly at?: string;
  readonly how?: 'hangs' | 'fails' | 'never ends' | 'is another issuer';
}

export const CLIENT = { id: 'muster', secret: 'a-secret-of-the-client-that-is-long-enough' };
const DISCOVERY = '/.well-known/openid-configuration';

export async function startStubProvider(): Promise<StubProvider> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  const other = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
  const pem = new TextEncoder().encode(await exportSPKI(publicKey));
  const codes = new Map<string, URLSearchParams>();
  let asked = new URLSearchParams();
  let flooded = 0;

  const server = createServer((request, reply) => {
    answer(request, reply).catch((error: unknown) => reply.writeHead(500).end(String(error)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stub: StubProvider = {
    issuer,
    person: {},
    trouble: {},
    asked: () => asked,
    flooded: () => flooded,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  async function answer(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', issuer);
    const { at, how } = stub.trouble;
    if (url.pathname === at && how === 'hangs') return;
    if (url.pathname === at && how === 'fails') return void reply.writeHead(500).end('{}');
    if (url.pathname === at && how === 'never ends') return flood(reply);
    switch (url.pathname) {
      case DISCOVERY:
        return json(reply, 200, {
          issuer: how === 'is another issuer' ? 'http://127.0.0.1:1' : issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/keys`,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          // it says that it does what nobody should: what is refused is refused by the server
          id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'],
          authorization_response_iss_parameter_supported: true,
        });
      case '/keys':
        return json(reply, 200, { keys: [jwk] });
      case '/authorize': {
        asked = url.searchParams;
        const code = `code-${codes.size}`;
        codes.set(code, url.searchParams);
        const back = new URL(url.searchParams.get('redirect_uri') ?? '');
        const query = { code, state: url.searchParams.get('state') ?? '', iss: issuer, ...stub.trouble.back };
        for (const [name, value] of Object.entries(query)) back.searchParams.set(name, value);
        return void reply.writeHead(302, { location: back.href }).end();
      }
      case '/token':
        return token(request, reply);
      default:
        return json(reply, 404, {});
    }
  }

  async function token(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    let text = '';
    for await (const part of request) text += part;
    const form = new URLSearchParams(text);
    const code = form.get('code') ?? '';
    const begun = codes.get(code);
    codes.set(code, new URLSearchParams());
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const isRight =
      begun?.get('code_challenge_method') === 'S256' &&
      begun.get('code_challenge') === challenge &&
      begun.get('redirect_uri') === form.get('redirect_uri') &&
      form.get('client_id') === CLIENT.id &&
      form.get('client_secret') === CLIENT.secret;
    if (!isRight) return json(reply, 400, { error: 'invalid_grant' });
    const now = Math.floor(Date.now() / 1_000);
    const claims = { iss: issuer, aud: CLIENT.id, iat: now, exp: now + 300, nonce: begun.get('nonce') ?? '' };
    const { claims: change = (same: JWTPayload) => same } = stub.trouble;
    const id_token = await signed(change({ ...claims, ...stub.person }));
    return json(reply, 200, { access_token: 'unused', token_type: 'Bearer', expires_in: 60, id_token });
  }

  function signed(claims: JWTPayload): Promise<string> | string {
    const secret = new TextEncoder().encode(CLIENT.secret);
    switch (stub.trouble.sign) {
      case 'none':
        return new UnsecuredJWT(claims).encode();
      case 'with the public key':
        return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(pem);
      case 'with the client secret':
        return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(secret);
      case 'with another key':
        return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'one' }).sign(other.privateKey);
      default:
        return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'one' }).sign(privateKey);
    }
  }

  /** A hundred megabytes, unless the reader goes. */
  async function flood(reply: ServerResponse): Promise<void> {
    reply.writeHead(200, { 'content-type': 'application/json' });
    const part = Buffer.alloc(1024 * 1024, ' ');
    for (flooded = 0; flooded < 100 * part.byteLength && !reply.destroyed; flooded += part.byteLength) {
      if (!reply.write(part)) await Promise.race([once(reply, 'drain'), once(reply, 'close')]);
    }
    reply.end();
  }

  return stub;
}

function json(reply: ServerResponse, status: number, body: unknown): void {
  reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
