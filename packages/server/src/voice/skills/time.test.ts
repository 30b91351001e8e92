import assert from 'node:assert/strict';
import test from 'node:test';
import { PLACES, WIDE_COUNTRIES } from './data/places.data.ts';
import { ask, assertLeaves } from './parse/ask.fixture.ts';
import { findPlace } from './parse/places.ts';
import { skill } from './time.ts';

const DATE = "It's Saturday, November 21, 2026.";
const ANSWERS: readonly (readonly [string, string])[] = [
  ['what time is it', "It's 3:00 PM."],
  ['What is the time, please?', "It's 3:00 PM."],
  ['tell me the time', "It's 3:00 PM."],
  ['do you know what time it is', "It's 3:00 PM."],
  ['what time is it in tokyo', "In Tokyo it's 5:00 PM."],
  ['what time is it in New York right now', "In New York it's 3:00 AM."],
  ['time in hanoi', "In Hanoi it's 3:00 PM."],
  ['what is the time in São Paulo', "In Sao Paulo it's 5:00 AM."],
  ['what time is it in nepal', "In Nepal it's 1:45 PM."],
  ['what time is it in honolulu', "In Honolulu it's 10:00 PM on Friday, November 20."],
  ['what time is it in the uk', "In the UK it's 8:00 AM."],
  [
    'what is the time in the united states',
    'There are several time zones in the United States. Ask me for a city, such as New York.',
  ],
  ['what time is it in atlantis', "I don't know the time zone of atlantis. Ask me for a big city nearby."],
  ["what's the date", DATE],
  ['what is today’s date', DATE],
  ['what day is it today', DATE],
  ['what day of the week is it', DATE],
  ['what is the date in honolulu', "In Honolulu it's Friday, November 20, 2026."],
  ['what day is it tomorrow', 'Tomorrow is Sunday, November 22, 2026.'],
  ['what day is december 31st', 'December 31st is Thursday, December 31, 2026.'],
  ['what day is christmas', 'Christmas is Friday, December 25, 2026.'],
  ['what year is it', "It's 2026."],
  ['what month is it', "It's November."],
  ['how many days until christmas', "It's 34 days until Christmas."],
];
for (const [sentence, answer] of ANSWERS) {
  test(`time: ${sentence}`, async () => assert.equal((await ask(skill, sentence)).said, answer));
}

test('leaves other sentences alone', () =>
  assertLeaves(skill, [
    'what is time',
    'it was the best of times',
    'the time has come',
    'what day is my birthday',
    'how many days until he comes back',
    'what time does the store close',
    'what is the weather today',
  ]));

test('every place has a zone that exists, and every wide country a city to ask for', () => {
  for (const [place, zone] of Object.entries(PLACES)) {
    assert.doesNotThrow(() => new Intl.DateTimeFormat('en', { timeZone: zone }), place);
  }
  for (const [country, city] of Object.entries(WIDE_COUNTRIES)) {
    assert.equal(findPlace(city)?.kind, 'zone', country);
    assert.equal(findPlace(country)?.kind, 'wide');
  }
  for (const name of ['__proto__', 'constructor', 'toString', '']) assert.equal(findPlace(name), null);
});
