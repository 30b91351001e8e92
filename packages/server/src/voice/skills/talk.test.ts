import assert from 'node:assert/strict';
import test from 'node:test';
import { lines } from '../lines/index.ts';
import { JOKES, RIDDLES } from './data/jokes.data.ts';
import { STORIES } from './data/stories.data.ts';
import { skill as help } from './help.ts';
import { skill as joke } from './joke.ts';
import { ask, assertLeaves, NOW } from './parse/ask.fixture.ts';
import { skill as repeat } from './repeat.ts';
import { skill as smallTalk } from './small-talk.ts';
import { skill as story } from './story.ts';

const answered = (text: string) => [{ role: 'assistant', text }] as const;

for (const sentence of [
  'tell me a joke',
  'make me laugh',
  'do you know any good jokes',
  'say something funny',
  'a joke please',
]) {
  test(`joke: ${sentence}`, async () => assert.ok(JOKES.includes((await ask(joke, sentence)).said ?? '')));
}

test('no joke twice while there are others', async () => {
  const history: { role: 'assistant'; text: string }[] = [];
  for (let count = 0; count < JOKES.length; count += 1) {
    const { said } = await ask(joke, count === 0 ? 'tell me a joke' : 'another one', { history, now: NOW + count });
    assert.ok(said !== null && !history.some(({ text }) => text === said), `joke ${count}`);
    history.push({ role: 'assistant', text: said });
  }
  assert.ok(JOKES.includes((await ask(joke, 'one more', { history })).said ?? ''));
});

test('another one of what was last', async () => {
  assert.ok(RIDDLES.includes((await ask(joke, 'another one', { history: answered(RIDDLES[0] ?? '') })).said ?? ''));
  assert.ok(STORIES.includes((await ask(story, 'another one', { history: answered(STORIES[0] ?? '') })).said ?? ''));
  await assertLeaves(joke, ['another one', 'is this a joke', 'you must be joking', 'he told a joke to his friend']);
  await assertLeaves(story, ['another one', 'that is the story of my life', 'tell me the story of the war']);
});

for (const sentence of [
  'tell me a story',
  'tell us a bedtime story',
  'read me a short story',
  'can you tell me a story please',
]) {
  test(`story: ${sentence}`, async () => assert.ok(STORIES.includes((await ask(story, sentence)).said ?? '')));
}

test('jokes and stories can be listened to', () => {
  assert.ok(JOKES.length + RIDDLES.length >= 25 && STORIES.length >= 6);
  for (const text of [...JOKES, ...RIDDLES]) assert.ok(text.length < 160 && /[.?!]$/.test(text), text);
  for (const text of STORIES) {
    const sentences = text.split(/(?<=[.?!]) /).length;
    assert.ok(sentences >= 6 && sentences <= 9 && text.length < 700, `${sentences} sentences: ${text.slice(0, 40)}`);
  }
});

test('repeats what it said last', async () => {
  const history = [...answered('Older.'), ...answered('It is 3 PM.'), { role: 'user', text: 'hm' }] as const;
  for (const sentence of [
    'say that again',
    'repeat that please',
    'what did you say',
    'pardon',
    'sorry what was that',
    'can you repeat that',
  ]) {
    assert.equal((await ask(repeat, sentence, { history })).said, 'It is 3 PM.', sentence);
  }
  assert.match((await ask(repeat, 'say that again')).said ?? '', /haven't said anything/);
  await assertLeaves(repeat, ['what did you say to him', 'history repeats itself', 'he said it again']);
});

test('says what it can do', async () => {
  for (const sentence of [
    'what can you do',
    'help',
    'can you help me',
    'what can i ask you',
    'show me what you can do',
  ]) {
    assert.equal((await ask(help, sentence)).said, lines.say('help', 'en'), sentence);
  }
  assert.match((await ask(help, 'how do i add a language model')).said ?? '', /base URL/);
  await assertLeaves(help, [
    'help me write a letter',
    'what can you do about the war',
    'can you help me with my homework',
  ]);
});

const TALK: readonly (readonly [string, RegExp])[] = [
  ['hello', /^Good afternoon/],
  ['good morning', /What can I do for you/],
  ['who are you', /I am Muster, a voice assistant/],
  ['what is your name', /I am Muster/],
  ['are you human', /computer program/],
  ['who made you', /Muster, open software/],
  ['can you hear me', /I hear you/],
  ['where are you', /called kitchen/],
  ['are you recording me', /never stored/],
  ['thank you very much', /welcome/],
  ['goodbye', /Goodbye/],
  ['good night', /Goodbye/],
  ['stop', /Okay/],
  ['never mind', /Okay/],
  ['how are you', /All my parts/],
];
for (const [sentence, answer] of TALK) {
  test(`small talk: ${sentence}`, async () =>
    assert.match((await ask(smallTalk, sentence)).said ?? 'not taken', answer));
}

test('small talk leaves other sentences alone', () =>
  assertLeaves(smallTalk, [
    'stop the music',
    'hello is a song by adele',
    'who are you going to call',
    'thank you for the flowers you sent',
    'he is not a robot',
    'good',
  ]));
