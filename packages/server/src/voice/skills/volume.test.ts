import assert from 'node:assert/strict';
import test from 'node:test';
import { ask, assertLeaves } from './parse/ask.fixture.ts';
import { skill } from './volume.ts';

const SET = 'self.audio_speaker.set_volume';
const STATUS = 'self.get_device_status';
const tools = [SET, STATUS].map((name) => ({ name, description: '', parameters: { type: 'object', properties: {} } }));
const at = (volume: number) => ({
  [STATUS]: JSON.stringify({ audio_speaker: { volume }, screen: { brightness: 75 } }),
});

// The volume is 70.
const SENTENCES: readonly (readonly [string, number])[] = [
  ['turn the volume up', 80],
  ['turn up the volume', 80],
  ['volume up', 80],
  ['louder please', 80],
  ['can you speak up', 80],
  ['turn it up a lot', 100],
  ['turn the volume up by twenty', 90],
  ['turn the volume down', 60],
  ['turn it down a bit', 65],
  ['lower the volume by 15 percent', 55],
  ['quieter', 60],
  ['set volume to fifty percent', 50],
  ['set the volume to 35', 35],
  ['volume thirty', 30],
  ['turn the volume up to forty', 40],
  ['set the volume to max', 100],
  ['full volume', 100],
  ['mute', 0],
  ['mute yourself', 0],
  ['unmute', 50],
];
for (const [sentence, volume] of SENTENCES) {
  test(`volume: ${sentence}`, async () => {
    const { said, calls } = await ask(skill, sentence, { tools }, at(70));
    assert.deepEqual(
      calls.filter(({ name }) => name === SET),
      [{ name: SET, args: { volume } }],
    );
    assert.equal(said, volume === 0 ? 'Muted.' : `The volume is ${volume} percent.`);
  });
}

test('tells the volume without changing it', async () => {
  const { said, calls } = await ask(skill, 'what is the volume', { tools }, at(70));
  assert.equal(said, 'The volume is 70 percent.');
  assert.deepEqual(calls, [{ name: STATUS, args: {} }]);
});

test('stays between 0 and 100', async () => {
  assert.match((await ask(skill, 'louder', { tools }, at(100))).said ?? '', /as loud as I get/);
  assert.match((await ask(skill, 'quieter', { tools }, at(0))).said ?? '', /as quiet as I get/);
  assert.deepEqual((await ask(skill, 'louder', { tools }, at(95))).calls.at(-1)?.args, { volume: 100 });
  assert.match((await ask(skill, 'set the volume to 120', { tools }, at(70))).said ?? '', /from 0 to 100/);
});

test('says so when the device has no volume, or does not tell it', async () => {
  assert.match((await ask(skill, 'mute')).said ?? '', /does not let me/);
  for (const status of [
    'true',
    '{}',
    '[]',
    '{"audio_speaker":{"volume":"loud"}}',
    '{"audio_speaker":{"volume":1e9}}',
    'x'.repeat(9_000),
  ]) {
    const { said, calls } = await ask(skill, 'louder', { tools }, { [STATUS]: status });
    assert.match(said ?? '', /Tell me a number/, status.slice(0, 40));
    assert.equal(calls.length, 1);
  }
});

test('leaves other sentences alone', () =>
  assertLeaves(skill, [
    'the volume of a sphere',
    'turn the page',
    'speak',
    'how loud is a lion',
    'turn up at five',
    'a mute man',
  ]));
