import { type Assistant, type Language, MusterError } from '@muster/contract';
import { llmProviders } from './llm/index.gen.ts';
import type { LanguageModel, ProviderDefinition, ProviderDeps, SpeechToText, TextToSpeech } from './ports.ts';
import { sttProviders } from './stt/index.gen.ts';
import { ttsProviders } from './tts/index.gen.ts';

export type StageConfig = Readonly<Record<string, unknown>>;

interface Provider {
  readonly id: string;
  warm(): Promise<void>;
  close(): Promise<void>;
}

/** The providers that can be used with this configuration, each made once and shared by all conversations. */
export interface Providers {
  readonly stt: readonly SpeechToText[];
  readonly llm: readonly LanguageModel[];
  readonly tts: readonly TextToSpeech[];
  /** In the order the assistant wants, or the server's own; what is not configured any more is left out. */
  chosenBy(assistant: Pick<Assistant, 'stt' | 'llm' | 'tts'>): {
    readonly stt: readonly SpeechToText[];
    readonly llm: readonly LanguageModel[];
    readonly tts: readonly TextToSpeech[];
  };
  names(): Readonly<Record<'stt' | 'llm' | 'tts', readonly string[]>>;
  /** Languages that some provider speaks. */
  canSpeak(language: Language): boolean;
  warm(): Promise<void>;
  close(): Promise<void>;
}

export async function createProviders(
  config: Readonly<Record<'stt' | 'llm' | 'tts', StageConfig>>,
  deps: ProviderDeps,
): Promise<Providers> {
  return assemble({
    stt: await create<SpeechToText>(sttProviders, config.stt, deps),
    llm: await create<LanguageModel>(llmProviders, config.llm, deps),
    tts: await create<TextToSpeech>(ttsProviders, config.tts, deps),
  });
}

/** From providers that exist already: for whoever runs voice with stages of their own. */
export function assemble(made: Pick<Providers, 'stt' | 'llm' | 'tts'>): Providers {
  const all: readonly Provider[] = [...made.stt, ...made.llm, ...made.tts];
  return {
    ...made,
    chosenBy: (assistant) => ({
      stt: choose(made.stt, assistant.stt),
      llm: choose(made.llm, assistant.llm),
      tts: choose(made.tts, assistant.tts),
    }),
    names: () => ({ stt: ids(made.stt), llm: ids(made.llm), tts: ids(made.tts) }),
    canSpeak: (language) => made.tts.some((tts) => tts.speaks(language)),
    async warm() {
      await Promise.all(all.map((provider) => provider.warm()));
    },
    async close() {
      await Promise.allSettled(all.map((provider) => provider.close()));
    },
  };
}

async function create<Port>(
  definitions: readonly ProviderDefinition<Port>[],
  config: StageConfig,
  deps: ProviderDeps,
): Promise<Port[]> {
  const made: Port[] = [];
  for (const definition of [...definitions].sort((a, b) => a.order - b.order)) {
    const own = (config[definition.id] ?? {}) as Parameters<typeof definition.create>[0];
    if (await definition.configured(own)) made.push(await definition.create(own, deps));
  }
  return made;
}

function choose<P extends Provider>(providers: readonly P[], wanted: readonly string[] | null): readonly P[] {
  if (wanted === null) return providers;
  const chosen = wanted.flatMap((id) => providers.find((provider) => provider.id === id) ?? []);
  if (chosen.length === 0) throw new MusterError('PROVIDER_UNKNOWN', { wanted: wanted.join(',') });
  return chosen;
}

function ids(providers: readonly Provider[]): string[] {
  return providers.map((provider) => provider.id);
}
