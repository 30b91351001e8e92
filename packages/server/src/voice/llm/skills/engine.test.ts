import assert from 'node:assert/strict';
import test from 'node:test';
import { MusterError } from '@muster/contract';
import { llmConformance } from '@muster/testkit';
import { createLogger } from '../../../platform/log.ts';
import { lines } from '../../lines/index.ts';
import type { ThinkRequest } from '../../ports.ts';
import { skills } from '../../skills/index.gen.ts';
import { requestOf } from '../../skills/parse/ask.fixture.ts';
import { createSkillsEngine } from './engine.ts';

const engine = createSkillsEngine(skills, createLogger('silent'));
const FALLBACK = lines.say('noLanguageModel', 'en');

llmConformance(
  'the skills engine',
  () => ({
    port: engine,
    exchange: { question: 'What is twelve times seven?', answer: '84' },
    toolQuestion: 'Set the volume to 40.',
    askForever: () => undefined,
    setFault: () => undefined,
    open: () => 0,
    close: async () => undefined,
  }),
  [],
);

async function think(request: ThinkRequest) {
  const events = [];
  for await (const event of engine.think(request)) events.push(event);
  const text = events.map((event) => (event.type === 'text' ? event.text : '')).join('');
  const skill = events.find((event) => event.type === 'skill')?.name;
  return { events, text, skill };
}

const tool = (name: string, properties: Record<string, unknown> = {}) => ({
  name,
  description: 'd',
  parameters: { type: 'object', properties, required: Object.keys(properties) },
});
/** What the real firmware lists, and some that use everyday words. */
const tools = [
  tool('self.get_device_status'),
  tool('self.audio_speaker.set_volume', { volume: { type: 'integer', minimum: 0, maximum: 100 } }),
  tool('self.screen.set_brightness', { brightness: { type: 'integer', minimum: 0, maximum: 100 } }),
  tool('self.screen.set_theme', { theme: { type: 'string' } }),
  tool('self.camera.take_photo', { question: { type: 'string' } }),
  tool('self.reboot'),
  tool('self.lamp.turn_on'),
  tool('self.robot.walk', { steps: { type: 'integer' } }),
];

for (const skill of skills) {
  for (const example of skill.examples) {
    test(`"${example}" reaches the skill ${skill.name}`, async () => {
      const answers = { list_reminders: '[]', 'self.get_device_status': '{"audio_speaker":{"volume":50}}' };
      assert.equal((await think(requestOf(example, { tools }, answers).request)).skill, skill.name);
    });
  }
}

/** The transcripts of pocketsphinx's recordings (LibriVox, cards, digits, commands), and questions for a model. */
const FOR_NO_SKILL = [
  'and mister john dashwood had then leisure to consider how much there might be prudently in his power to do for them',
  'he was not an ill disposed young man',
  'unless to be rather cold hearted and rather selfish is to be ill disposed',
  'had he married a more amiable woman he might have been made still more respectable than he was',
  'he might even have been made amiable himself',
  'ten of clubs',
  'four queen of clubs',
  'seven of clubs',
  'five five',
  'eight of spades four of clubs seven of hearts',
  'go forward ten meters',
  'something',
  'one two three four five',
  'what is the weather',
  "what's the weather like in Hanoi tomorrow",
  'who was the first president of the united states',
  'what is the capital of France',
  'how tall is mount everest',
  'tell me about dinosaurs',
  'play some music',
  'translate hello into french',
  'what is love',
  'how old are you',
  'yes',
  'no',
  'turn on',
  'call mom',
  'send a message to anna',
  'what is on my calendar today',
  'the time of my life was five miles from here in ten minutes',
  'a photo of a lamp on the screen',
  '...',
  '',
  '?!',
];
for (const sentence of FOR_NO_SKILL) {
  test(`no skill takes "${sentence}"`, async () => {
    const { request, calls } = requestOf(sentence, { tools });
    const { skill, text } = await think(request);
    assert.deepEqual([skill, text, calls], ['none', FALLBACK, []]);
  });
}

test('any text is answered and harmless text calls nothing', async () => {
  for (const text of [
    'a'.repeat(4_000),
    'set a timer for '.repeat(250),
    '('.repeat(299),
    '1 plus '.repeat(42),
    '\u{1F600}'.repeat(100),
  ]) {
    const started = performance.now();
    const { request, calls } = requestOf(text, { tools });
    await think(request);
    assert.deepEqual(calls, []);
    // Far from any real figure: it catches a pattern that backtracks without end.
    assert.ok(performance.now() - started < 2_000, text.slice(0, 20));
  }
});

test('in another language it says so in that language', async () => {
  const { text, skill } = await think(requestOf('mấy giờ rồi', { language: 'vi' }).request);
  assert.deepEqual([text, skill], [lines.say('noLanguageModel', 'vi'), 'none']);
});

test('the order of events: skill, face, words', async () => {
  const { events } = await think(requestOf('tell me a joke').request);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['skill', 'emotion', 'text'],
  );
});

test('a tool that fails is told, with its own words', async () => {
  const failing = (error: unknown) =>
    think(requestOf('set a timer for ten minutes', { callTool: () => Promise.reject(error) }).request);
  const full = new MusterError('TOOL_FAILED', {}, { say: '50 are waiting already. Cancel one first.' });
  assert.equal((await failing(full)).text, "That didn't work. 50 are waiting already. Cancel one first.");
  assert.equal((await failing(new MusterError('TOOL_TIMEOUT'))).text, lines.say('toolTimeout', 'en'));
  await assert.rejects(failing(new MusterError('DATABASE_UNAVAILABLE')), { code: 'DATABASE_UNAVAILABLE' });
});

test('an abort while a tool runs ends the answer', async () => {
  const controller = new AbortController();
  const reason = new MusterError('SERVER_STOPPING');
  const { request } = requestOf('set a timer for ten minutes', {
    signal: controller.signal,
    callTool() {
      controller.abort(reason);
      return Promise.reject(new MusterError('TOOL_FAILED'));
    },
  });
  await assert.rejects(think(request));
});
