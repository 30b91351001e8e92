import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import {
  type CommandMessage,
  type ErrorReply,
  isErrorCode,
  type JsonObject,
  LIMITS,
  MusterError,
  type TwinState,
} from '@muster/contract';
import type { TimerWheel } from '../timer-wheel.ts';
import type { Caller, Hearer, Link, MessageKind, Verdict, Wire } from './wire.ts';

/** Longest wait for an answer, ms, besides the time that a long-poll waits by itself. */
const ANSWER_MS = 20_000;
const PAUSE_MS = 1_000;
/** Largest answer that is read, bytes: a twin. */
const ANSWER_BYTES = 262_144;

interface Reply {
  readonly status: number;
  readonly retryAfterMs: number;
  readonly body: unknown;
}

/** Plain requests; commands come by long-poll, and the twin is asked for after each: nothing tells an HTTP device of it. */
export function createHttpWire(server: string, wheel: TimerWheel, pollMs: number): Wire {
  const waitMs = Math.min(pollMs, LIMITS.longPollMs);
  const isTls = server.startsWith('https:');
  const agent = new (isTls ? TlsAgent : PlainAgent)({ keepAlive: true, maxFreeSockets: 20_000 });
  const begin = isTls ? tlsRequest : plainRequest;

  function exchange(
    { token }: Caller,
    method: string,
    path: string,
    body: object | null,
    options: { readonly limitMs: number; readonly signal: AbortSignal },
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const text = body === null ? null : JSON.stringify(body);
      const request = begin(server + path, {
        method,
        agent,
        signal: options.signal,
        headers: {
          authorization: `Bearer ${token}`,
          ...(text === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        },
      });
      const cancel = wheel.after(options.limitMs, () => request.destroy(unreachable(server, 'no answer')));
      request.once('close', cancel);
      request.once('error', reject);
      request.once('response', (response) => read(response).then(resolve, reject));
      request.end(text ?? undefined);
    });
  }

  return {
    async open(caller, hearer) {
      const ended = new AbortController();
      const limits = { limitMs: ANSWER_MS, signal: ended.signal };
      const call = async (method: string, path: string, body: object | null, limitMs = ANSWER_MS): Promise<Reply> => {
        try {
          return await exchange(caller, method, path, body, { ...limits, limitMs });
        } catch (cause) {
          throw unreachable(server, cause);
        }
      };
      const first = await call('GET', '/device/v1/twin', null);
      if (first.status === 401) throw new MusterError('DEVICE_TOKEN_INVALID', { deviceId: caller.deviceId });
      if (first.status !== 200) throw unreachable(server, `status ${first.status}`, first.retryAfterMs);
      const session = openSession(call, hearer, ended);
      // after the caller has its link
      setImmediate(() => session.listen(first));
      return session.link;
    },
    close: () => agent.destroy(),
  };

  function openSession(
    call: (method: string, path: string, body: object | null, limitMs?: number) => Promise<Reply>,
    hearer: Hearer,
    ended: AbortController,
  ): { readonly link: Link; listen(twin: Reply): void } {
    let version = 0;

    function lost(askedMs: number): void {
      if (ended.signal.aborted) return;
      ended.abort();
      hearer.closed(askedMs);
    }

    function hearTwin({ body }: Reply): void {
      const twin = body as TwinState;
      const delta = deltaOf(twin.desired, twin.reported);
      if (twin.desiredVersion <= version || Object.keys(delta).length === 0) return;
      version = twin.desiredVersion;
      hearer.twinDelta({ version, delta });
    }

    async function poll(twin: Reply): Promise<void> {
      hearTwin(twin);
      while (!ended.signal.aborted) {
        const path = `/device/v1/commands?waitMs=${waitMs}`;
        const { status, body, retryAfterMs } = await call('GET', path, null, waitMs + ANSWER_MS);
        if (status === 200) hearer.command(body as CommandMessage);
        else if (status !== 204) return lost(retryAfterMs);
        const next = await call('GET', '/device/v1/twin', null);
        if (next.status !== 200) return lost(next.retryAfterMs);
        hearTwin(next);
      }
    }

    return {
      listen: (twin) => void poll(twin).catch(() => lost(0)),
      link: {
        async send(kind, body) {
          const [method, path, payload] = requestFor(kind, body);
          try {
            return verdictOf(await call(method, path, payload));
          } catch (error) {
            lost(0);
            throw error;
          }
        },
        close: () => ended.abort(),
      },
    };
  }
}

function requestFor(kind: MessageKind, body: object): readonly [method: string, path: string, body: object] {
  switch (kind) {
    case 'telemetry':
      return ['POST', '/device/v1/telemetry', body];
    case 'event':
      return ['POST', '/device/v1/events', body];
    case 'twinReport':
      return ['PATCH', '/device/v1/twin', body];
    case 'commandReply': {
      const { commandId, ...reply } = body as { readonly commandId: string };
      return ['POST', `/device/v1/commands/${commandId}/reply`, reply];
    }
  }
}

function verdictOf({ status, body, retryAfterMs }: Reply): Verdict {
  if (status < 300) return { outcome: 'acked' };
  const code = (body as Partial<ErrorReply> | null)?.error?.code ?? '';
  // 401: the token was taken away; the next connection says so
  if (status >= 500 || status === 429 || status === 401)
    return { outcome: 'again', afterMs: Math.max(PAUSE_MS, retryAfterMs) };
  return { outcome: 'refused', code: isErrorCode(code) ? code : 'UNSAID' };
}

async function read(response: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > ANSWER_BYTES) throw new MusterError('FRAME_TOO_LARGE', { size });
    chunks.push(chunk);
  }
  const seconds = Number(response.headers['retry-after'] ?? 0);
  const text = Buffer.concat(chunks).toString('utf8');
  return {
    status: response.statusCode ?? 0,
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1_000 : 0,
    body: text === '' ? null : JSON.parse(text),
  };
}

function unreachable(server: string, cause: unknown, retryAfterMs = 0): MusterError {
  return new MusterError('SERVER_UNREACHABLE', { server, retryAfterMs }, { cause });
}

/** Fields of the desired half that the reported one does not show, one level deep: what a small device can do. */
function deltaOf(desired: JsonObject, reported: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(desired).filter(([key, value]) => JSON.stringify(reported[key]) !== JSON.stringify(value)),
  );
}
