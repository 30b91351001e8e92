import { MusterError, TRANSFER_ROWS_HEADER } from '@muster/contract';
import { proved, refusalOf, type Target, USER_AGENT } from './http.ts';

/** Longest silence of the server while a file comes, ms. */
const SILENT_MS = 60_000;

export interface Download {
  /** Rows that the file will have; null when the server does not know. */
  readonly rows: number | null;
  /** Rejects with SERVER_UNREACHABLE when the file breaks off: what came until then is not the whole. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Begins to read a file of the server, of any size. Throws the server's own error. */
export async function openDownload(target: Target, path: string): Promise<Download> {
  const { server, token } = target;
  const stop = new AbortController();
  let timer = setTimeout(() => stop.abort(), SILENT_MS);
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(), SILENT_MS);
  };
  const gone = (cause: unknown, say: string): MusterError =>
    cause instanceof MusterError ? cause : new MusterError('SERVER_UNREACHABLE', { server }, { cause, say });

  async function* read(response: Response): AsyncIterable<Uint8Array> {
    try {
      for await (const chunk of response.body ?? []) {
        heard();
        yield chunk;
      }
    } catch (cause) {
      throw gone(cause, 'The file broke off before its end.');
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
  }

  try {
    const headers = { 'user-agent': USER_AGENT, ...(token === null ? {} : { authorization: `Bearer ${token}` }) };
    const response = await fetch(server + path, { headers, redirect: 'error', signal: stop.signal });
    if (!response.ok) {
      const refusal = refusalOf(await response.text(), response.status, server);
      clearTimeout(timer);
      return await proved(target, refusal, (again) => openDownload(again, path));
    }
    const rows = response.headers.get(TRANSFER_ROWS_HEADER);
    return { rows: rows === null ? null : Number(rows), chunks: read(response) };
  } catch (cause) {
    clearTimeout(timer);
    throw gone(cause, `No answer from ${server}.`);
  }
}
