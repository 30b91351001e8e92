import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { type ErrorCode, MusterError } from '@muster/contract';
import { type OpenAiRequest, postOpenAi, readJson } from './openai-http.ts';

const signal = new AbortController().signal;

/** Posts to a server of one handler and reads the JSON answer. */
async function post(handler: RequestListener, changes: Partial<OpenAiRequest> = {}): Promise<unknown> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const request = {
      baseUrl,
      apiKey: '',
      path: '/x',
      body: { a: 1 },
      timeoutMs: 500,
      idleMs: 500,
      maxBytes: 1_000,
      signal,
    };
    return await readJson(await postOpenAi({ ...request, ...changes }));
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const fails =
  (code: ErrorCode, context: object = {}) =>
  (error: unknown) => {
    assert.ok(error instanceof MusterError, String(error));
    assert.equal(error.code, code);
    assert.partialDeepStrictEqual(error.context, context);
    return true;
  };

describe('a request to an OpenAI-compatible server', () => {
  for (const [status, code] of [
    [400, 'PROVIDER_REFUSED'],
    [401, 'PROVIDER_KEY'],
    [403, 'PROVIDER_KEY'],
    [404, 'PROVIDER_REFUSED'],
    [408, 'PROVIDER_TIMEOUT'],
    [429, 'PROVIDER_RATE'],
    [500, 'PROVIDER_FAILED'],
    [503, 'PROVIDER_FAILED'],
  ] as const) {
    it(`makes ${code} of ${status}`, async () => {
      await assert.rejects(
        post((_, response) => {
          response.writeHead(status).end('{"error":{"message":"key sk-secret","code":"the_code"}}');
        }),
        (error) =>
          fails(code, { status, providerCode: 'the_code' })(error) && !JSON.stringify(error).includes('secret'),
      );
    });
  }

  it('does not follow a redirect', async () => {
    await assert.rejects(
      post((_, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/elsewhere' }).end()),
      fails('PROVIDER_REFUSED', { status: 307 }),
    );
  });

  it('fails when nobody listens', async () => {
    const gone = { baseUrl: 'http://127.0.0.1:1/v1' };
    await assert.rejects(
      post(() => undefined, gone),
      fails('PROVIDER_FAILED'),
    );
  });

  it('does not wait for a server that sends no header, or no more of its body', async () => {
    await assert.rejects(
      post(() => undefined, { timeoutMs: 100 }),
      fails('PROVIDER_TIMEOUT', { timeoutMs: 100 }),
    );
    await assert.rejects(
      post((_, response) => void response.write('{'), { idleMs: 100 }),
      fails('PROVIDER_TIMEOUT', { idleMs: 100 }),
    );
  });

  it('does not count the time of the reader as idle', async () => {
    const server = createServer((_, response) => {
      response.write('a');
      setTimeout(() => response.end('b'), 20);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const request = { baseUrl, apiKey: '', path: '/', body: {}, timeoutMs: 500, idleMs: 100, maxBytes: 100, signal };
    let text = '';
    for await (const piece of (await postOpenAi(request)).body) {
      text += Buffer.from(piece).toString();
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    assert.equal(text, 'ab');
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('takes a body that is too large, breaks off or is no JSON for broken', async () => {
    await assert.rejects(
      post((_, response) => response.end('x'.repeat(1_001))),
      fails('PROVIDER_BROKEN', { limit: 1_000 }),
    );
    await assert.rejects(
      post((_, response) => {
        response.writeHead(200, { 'content-length': '100' }).write('{"a":');
        setTimeout(() => response.destroy(), 20);
      }),
      fails('PROVIDER_BROKEN'),
    );
    await assert.rejects(
      post((_, response) => response.end('<html>')),
      fails('PROVIDER_BROKEN'),
    );
  });

  it('closes its socket when the reader leaves early', async () => {
    const closed = Promise.withResolvers<void>();
    const server = createServer((request, response) => {
      request.socket.on('close', () => closed.resolve());
      response.write('data: 1\n\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const request = { baseUrl, apiKey: '', path: '/', body: {}, timeoutMs: 500, idleMs: 5_000, maxBytes: 100, signal };
    for await (const _ of (await postOpenAi(request)).body) break;
    await closed.promise;
    await new Promise((resolve) => server.close(resolve));
  });
});
