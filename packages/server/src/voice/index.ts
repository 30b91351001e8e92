import {
  type Assistant,
  codeOf,
  type ErrorCode,
  LANGUAGES,
  type Language,
  MusterError,
  type PartState,
  type Site,
} from '@muster/contract';
import type { Static } from 'typebox';
import type { Bus } from '../platform/bus/index.ts';
import type { Clock } from '../platform/clock.ts';
import { within } from '../platform/deadline.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Assistants } from './assistants/index.ts';
import { createOpusDecoder, createOpusEncoder } from './audio/opus.ts';
import type { turnConfig } from './config.ts';
import { createLineSounds } from './line-sounds.ts';
import { lines, spaced } from './lines/index.ts';
import { ringingLine } from './lines/ringing.ts';
import { createMemory } from './memory.ts';
import {
  type Conversation,
  HEARING_RATE,
  type ProviderState,
  SPEAKING_RATE,
  type Vad,
  type VoiceLink,
} from './ports.ts';
import type { Providers } from './providers.ts';
import type { Recorder } from './recorder/index.ts';
import type { Ringing } from './reminders/index.ts';
import { passThrough } from './screening/pass-through.ts';
import { refuseAll } from './screening/refuse-all.ts';
import { type SpokenMessage, speakToFile } from './spoken-message.ts';
import { createToolbox, type Toolbox } from './toolbox.ts';
import type { AnswerDeps } from './turn/answer.ts';
import { createConversation, type SpokenConversation } from './turn/conversation.ts';

export { type Assistants, assistantRoutes, createAssistants } from './assistants/index.ts';
export type { Vad } from './ports.ts';
export { assemble, createProviders, type Providers } from './providers.ts';
export { createRecorder, type Recorder, turnRoutes } from './recorder/index.ts';
export { createReminders, type Reminders } from './reminders/index.ts';
export { voiceRoutes } from './routes.ts';
export type { SpokenMessage } from './spoken-message.ts';
export { createSilero } from './vad/silero/index.ts';

export interface VoiceDeps {
  readonly config: Static<typeof turnConfig>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly bus: Bus;
  readonly vad: Vad;
  readonly providers: Providers;
  readonly assistants: Assistants;
  readonly recorder: Recorder;
  readonly toolbox: Toolbox;
  readonly siteOf: (siteId: string) => Promise<Site>;
  /** The assistant that a device is pointed at, or null. */
  readonly assistantOf: (deviceId: string) => Promise<string | null>;
  /**
   * Gives a spoken message to a device that is there without a conversation. `fetched`: the device took the sound to
   * its end. `shown`: it was sent as text, and nobody knows more. `away`: it has no connection, or is busy.
   */
  readonly leaveMessage: (deviceId: string, message: SpokenMessage) => Promise<'fetched' | 'shown' | 'away'>;
  readonly siteOfDevice: (deviceId: string) => Promise<string>;
  /** Whether a message can be left, asked before one is spoken. */
  readonly takesMessages: (deviceId: string) => boolean;
}

/** Who answers a device, and by which rules. */
interface Served {
  readonly site: Site;
  readonly assistant: Assistant;
}

export interface Voice {
  /** A device said hello. What comes back gets its frames and messages. */
  open(link: VoiceLink): Conversation;
  /** Says a line to a connected device when nobody is speaking; true when it was played to the end. */
  announce(
    deviceId: string,
    line: (language: Language, timeZone: string) => string,
    cause: 'reminder' | 'server',
  ): Promise<boolean>;
  /**
   * Says a person's words on a device. `played`: to the end, in its conversation. `fetched` and `shown`: see
   * VoiceDeps.leaveMessage. DEVICE_NOT_CONNECTED, SCREENING_REFUSED, or what speech synthesis throws.
   */
  say(device: { readonly deviceId: string; readonly siteId: string }, text: string): Promise<SayOutcome>;
  /** Rings a reminder; false when the device is away or somebody is speaking. */
  ring(ringing: Ringing): Promise<boolean>;
  /** Engines that run in processes of their own, for /ready. */
  parts(): readonly { readonly name: string; check(): { readonly state: PartState; readonly detail: string | null } }[];
  /** Speaks the server's own lines once: resolves when those in English are there, the others follow. */
  prepareLines(): Promise<void>;
}

/** 24 kbit/s is clear speech; complexity 1 costs 0.3 ms a frame, 5 costs 0.7, for a difference that a small speaker hides. */
const ENCODER = { bitrate: 24_000, complexity: 1 } as const;
const LOOK_UP_MS = 3_000;
/** Longest time to make a message for a device without a conversation, ms. */
const MESSAGE_MS = 30_000;

