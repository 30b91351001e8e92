import assert from 'node:assert/strict';
import test from 'node:test';
import { skill } from './conversion.ts';
import { UNITS } from './data/units.data.ts';
import { ask, assertLeaves } from './parse/ask.fixture.ts';

const ANSWERS: readonly (readonly [string, string])[] = [
  ['how many kilometres in five miles', '5 miles is about 8.05 kilometers.'],
  ['how many kilometers are in five miles', '5 miles is about 8.05 kilometers.'],
  ['convert 30 celsius to fahrenheit', '30 degrees Celsius is 86 degrees Fahrenheit.'],
  ['what is 100 degrees fahrenheit in celsius', '100 degrees Fahrenheit is about 37.78 degrees Celsius.'],
  ['minus forty celsius in fahrenheit', 'Minus 40 degrees Celsius is minus 40 degrees Fahrenheit.'],
  ['zero celsius in kelvin', '0 degrees Celsius is 273.15 kelvin.'],
  ['what is two cups in milliliters', '2 cups is about 473.18 milliliters.'],
  ['how many feet are in a mile', '1 mile is 5,280 feet.'],
  ['how many seconds are there in an hour', '1 hour is 3,600 seconds.'],
  ['how many days in a year', '1 year is 365 days.'],
  ['how many ounces in a pound', '1 pound is 16 ounces.'],
  ['how many grams are there in 2.5 kilos', '2.5 kilograms is 2,500 grams.'],
  ['60 mph in km/h', '60 miles per hour is about 96.56 kilometers per hour.'],
  ['10 km to miles', '10 kilometers is about 6.21 miles.'],
  ['ten kilometers two miles', '10 kilometers is about 6.21 miles.'],
  ['how many square feet in an acre', '1 acre is 43,560 square feet.'],
  ['how many megabytes in a gigabyte', '1 gigabyte is 1,000 megabytes.'],
  ['how many teaspoons in a tablespoon', '1 tablespoon is 3 teaspoons.'],
  ['convert half a mile to feet', '0.5 miles is 2,640 feet.'],
];
for (const [sentence, answer] of ANSWERS) {
  test(`conversion: ${sentence}`, async () => assert.equal((await ask(skill, sentence)).said, answer));
}

test('what cannot be is said', async () => {
  assert.match((await ask(skill, 'convert five miles to kilograms')).said ?? '', /measure length.*measure mass/);
  assert.equal((await ask(skill, 'minus 300 celsius in kelvin')).said, 'There is no such amount.');
  assert.equal((await ask(skill, 'minus five miles in feet')).said, 'There is no such amount.');
});

test('no name means two units', () => {
  const names = UNITS.flatMap((unit) => [
    ...new Set([unit.one, unit.many, ...unit.also].map((name) => name.toLowerCase())),
  ]);
  assert.equal(new Set(names).size, names.length);
});

test('leaves other sentences alone', () =>
  assertLeaves(skill, [
    'convert five dollars to euros',
    'how many apples in a pound',
    'convert miles to kilograms',
    'he walked five miles',
    'how many days in february',
    'miles to go',
  ]));
