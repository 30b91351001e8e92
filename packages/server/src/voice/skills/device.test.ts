import assert from 'node:assert/strict';
import test from 'node:test';
import { serverTools } from '../tools/index.ts';
import { skill } from './device.ts';
import { ask } from './parse/ask.fixture.ts';

const tool = (name: string, properties: Record<string, unknown> = {}) => ({
  name,
  description: 'Something the vendor wrote',
  parameters: { type: 'object', properties, required: Object.keys(properties) },
});
const percent = { type: 'integer', minimum: 0, maximum: 100 };
const tools = [
  tool('self.get_device_status'),
  tool('self.audio_speaker.set_volume', { volume: percent }),
  tool('self.screen.set_brightness', { brightness: percent }),
  tool('self.screen.set_theme', { theme: { type: 'string', enum: ['light', 'dark'] } }),
  tool('self.camera.take_photo', { question: { type: 'string' } }),
  tool('self.lamp.turn_on'),
  tool('self.lamp.turn_off'),
  tool('self.fan.set_power', { on: { type: 'boolean' } }),
  tool('self.chassis.go_forward', { meters: { type: 'integer', minimum: 1, maximum: 5 } }),
  tool('self.reboot'),
  ...[...serverTools.values()].map(({ spec }) => spec),
];

const CALLS: readonly (readonly [string, string, Record<string, unknown>])[] = [
  ['set brightness to 40', 'self.screen.set_brightness', { brightness: 40 }],
  ['set the screen brightness to forty percent please', 'self.screen.set_brightness', { brightness: 40 }],
  ['change the theme to dark', 'self.screen.set_theme', { theme: 'dark' }],
  ['turn on the lamp', 'self.lamp.turn_on', {}],
  ['turn the lamp off', 'self.lamp.turn_off', {}],
  ['turn on the fan', 'self.fan.set_power', { on: true }],
  ['switch the fan off', 'self.fan.set_power', { on: false }],
  ['take a picture', 'self.camera.take_photo', { question: 'take a photo' }],
  ['go forward three meters', 'self.chassis.go_forward', { meters: 3 }],
  ['yes reboot', 'self.reboot', {}],
];
for (const [sentence, name, args] of CALLS) {
  test(`device: ${sentence}`, async () => {
    const { said, calls } = await ask(skill, sentence, { tools });
    assert.deepEqual(calls, [{ name, args }]);
    assert.equal(said, 'Done.');
  });
}

test('what may do harm is asked for twice', async () => {
  for (const sentence of ['reboot', 'restart the device', 'reboot yourself now'].slice(0, 2)) {
    const { said, calls } = await ask(skill, sentence, { tools });
    assert.equal(said, 'Should I really reboot? Say: yes, reboot.');
    assert.deepEqual(calls, []);
  }
  const asked = { role: 'assistant', text: 'Should I really reboot? Say: yes, reboot.' } as const;
  assert.deepEqual((await ask(skill, 'yes', { tools, history: [asked] })).calls, [{ name: 'self.reboot', args: {} }]);
  const other = { role: 'assistant', text: 'Should I really go home? Say: maybe.' } as const;
  assert.equal((await ask(skill, 'yes', { tools, history: [asked, other] })).said, null);
  assert.equal((await ask(skill, 'yes', { tools })).said, null);
});

test('a value out of range or missing is asked for, not guessed', async () => {
  const cases = [
    ['set the brightness to two hundred', /from 0 to 100/],
    ['set the brightness', /number from 0 to 100/],
    ['change the theme', /light or dark/],
    ['go forward ten meters', /from 1 to 5/],
  ] as const;
  for (const [sentence, answer] of cases) {
    const { said, calls } = await ask(skill, sentence, { tools });
    assert.match(said ?? '', answer, sentence);
    assert.deepEqual(calls, [], sentence);
  }
});

test('only tools that may be called are called', async () => {
  assert.equal(
    (await ask(skill, 'turn on the lamp', { tools: tools.filter(({ name }) => !name.includes('lamp')) })).said,
    null,
  );
  assert.equal((await ask(skill, 'reboot')).said, null);
});

test('tells the state of the device', async () => {
  const status = {
    battery: { level: 50, charging: true },
    network: { type: 'wifi', ssid: 'home', signal: 'strong' },
    screen: { brightness: 75 },
  };
  const answers = { 'self.get_device_status': JSON.stringify(status) };
  const said = async (sentence: string) => (await ask(skill, sentence, { tools }, answers)).said;
  assert.equal(await said('how much battery is left'), 'The battery is at 50 percent and charging.');
  assert.equal(await said('what is your battery level'), 'The battery is at 50 percent and charging.');
  assert.equal(await said('what network are you on'), 'I am connected to home. The signal is strong.');
  assert.equal(await said('how bright is the screen'), 'The brightness is 75 percent.');
  assert.equal(await said('how hot are you'), "The device doesn't tell me that.");
});

test('speaks the words of a tool, and not its JSON', async () => {
  const answer = (text: string) => ask(skill, 'turn on the lamp', { tools }, { 'self.lamp.turn_on': text });
  assert.equal((await answer('The lamp is on now.')).said, 'The lamp is on now.');
  for (const text of ['true', '{"on": true, "level": 3}', '42', '', 'x '.repeat(500)]) {
    assert.equal((await answer(text)).said, 'Done.', text.slice(0, 20));
  }
  assert.match((await answer('false')).said ?? '', /didn't work/);
});

test('schemas that make no sense harm nobody', async () => {
  const odd = [
    { name: 'self.odd', description: '', parameters: { properties: 'none' } },
    { name: '', description: '', parameters: {} },
    { name: '....', description: '', parameters: { properties: { a: null } } },
    { name: 'self.odd.thing', description: '', parameters: {} },
  ];
  const { calls } = await ask(skill, 'odd thing', { tools: odd });
  assert.deepEqual(calls, [{ name: 'self.odd.thing', args: {} }]);
});

test('leaves other sentences alone', async () => {
  const sentences = [
    'turn on',
    'go',
    'set',
    'turn on the kitchen',
    'ten of clubs',
    'eight of spades four of clubs seven of hearts',
    'he took a photo of his brother at the lake',
    'the lamp was bright and the theme was dark',
    'what is the battery made of',
    'take a photo of the dog and send it to my mom',
    'i will go forward with my plan',
    'cancel reminders',
    'status',
  ];
  for (const sentence of sentences) assert.equal((await ask(skill, sentence, { tools })).said, null, sentence);
});
