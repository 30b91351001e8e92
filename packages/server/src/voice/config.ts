import { type TObject, Type } from 'typebox';
import { llmProviders } from './llm/index.gen.ts';
import { sttProviders } from './stt/index.gen.ts';
import { ttsProviders } from './tts/index.gen.ts';

const ms = (value: number, description: string, maximum = 60_000) =>
  Type.Integer({ minimum: 100, maximum, default: value, description: `${description}, ms` });

/** Time limits of a turn. Past one, the person hears a short line instead of silence. */
export const turnConfig = Type.Object({
  endpointMinMs: ms(320, 'Silence that ends a turn when the words sound finished', 2_000),
  endpointMaxMs: ms(700, 'Silence that ends a turn when the words break off', 5_000),
  hearingMs: ms(6_000, 'Longest wait for the words of a person'),
  thinkingMs: ms(12_000, 'Longest wait for the next words of the language model'),
  speakingMs: ms(5_000, 'Longest wait for the next sound of speech synthesis'),
  screeningMs: ms(3_000, 'Longest wait for the screener'),
  toolMs: ms(30_000, 'Longest wait for a tool'),
  turnMs: ms(120_000, 'Longest turn', 600_000),
  momentMs: ms(2_200, 'Silence after which the device says that it is still working'),
  memoryMs: ms(600_000, 'How long past turns are remembered when nothing is said', 86_400_000),
  keepDays: Type.Integer({
    minimum: 1,
    maximum: 3_650,
    default: 90,
    description: 'Days for which the flight recorder keeps turns',
  }),
  wakeWords: Type.Array(Type.String({ maxLength: 60 }), {
    maxItems: 50,
    default: [
      '你好小智',
      'hi lexin',
      'hi esp',
      'hi jason',
      'nihaoxiaozhi',
      'alexa',
      'hey jarvis',
      'lily',
      'sophia',
      'smart c',
    ],
    description: 'Words that a device sends as text when it wakes up: they are not a question',
  }),
});

/** `voice.stt.<id>`, `voice.llm.<id>`, `voice.tts.<id>`: each provider brings its piece. */
export const voiceConfig = Type.Object({
  turn: turnConfig,
  stt: configOf(sttProviders),
  llm: configOf(llmProviders),
  tts: configOf(ttsProviders),
});

function configOf(definitions: readonly { readonly id: string; readonly config: TObject }[]): TObject {
  return Type.Object(Object.fromEntries(definitions.map(({ id, config }) => [id, config])));
}
