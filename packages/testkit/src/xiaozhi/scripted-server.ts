import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DOWNLINK, decodeFrame, encodeFrame, framingVersion, MusterError } from '@muster/contract';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Message } from './connection.ts';
import { pace } from './pacer.ts';

/** What a device asked, as it came. */
export interface Asked {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** One device on the wire, driven by the test. */
export interface Peer {
  readonly asked: Asked;
  /** Text frames in order. */
  readonly messages: readonly Message[];
  /** Opus packets in order, with arrival (ms of the monotonic clock). */
  readonly packets: readonly { readonly bytes: Uint8Array; readonly at: number }[];
  send(message: object | string): void;
  sendRaw(bytes: Uint8Array): void;
  /** Sends packets as a proper server: 5 at once, then one per 60 ms. Resolves when the last is sent. */
  play(packets: readonly Uint8Array[]): Promise<void>;
  /** `stt`, `tts start`, one frame of pause, the packets, the play-out tail, `tts stop`. */
  answer(heard: string, packets: readonly Uint8Array[]): Promise<void>;
  /** The first message that `wanted` accepts, of the past too. ANSWER_TIMEOUT after 20 s. */
  got(wanted: (message: Message) => boolean): Promise<Message>;
  isOpen(): boolean;
  close(code?: number): void;
  /** Breaks TCP. */
  drop(): void;
}

export interface ScriptedServer {
  readonly otaUrl: string;
  readonly wsUrl: string;
  readonly checkIns: readonly Asked[];
  readonly proofs: readonly Asked[];
  readonly peers: readonly Peer[];
  /** The next device that says hello; one that did so already and was not taken counts. */
  nextPeer(): Promise<Peer>;
  /** Changes what the next requests get. */
  set(change: Partial<Script>): void;
  close(): Promise<void>;
}

export interface Script {
  /** `null`: the device is active. */
  readonly activation: { readonly code: string; readonly challenge: string } | null;
  /** Statuses of the next polls, the last for ever. */
  readonly pollStatuses: readonly number[];
  /** Any other status than 200 is sent with an empty body. */
  readonly checkInStatus: number;
  readonly token: string;
  /** Refuse the upgrade with 401. */
  readonly refuse: boolean;
  /** Answer the hello; false leaves the device waiting. */
  readonly hello: boolean;
  /** Called for each device after its hello. */
  readonly onPeer: ((peer: Peer) => void) | null;
}

const PATIENCE_MS = 20_000;

/** The server's side of the wire without a server behind it: real HTTP and WebSocket, and a script for the rest. */
export async function createScriptedServer(initial: Partial<Script> = {}): Promise<ScriptedServer> {
  let script: Script = {
    activation: null,
    pollStatuses: [200],
    checkInStatus: 200,
    token: 'scripted-token',
    refuse: false,
    hello: true,
    onPeer: null,
    ...initial,
  };
  const checkIns: Asked[] = [];
  const proofs: Asked[] = [];
  const peers: Peer[] = [];
  const fresh: Peer[] = [];
  const expecting: ((peer: Peer) => void)[] = [];

  const http = createServer(async (request, response) => {
    const asked = { path: request.url ?? '', headers: request.headers, body: await readBody(request) };
    if (asked.path.replace(/\/$/, '').endsWith('/activate')) {
      proofs.push(asked);
      const status = script.pollStatuses[Math.min(proofs.length, script.pollStatuses.length) - 1] ?? 200;
      response.writeHead(status).end();
      return;
    }
    checkIns.push(asked);
    if (script.checkInStatus !== 200) {
      response.writeHead(script.checkInStatus).end();
      return;
    }
    const active = script.activation === null ? {} : { activation: { ...script.activation, message: 'Type the code' } };
    const body = {
      server_time: { timestamp: Date.now(), timezone_offset: 0 },
      firmware: { version: '2.4.2', url: '' },
      websocket: { url: wsUrl, token: script.token, version: 1 },
      ...active,
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });

  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  http.on('upgrade', (request, socket, head) => {
    if (script.refuse) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (opened) => {
      const asked = { path: request.url ?? '', headers: request.headers, body: '' };
      const peer = createPeer(opened, asked, () => {
        if (!script.hello) return;
        peer.send({
          type: 'hello',
          version: 1,
          transport: 'websocket',
          session_id: `session-${peers.length}`,
          audio_params: DOWNLINK,
        });
        script.onPeer?.(peer);
        const expected = expecting.shift();
        if (expected === undefined) fresh.push(peer);
        else expected(peer);
      });
      peers.push(peer);
    });
  });

  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const wsUrl = `ws://127.0.0.1:${port}/xiaozhi/v1/`;

  return {
    otaUrl: `http://127.0.0.1:${port}/xiaozhi/ota/`,
    wsUrl,
    checkIns,
    proofs,
    peers,
    nextPeer() {
      const ready = fresh.shift();
      if (ready !== undefined) return Promise.resolve(ready);
      return withPatience('no device said hello', (resolve) => expecting.push(resolve));
    },
    set(change) {
      script = { ...script, ...change };
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
}

function createPeer(socket: WebSocket, asked: Asked, onHello: () => void): Peer {
  const framing = framingVersion(asked.headers['protocol-version']);
  const messages: Message[] = [];
  const packets: { bytes: Uint8Array; at: number }[] = [];
  const watchers = new Set<(message: Message) => void>();
  socket.on('message', (data, isBinary) => {
    const at = performance.now();
    const bytes = data as Buffer;
    if (isBinary) {
      const frame = decodeFrame(framing, bytes);
      if (frame !== null) packets.push({ bytes: frame.payload, at });
      return;
    }
    const message = JSON.parse(bytes.toString('utf8')) as Message;
    messages.push(message);
    if (message.type === 'hello') onHello();
    for (const watch of [...watchers]) watch(message);
  });
  // a device that breaks off is what tests are about; `close` follows
  socket.on('error', () => socket.terminate());

  const peer: Peer = {
    asked,
    messages,
    packets,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    sendRaw: (bytes) => socket.send(bytes),
    play(all) {
      const burst = 5;
      for (const packet of all.slice(0, burst)) socket.send(encodeFrame(framing, packet));
      if (all.length <= burst) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      pace(DOWNLINK.frame_duration, (index) => {
        const packet = all[burst + index];
        if (packet !== undefined && socket.readyState === socket.OPEN) socket.send(encodeFrame(framing, packet));
        if (index + 1 < all.length - burst && socket.readyState === socket.OPEN) return true;
        resolve();
        return false;
      });
      return promise;
    },
    async answer(heard, all) {
      peer.send({ type: 'stt', text: heard });
      peer.send({ type: 'tts', state: 'start' });
      peer.send({ type: 'tts', state: 'sentence_start', text: heard });
      await wait(DOWNLINK.frame_duration);
      await peer.play(all);
      await wait((Math.min(all.length, 5) + 2) * DOWNLINK.frame_duration);
      peer.send({ type: 'tts', state: 'stop' });
    },
    got(wanted) {
      const known = messages.find(wanted);
      if (known !== undefined) return Promise.resolve(known);
      return withPatience('the message did not come', (resolve) => {
        const watch = (message: Message): void => {
          if (!wanted(message)) return;
          watchers.delete(watch);
          resolve(message);
        };
        watchers.add(watch);
      });
    },
    isOpen: () => socket.readyState === socket.OPEN,
    close: (code = 1000) => socket.close(code),
    drop: () => socket.terminate(),
  };
  return peer;
}

function withPatience<T>(why: string, start: (resolve: (value: T) => void) => void): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(() => reject(new MusterError('ANSWER_TIMEOUT', { why })), PATIENCE_MS);
  start(resolve);
  return promise.finally(() => clearTimeout(timer));
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  request.setEncoding('utf8');
  for await (const chunk of request) body += chunk;
  return body;
}
