import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { promisify } from 'node:util';
import { framingVersion, MusterError, resample } from '@muster/contract';
import { openAudio } from './audio/open-audio.ts';
import { SPEAKER_RATE } from './audio/port.ts';
import type { Config } from './config.ts';
import { serveHealth } from './health/health.ts';
import { type ActivationDeps, becomeActive } from './identity/activation.ts';
import { announceCode } from './identity/announce.ts';
import { type Identity, loadIdentity } from './identity/identity-file.ts';
import { keepConnected } from './link/keep-connected.ts';
import type { ServerMessage } from './link/messages.ts';
import { openSession } from './link/session.ts';
import { createLinkStatus } from './link/status.ts';
import { createLog } from './log.ts';
import { createMcpServer } from './mcp/server.ts';
import { tools } from './mcp/tools/index.gen.ts';
import { type ConversationEvent, createConversation } from './voice/conversation.ts';
import { sayFiles } from './voice/say-files.ts';

const REBOOT_MS = 10_000;

export interface Device {
  readonly identity: Identity;
  readonly healthPort: number;
  /** The button. */
  press(): void;
  /** Resolves when the device is done (its files are said) or was stopped; rejects when it cannot go on. */
  readonly done: Promise<void>;
  /** Closes the channel, the sound and the health page. Idempotent. */
  stop(): Promise<void>;
}

/** Puts a device together and starts it. `print` is for the person in front of it. */
export async function startDevice(config: Config, print: (text: string) => void): Promise<Device> {
  const log = createLog(config.logLevel);
  const stopping = new AbortController();
  const startedAt = performance.now();
  const identity = await loadIdentity(config.dataDir);
  const ca = await readAuthorities(config.ca);
  const { audio, files } = openAudio(config, log);
  const link = createLinkStatus();
  const reboot = config.allowReboot ? restartMachine : null;

  const listeners = new Set<(event: ConversationEvent) => void>([(event) => show(event, print)]);
  const conversation = createConversation({
    audio,
    mode: config.mode,
    followUpMs: files === null ? config.followUpMs : 0,
    log,
    onEvent(event) {
      for (const listener of listeners) listener(event);
    },
  });
  const network = (): Record<string, unknown> => ({ connected: link.session()?.isOpen() ?? false });
  const mcp = createMcpServer(tools, { audio, network, reboot }, config.board, log);

  const health = await serveHealth(config.healthPort, () => [
    { name: 'link', ...link.state() },
    { name: 'audio', ...audio.state() },
    { name: 'identity', state: 'ready', since: startedAt, detail: identity.hardwareId },
  ]);

  log.info('health page is open', { port: health.port });

  function onMessage(message: ServerMessage): void {
    if (message.type === 'mcp') {
      mcp.request(message.payload, (payload) => link.session()?.send({ type: 'mcp', payload }));
    } else if (message.type === 'reboot') {
      if (reboot === null) log.warn('the server asked for a restart, which allowReboot forbids');
      else reboot().catch((error: unknown) => log.error('the restart failed', { error: String(error) }));
    } else conversation.message(message);
  }

  const activation: ActivationDeps = {
    options: { server: config.server, board: config.board, language: config.language, proof: config.proof, ca },
    folder: config.dataDir,
    log,
    tell: (code, signal) => announceCode({ language: config.language, print, play: spoken, log }, code, signal),
    state: (state, detail) => link.absent(state === 'unreachable' ? 'down' : 'starting', detail ?? state),
  };
  const spoken = config.speakCode
    ? (pcm: Int16Array, rate: number): void => audio.speaker.play(resample(pcm, rate, SPEAKER_RATE))
    : null;

  const { signal } = stopping;
  const channel = { framing: framingVersion(config.framing), frameMs: config.frameMs, ca, signal };
  const connected = keepConnected(
    {
      access: (ended) => becomeActive(activation, identity, ended),
      open: (access) => openSession(access, identity, { message: onMessage, audio: conversation.audio }, channel),
      onOpen(session) {
        link.opened(session);
        print('Connected.\n');
        conversation.attach(session);
      },
      onClosed(why) {
        link.absent('down', why);
        conversation.detach();
      },
      log,
    },
    signal,
  );

  function listen(listener: (event: ConversationEvent) => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }
  const isConnected = (): boolean => link.session()?.isOpen() ?? false;
  const saying = { conversation, mode: config.mode, isConnected, listen };
  const said = files !== null && config.in.length > 0 ? [sayFiles({ audio: files, ...saying }, config.in, signal)] : [];
  const done = Promise.race([connected, ...said]);

  return {
    identity,
    healthPort: health.port,
    press: conversation.press,
    done: done.catch((error: unknown) => {
      if (!signal.aborted) throw error;
    }),
    async stop() {
      if (signal.aborted) return;
      stopping.abort(new MusterError('SERVER_STOPPING', {}, { say: 'The device stops.' }));
      link.session()?.close();
      await Promise.allSettled([connected, audio.close(), health.close()]);
      await files?.save();
    },
  };
}

/** The certificates that are trusted: Node's own, and one file more. There is no way to trust less carefully. */
async function readAuthorities(path: string | undefined): Promise<readonly string[] | undefined> {
  if (path === undefined) return undefined;
  try {
    return [...rootCertificates, await readFile(path, 'utf8')];
  } catch (cause) {
    throw new MusterError('CONFIG_INVALID', { path }, { cause, say: `ca: ${path} cannot be read.` });
  }
}

async function restartMachine(): Promise<void> {
  await promisify(execFile)('systemctl', ['reboot'], { timeout: REBOOT_MS });
}

function show(event: ConversationEvent, print: (text: string) => void): void {
  if (event.type === 'heard') print(`> ${event.text}\n`);
  if (event.type === 'sentence') print(`< ${event.text}\n`);
  if (event.type === 'alert') print(`! ${event.text}\n`);
  if (event.type === 'state' && event.state === 'listening') print('Listening.\n');
}
