import { platform } from 'node:process';
import { isErrorCode, MusterError } from '@muster/contract';
import manifest from '../../package.json' with { type: 'json' };

/** Longest wait for a whole answer, ms: the server itself gives up on a request after 30 s. */
const TIMEOUT_MS = 35_000;
/** Largest answer read, bytes: a page of 200 turns with words is under 2 MB. */
const ANSWER_BYTES = 8_388_608;

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below the address of the server, with its query. */
  readonly path: string;
  readonly body?: unknown;
  /** A body that is no JSON; then `body` is left out. */
  readonly file?: { readonly type: string; readonly text: string };
}

/** Where requests go, and as whom. `server` has no slash at the end; `token` is null before signing in. */
export interface Target {
  readonly server: string;
  readonly token: string | null;
  /** Lets the person prove who they are, when a request asks for it; it is made again afterwards. */
  readonly prove?: () => Promise<void>;
}

/** What this program calls itself: people see it beside their session. */
export const USER_AGENT = `muster-cli/${manifest.version} (${platform === 'darwin' ? 'Mac OS X' : platform === 'win32' ? 'Windows' : 'Linux'})`;

/** Functions that the routes of one subject are made of; see `createApi`. */
export type Get = <T>(path: string, isReply: (value: unknown) => value is T) => Promise<T>;
export type Write = <T>(
  method: ApiRequest['method'],
  path: string,
  body: unknown,
  isReply: (value: unknown) => value is T,
) => Promise<T>;

/**
 * One request to the API of a server. Resolves with an answer that `isReply` accepts; throws the server's own error,
 * SERVER_UNREACHABLE when none comes, and INTERNAL for an answer that is none of ours.
 */
export async function send<T>(
  target: Target,
  request: ApiRequest,
  isReply: (value: unknown) => value is T,
): Promise<T> {
  const { status, text } = await exchange(target, request);
  const value = parse(text);
  if (status >= 200 && status < 300 && isReply(value)) return value;
  return proved(target, refusalOf(text, status, target.server), (again) => send(again, request, isReply));
}

/** What was refused for want of a fresh proof has done nothing: once it is given, it is asked again, once. */
export async function proved<T>(
  target: Target,
  refusal: MusterError,
  again: (target: Target) => Promise<T>,
): Promise<T> {
  const { prove, ...rest } = target;
  if (refusal.code !== 'STEP_UP_REQUIRED' || prove === undefined) throw refusal;
  await prove();
  return again(rest);
}

/** The server's own error out of an answer; INTERNAL for an answer that is none of ours. */
export function refusalOf(text: string, status: number, server: string): MusterError {
  const say = `${server} answered ${status} with something that is no Muster answer.`;
  return readError(parse(text), status, server) ?? new MusterError('INTERNAL', { status }, { say });
}

async function exchange(
  { server, token }: Target,
  { method = 'GET', path, body, file }: ApiRequest,
): Promise<{ status: number; text: string }> {
  try {
    const response = await fetch(server + path, {
      method,
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        accept: 'application/json',
        'user-agent': USER_AGENT,
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(file === undefined ? {} : { 'content-type': file.type }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(file === undefined ? {} : { body: file.text }),
    });
    return { status: response.status, text: await readText(response) };
  } catch (cause) {
    if (cause instanceof MusterError) throw cause;
    throw new MusterError('SERVER_UNREACHABLE', { server }, { cause, say: `No answer from ${server}.` });
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > ANSWER_BYTES)
      throw new MusterError('INTERNAL', { size }, { say: 'The answer of the server is too long.' });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** An empty body is null, as the API says `null` for 204. */
function parse(text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The server's error out of its answer. A code that this version does not know yet is named by its kind. */
function readError(value: unknown, status: number, server: string): MusterError | null {
  const { error } = (value ?? {}) as { error?: { code?: unknown; message?: unknown; details?: unknown } };
  if (typeof error?.code !== 'string' || typeof error.message !== 'string') return null;
  const details = Array.isArray(error.details) ? error.details.filter((line) => typeof line === 'string') : [];
  const code = isErrorCode(error.code) ? error.code : status >= 500 ? 'INTERNAL' : 'REQUEST_INVALID';
  const say = details.length === 0 ? error.message : `${error.message} (${details.join('; ')})`;
  return new MusterError(code, { status, server }, { say });
}