export type SayOutcome = 'played' | 'fetched' | 'shown';

export { createToolbox };

/** What a device shows under its six digits, in its own language. */
export function activationLine(code: string, language: Language): string {
  return `${lines.say('activation', language, { code: spaced(code) })}\n${code}`;
}

export function createVoice(deps: VoiceDeps): Voice {
  const { config, clock, log, metrics, vad, providers, assistants, recorder } = deps;
  const memory = createMemory(clock, config.memoryMs);
  const lineSounds = createLineSounds(providers.tts, log, clock);
  const served = new Map<string, { readonly siteId: string; readonly served: Promise<Served> }>();
  const live = new Map<string, SpokenConversation>();
  const wakeWords = new Set(config.wakeWords.map(plain));
  const failures = metrics.counter('muster_provider_failures_total', 'Failures of providers', [
    'stage',
    'provider',
    'code',
  ]);
  const faults = metrics.counter('muster_voice_faults_total', 'Sound from devices that was not heard, by code', [
    'code',
  ]);
  const pacing = metrics.histogram(
    'muster_playout_late_seconds',
    'How late a frame left against its schedule',
    [],
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.06],
  );
  metrics.gauge('muster_conversations', 'Devices with an open conversation', () => live.size);

  async function look(link: Pick<VoiceLink, 'deviceId' | 'siteId'>): Promise<Served> {
    const [site, assistantId] = await Promise.all([deps.siteOf(link.siteId), deps.assistantOf(link.deviceId)]);
    return { site, assistant: await assistants.serving(link.siteId, assistantId) };
  }

  /** Read once a connection and again after a change, so that a conversation goes on while the database is away. */
  function servedBy(link: VoiceLink): Promise<Served> {
    const found = served.get(link.deviceId);
    if (found !== undefined) return found.served;
    const looked = within(clock, { ms: LOOK_UP_MS, code: 'DATABASE_UNAVAILABLE' }, () => look(link));
    const entry = { siteId: link.siteId, served: looked };
    served.set(link.deviceId, entry);
    looked.catch(() => {
      if (served.get(link.deviceId) === entry) served.delete(link.deviceId);
    });
    return looked;
  }

  function forgetSite({ siteId }: { readonly siteId: string }): void {
    for (const [deviceId, entry] of served) if (entry.siteId === siteId) served.delete(deviceId);
  }
  deps.bus.subscribe('site.changed', forgetSite);
  deps.bus.subscribe('assistant.changed', forgetSite);
  deps.bus.subscribe('device.changed', ({ deviceId }) => void served.delete(deviceId));

  function answerDeps(link: VoiceLink, { site, assistant }: Served): Omit<AnswerDeps, 'playout'> {
    const { language, voice, persona } = assistant;
    return {
      clock,
      log,
      link,
      limits: config,
      voice: {
        assistantName: assistant.name,
        persona,
        language,
        voice,
        timeZone: site.timeZone,
        siteId: site.siteId,
        screener: site.screening === 'required' ? refuseAll : passThrough,
        ...providers.chosenBy(assistant),
      },
      history: memory.recall(link.deviceId, assistant.memoryTurns),
      ...deps.toolbox.of(link, { allowed: assistant.allowedTools, timeZone: site.timeZone, language }),
      lineSound: lineSounds.get,
      onProviderFailure(stage, provider, error) {
        failures.inc({ stage, provider, code: codeOf(error) });
        log.warn({ stage, provider, err: error }, 'a provider failed');
      },
    };
  }

  function open(link: VoiceLink): Conversation {
    // words are kept only when the site said so as the answer began
    let keepWords = false;
    const conversation = createConversation({
      clock,
      log,
      link,
      vad: vad.open(),
      decoder: createOpusDecoder(HEARING_RATE),
      encoder: createOpusEncoder(SPEAKING_RATE, ENCODER),
      endpoint: { minMs: config.endpointMinMs, maxMs: config.endpointMaxMs },
      isWakeWord: (text) => wakeWords.has(plain(text)),
      async answerDeps() {
        const found = await servedBy(link);
        keepWords = found.site.keepWords;
        return answerDeps(link, found);
      },
      apology: () => lineSounds.get('thinkingFailed', 'en'),
      onReport(report) {
        if (report.outcome === 'answered' && report.heard !== '') memory.keep(link.deviceId, report.heard, report.said);
        recorder.record(report, { deviceId: link.deviceId, siteId: link.siteId, keepWords });
      },
      onPaced: (lateMs) => pacing.observe(Math.max(0, lateMs) / 1000),
      onFault: (code: ErrorCode) => faults.inc({ code }),
    });
    live.set(link.deviceId, conversation);
    servedBy(link).catch((error: unknown) => log.warn({ err: error }, 'the assistant of a device could not be read'));
    return {
      ...conversation,
      idle: () => void goodbye(link, conversation),
      close() {
        if (live.get(link.deviceId) === conversation) {
          live.delete(link.deviceId);
          served.delete(link.deviceId);
        }
        conversation.close();
      },
    };
  }

  async function announce(
    deviceId: string,
    line: (language: Language, timeZone: string) => string,
    cause: 'reminder' | 'server',
  ): Promise<boolean> {
    const conversation = live.get(deviceId);
    if (conversation !== undefined) {
      const { site, assistant } = await servedBy(conversation.link);
      return conversation.announce(line(assistant.language, site.timeZone), cause);
    }
    if (!deps.takesMessages(deviceId)) return false;
    const siteId = await deps.siteOfDevice(deviceId);
    const found = await look({ deviceId, siteId });
    const text = line(found.assistant.language, found.site.timeZone);
    return (await leave(deviceId, text, found)) !== 'away';
  }

  async function leave(deviceId: string, text: string, { assistant }: Served): Promise<'fetched' | 'shown' | 'away'> {
    const tts = providers.chosenBy(assistant).tts;
    const spoken = { clock, tts, encoder: ENCODER, onFailure: onSpeakingFailure };
    const signal = AbortSignal.timeout(MESSAGE_MS);
    return deps.leaveMessage(deviceId, await speakToFile(spoken, text, assistant, signal));
  }

  function onSpeakingFailure(provider: string, error: unknown): void {
    failures.inc({ stage: 'tts', provider, code: codeOf(error) });
    log.warn({ stage: 'tts', provider, err: error }, 'a provider failed');
  }

  async function say(
    device: { readonly deviceId: string; readonly siteId: string },
    text: string,
  ): Promise<SayOutcome> {
    const { deviceId, siteId } = device;
    const found = await look(device);
    const screener = found.site.screening === 'required' ? refuseAll : passThrough;
    const limit = { ms: config.screeningMs, code: 'SCREENING_FAILED' } as const;
    const verdict = await within(clock, limit, (signal) => screener.check(text, { direction: 'out', siteId, signal }));
    if (!verdict.allow) throw new MusterError('SCREENING_REFUSED', { deviceId });
    const conversation = live.get(deviceId);
    if (conversation !== undefined) {
      if (await conversation.announce(text, 'server')) return 'played';
      const say = 'Somebody is speaking with the device, or it hung up. Try again in a moment.';
      throw new MusterError('DEVICE_NOT_CONNECTED', { deviceId }, { say });
    }
    const outcome = deps.takesMessages(deviceId) ? await leave(deviceId, text, found) : 'away';
    if (outcome === 'away') throw new MusterError('DEVICE_NOT_CONNECTED', { deviceId });
    return outcome;
  }

  async function goodbye(link: VoiceLink, conversation: SpokenConversation): Promise<void> {
    const found = await servedBy(link).catch(() => null);
    conversation.idle(lines.say('goodbye', found?.assistant.language ?? 'en'));
  }

  return {
    open,
    announce,
    say,
    ring: (ringing) =>
      announce(ringing.deviceId, (language, timeZone) => ringingLine(ringing, language, timeZone), 'reminder'),

    parts: () => [
      part(`voice.vad.${vad.id}`, vad),
      ...(['stt', 'llm', 'tts'] as const).flatMap((stage) =>
        providers[stage].map((provider) => part(`voice.${stage}.${provider.id}`, provider)),
      ),
    ],

    async prepareLines() {
      const [first, ...others] = LANGUAGES;
      await lineSounds.prepare(first);
      void others.reduce((before, language) => before.then(() => lineSounds.prepare(language)), Promise.resolve());
    },
  };
}

/** A provider that waits for nobody is ready when it is there; the others say themselves. */
function part(name: string, provider: { state?(): ProviderState }) {
  return {
    name,
    check() {
      const found = provider.state?.();
      if (found === undefined) return { state: 'ready' as const, detail: null };
      const detail = `${found.ready} of ${found.children} processes, ${found.restarts} restarts`;
      return { state: found.state, detail };
    },
  };
}

/** Lower case without punctuation and spaces, as wake words are compared. */
function plain(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}
