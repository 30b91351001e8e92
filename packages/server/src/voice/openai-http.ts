import { type ErrorCode, MusterError } from '@muster/contract';

/** One POST to a server that speaks the OpenAI HTTP API: a cloud, Ollama, llama.cpp, a Whisper or a Piper server. */
export interface OpenAiRequest {
  /** Up to and with the version, such as `https://api.openai.com/v1`; a slash at its end is ignored. */
  readonly baseUrl: string;
  /** '' sends no Authorization header: local servers need none. */
  readonly apiKey: string;
  /** Such as `/chat/completions`. */
  readonly path: string;
  /** FormData goes out as multipart, anything else as JSON. */
  readonly body: FormData | Readonly<Record<string, unknown>>;
  /** Longest wait for the response headers, ms. */
  readonly timeoutMs: number;
  /** Longest wait between two pieces of the body, ms. */
  readonly idleMs: number;
  /** Largest body, bytes, counted after decompression. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

export interface OpenAiResponse {
  /** '' when the server did not say. */
  readonly contentType: string;
  /**
   * The body as it comes. Must be iterated, once; leaving the loop early closes the socket. Throws PROVIDER_TIMEOUT
   * past `idleMs`, PROVIDER_BROKEN when the connection breaks or `maxBytes` is passed, the signal's reason on abort.
   */
  readonly body: AsyncIterable<Uint8Array>;
}

/** What is read of an error's body to find its code, bytes. */
const ERROR_BODY_BYTES = 4_096;

/**
 * Sends the request and resolves when a 2xx answer begins. Redirects are refused: they would carry a person's words
 * to another host. Throws PROVIDER_KEY (401, 403), PROVIDER_RATE (429), PROVIDER_FAILED (5xx, no connection),
 * PROVIDER_REFUSED (other statuses), PROVIDER_TIMEOUT, or the signal's reason.
 */
export async function postOpenAi(request: OpenAiRequest): Promise<OpenAiResponse> {
  const { signal, timeoutMs } = request;
  signal.throwIfAborted();
  const socket = new AbortController();
  const abort = (): void => socket.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(() => socket.abort(new MusterError('PROVIDER_TIMEOUT', { timeoutMs })), timeoutMs);
  let opened = false;
  try {
    const response = await fetch(request.baseUrl.replace(/\/+$/, '') + request.path, {
      method: 'POST',
      headers: headersOf(request),
      body: request.body instanceof FormData ? request.body : JSON.stringify(request.body),
      redirect: 'manual',
      signal: socket.signal,
    });
    if (!response.ok) throw await refusal(response);
    opened = true;
    const release = (): void => signal.removeEventListener('abort', abort);
    return { contentType: response.headers.get('content-type') ?? '', body: read(response, request, socket, release) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof MusterError) throw error;
    throw new MusterError('PROVIDER_FAILED', {}, { cause: error, say: 'The provider cannot be reached.' });
  } finally {
    clearTimeout(timer);
    if (!opened) {
      signal.removeEventListener('abort', abort);
      socket.abort();
    }
  }
}

/**
 * Reads a whole JSON body. Throws PROVIDER_BROKEN when it is not JSON, and what the body throws.
 */
export async function readJson(response: OpenAiResponse): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw new MusterError('PROVIDER_BROKEN', { contentType: response.contentType.slice(0, 80) }, { cause });
  }
}

function headersOf(request: OpenAiRequest): Record<string, string> {
  const headers: Record<string, string> = {};
  if (!(request.body instanceof FormData)) headers['content-type'] = 'application/json';
  if (request.apiKey !== '') headers.authorization = `Bearer ${request.apiKey}`;
  return headers;
}

async function* read(
  response: Response,
  { idleMs, maxBytes }: OpenAiRequest,
  socket: AbortController,
  release: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  // The consumer's own time between two pieces is not the provider's.
  let waiting = true;
  const timer = setTimeout(() => {
    if (waiting) socket.abort(new MusterError('PROVIDER_TIMEOUT', { idleMs }));
  }, idleMs);
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw new MusterError('PROVIDER_BROKEN', { limit: maxBytes });
      waiting = false;
      yield chunk;
      waiting = true;
      timer.refresh();
    }
  } catch (error) {
    if (socket.signal.aborted) throw socket.signal.reason;
    throw error instanceof MusterError ? error : new MusterError('PROVIDER_BROKEN', { bytes }, { cause: error });
  } finally {
    clearTimeout(timer);
    release();
    socket.abort();
  }
}

async function refusal(response: Response): Promise<MusterError> {
  return new MusterError(codeOfStatus(response.status), {
    status: response.status,
    providerCode: await errorCode(response),
  });
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401 || status === 403) return 'PROVIDER_KEY';
  if (status === 429) return 'PROVIDER_RATE';
  if (status === 408) return 'PROVIDER_TIMEOUT';
  return status >= 500 ? 'PROVIDER_FAILED' : 'PROVIDER_REFUSED';
}

/**
 * `error.code` or `error.type` from the beginning of the body, null when it has none. The message is left out: it may
 * repeat the key or a person's words.
 */
async function errorCode(response: Response): Promise<string | null> {
  try {
    const first = await response.body?.getReader().read();
    const text = new TextDecoder().decode(first?.value?.subarray(0, ERROR_BODY_BYTES));
    return /"(?:code|type)"\s*:\s*"([\w.-]{1,60})"/.exec(text)?.[1] ?? null;
  } catch {
    return null; // The status alone says enough.
  }
}
