import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { encodeWav } from '@muster/contract';

/**
 * What the fake does wrong, until told otherwise. `hang`: no answer at all; `stall`: a first piece and then nothing;
 * `halfStream`: the connection breaks in the middle of the body; `endsEarly`: the body ends cleanly where it must not;
 * `slow`: `pauseMs` between the pieces.
 */
export type OpenAiFault =
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'hang' }
  | { readonly kind: 'stall' }
  | { readonly kind: 'halfStream' }
  | { readonly kind: 'endsEarly' }
  | { readonly kind: 'slow'; readonly pauseMs: number };

/** One round of chat completions: words, or calls of tools. */
export type ChatRound =
  | { readonly text: readonly string[] }
  | { readonly toolCalls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[] };

export interface SeenRequest {
  readonly path: string;
  readonly authorization: string | null;
  /** The JSON body, or null for multipart. */
  readonly json: Record<string, unknown> | null;
  /** The raw body. */
  readonly body: Buffer;
}

export interface FakeOpenAi {
  /** Such as `http://127.0.0.1:40123/v1`. */
  readonly baseUrl: string;
  readonly requests: readonly SeenRequest[];
  fault: OpenAiFault | null;
  /** Given in order, one a request; the last again and again. */
  chat: readonly ChatRound[];
  transcript: string;
  speech: { readonly pcm: Int16Array; readonly sampleRate: number };
  /** Voices that it knows; any when null. Others are refused with 400. */
  voices: readonly string[] | null;
  /** Requests that were begun and whose client still waits. */
  open(): number;
  /** Connections made so far. */
  connections(): number;
  close(): Promise<void>;
}

/** Bytes of one piece of sound: 20 ms at 24 kHz. */
const PIECE = 960;

/** A server on loopback that speaks the OpenAI API; with `apiKey`, others are refused with 401. */
export async function startFakeOpenAi(options: { readonly apiKey?: string } = {}): Promise<FakeOpenAi> {
  const requests: SeenRequest[] = [];
  const sockets = new Set<Socket>();
  let open = 0;
  let connections = 0;
  let round = 0;

  const server = createServer((request, response) => {
    open += 1;
    response.on('close', () => {
      open -= 1;
    });
    answer(request, response).catch(() => response.destroy());
  });
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const fake: FakeOpenAi = {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    fault: null,
    chat: [{ text: ['Hello', ' from the', ' fake.'] }],
    transcript: 'hello from the fake',
    speech: { pcm: Int16Array.from({ length: 24_000 }, (_, i) => 8_000 * Math.sin(i / 9)), sampleRate: 24_000 },
    voices: null,
    open: () => open,
    connections: () => connections,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await request.toArray());
    const isJson = request.headers['content-type']?.startsWith('application/json') === true;
    const json = isJson ? (JSON.parse(body.toString('utf8')) as Record<string, unknown>) : null;
    const authorization = request.headers.authorization ?? null;
    const path = request.url ?? '';
    requests.push({ path, authorization, json, body });
    const { fault } = fake;
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'status') return refuse(response, fault.status, 'scripted');
    if (options.apiKey !== undefined && authorization !== `Bearer ${options.apiKey}`) {
      return refuse(response, 401, 'invalid_api_key');
    }
    if (path === '/v1/chat/completions') return send(response, 'text/event-stream', chatPieces());
    if (path === '/v1/audio/transcriptions') {
      return send(response, 'application/json', halves(JSON.stringify({ text: fake.transcript })));
    }
    if (path !== '/v1/audio/speech') return refuse(response, 404, 'unknown_url');
    if (fake.voices !== null && !fake.voices.includes(String(json?.voice)))
      return refuse(response, 400, 'unknown_voice');
    const isPcm = json?.response_format === 'pcm';
    return send(response, isPcm ? 'audio/pcm' : 'audio/wav', soundPieces(isPcm));
  }

  /** Sends the pieces as the fault has it. */
  async function send(
    response: ServerResponse,
    contentType: string,
    pieces: readonly (string | Buffer)[],
  ): Promise<void> {
    const { fault } = fake;
    response.writeHead(200, { 'content-type': contentType });
    const whole = fault?.kind === 'halfStream' || fault?.kind === 'endsEarly' || fault?.kind === 'stall';
    const sent = whole ? pieces.slice(0, Math.max(1, pieces.length >> 1)) : pieces;
    for (const piece of sent) {
      if (response.destroyed) return;
      response.write(piece);
      await (fault?.kind === 'slow' ? wait(fault.pauseMs) : new Promise(setImmediate));
    }
    if (fault?.kind === 'stall') return;
    if (fault?.kind === 'halfStream') response.destroy();
    else response.end();
  }

  function chatPieces(): string[] {
    const now = fake.chat[Math.min(round, fake.chat.length - 1)] ?? { text: [] };
    round += 1;
    const event = (delta: object, finish: string | null): string =>
      `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
    const start = event({ role: 'assistant', content: '' }, null);
    if ('text' in now) {
      return [start, ...now.text.map((text) => event({ content: text }, null)), event({}, 'stop'), 'data: [DONE]\n\n'];
    }
    const calls = now.toolCalls.flatMap(({ id, name, arguments: text }, index) => [
      event({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }, null),
      ...halves(text).map((part) => event({ tool_calls: [{ index, function: { arguments: part } }] }, null)),
    ]);
    return [start, ...calls, event({}, 'tool_calls'), 'data: [DONE]\n\n'];
  }

  function soundPieces(isPcm: boolean): Buffer[] {
    const { pcm, sampleRate } = fake.speech;
    const bytes = Buffer.from(
      isPcm ? new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength) : encodeWav(pcm, sampleRate),
    );
    return Array.from({ length: Math.ceil(bytes.length / PIECE) }, (_, i) =>
      bytes.subarray(i * PIECE, (i + 1) * PIECE),
    );
  }

  return fake;
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: { message: 'The fake refuses.', type: 'scripted', code } }));
}

function halves(text: string): string[] {
  return [text.slice(0, text.length >> 1), text.slice(text.length >> 1)];
}
