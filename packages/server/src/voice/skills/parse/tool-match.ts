import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { ToolSpec } from '../../ports.ts';

/** A tool of the device that a sentence asks for. */
export interface ToolMatch {
  readonly tool: ToolSpec;
  /** 0 to 1: how much of the tool's name and of the sentence is accounted for. */
  readonly score: number;
  /** What the tool is asked to do, in the person's words: "reboot", "the lamp". */
  readonly spoken: string;
  readonly args: Readonly<Record<string, string | number | boolean>>;
  /** A sentence when the tool is meant but a value is missing or out of range. */
  readonly wrong: string | null;
}

/** The part of JSON Schema that devices use (xiaozhi-esp32: boolean, integer, string). */
const Schema = Type.Object({
  properties: Type.Optional(
    Type.Record(
      Type.String(),
      Type.Object({
        type: Type.Optional(Type.String()),
        enum: Type.Optional(Type.Array(Type.String(), { maxItems: 64 })),
        minimum: Type.Optional(Type.Number()),
        maximum: Type.Optional(Type.Number()),
      }),
    ),
  ),
  required: Type.Optional(Type.Array(Type.String())),
});
type Property = NonNullable<Type.Static<typeof Schema>['properties']>[string];

/** Words that carry no meaning of their own in a request. */
const EMPTY = new Set(
  'a an the my your this that its it to of in on off up down for at by with from me us and is be set get change turn switch put make do go please all now self device percent degrees value level mode show give take tell use let run start 2 4'.split(
    ' ',
  ),
);
/** Of those, the ones that count when they are in the name of the tool ("turn_on", "take_photo", "go_forward"). */
const NAME_NOISE = new Set(['self', 'set', 'get', 'device', 'the', 'is']);
const SAME: Readonly<Record<string, string>> = {
  restart: 'reboot',
  picture: 'photo',
  pictures: 'photo',
  photos: 'photo',
  lights: 'light',
  lamps: 'lamp',
  colour: 'color',
  enable: 'on',
  disable: 'off',
  forwards: 'forward',
  backwards: 'backward',
};

/** The tool that the sentence asks for most clearly; null when none is clear, or two are alike. */
export function matchTool(digits: string, tools: readonly ToolSpec[]): ToolMatch | null {
  const said = digits.split(' ').map((word) => SAME[word] ?? word);
  const matches = tools
    .map((tool) => matchOne(said, tool))
    .filter((match) => match !== null)
    .sort((a, b) => b.score - a.score);
  const [first, second] = matches;
  if (first === undefined || (second !== undefined && second.score === first.score)) return null;
  return first;
}

function matchOne(said: readonly string[], tool: ToolSpec): ToolMatch | null {
  if (!Value.Check(Schema, tool.parameters)) return null;
  const properties = Object.entries(tool.parameters.properties ?? {});
  const name = wordsOf(tool.name).filter((word) => !NAME_NOISE.has(word));
  const values = new Set(
    properties.flatMap(([key, property]) => [...wordsOf(key), ...(property.enum ?? []).flatMap(wordsOf)]),
  );
  const hasSwitch = properties.some(([, property]) => property.type === 'boolean');
  const hasNumber = properties.some(([, property]) => isNumber(property));
  const known = (word: string): boolean =>
    name.includes(word) ||
    values.has(word) ||
    (hasNumber && /^\d+(?:\.\d+)?$/.test(word)) ||
    (hasSwitch && /^(?:on|off)$/.test(word));
  const content = said.filter((word) => !EMPTY.has(word) || known(word));
  const named = name.filter((word) => said.includes(word));
  const telling = named.filter((word) => !EMPTY.has(word));
  // Every word must belong to the tool, and the name must say more than "turn on".
  if (telling.length === 0 || content.some((word) => !known(word) && !EMPTY.has(word))) return null;
  // "on" and "off" in a name are opposites: "turn off the lamp" is not turn_on.
  if (isOpposite(name, said)) return null;
  const score =
    0.5 * (named.length / name.length) +
    0.5 * (content.length === 0 ? 0 : content.filter(known).length / content.length);
  const { args, wrong } = fill(
    said,
    tool.parameters.properties ?? {},
    new Set(tool.parameters.required ?? properties.map(([key]) => key)),
  );
  return { tool, score, spoken: content.join(' '), args, wrong };
}

function isOpposite(name: readonly string[], said: readonly string[]): boolean {
  const opposites = [
    ['on', 'off'],
    ['up', 'down'],
    ['open', 'close'],
    ['start', 'stop'],
    ['left', 'right'],
    ['forward', 'backward'],
    ['lock', 'unlock'],
  ];
  return opposites.some(
    ([a = '', b = '']) => (name.includes(a) && said.includes(b)) || (name.includes(b) && said.includes(a)),
  );
}

/** The values of the sentence, put into the parameters they fit. */
function fill(
  said: readonly string[],
  properties: Readonly<Record<string, Property>>,
  required: ReadonlySet<string>,
): Pick<ToolMatch, 'args' | 'wrong'> {
  const args: Record<string, string | number | boolean> = {};
  const numbers = said.filter((word) => /^\d+(?:\.\d+)?$/.test(word)).map(Number);
  let wrong: string | null = null;
  for (const [key, property] of Object.entries(properties)) {
    const spoken = wordsOf(key).join(' ');
    const value = isQuestion(key, property) ? said.join(' ') : valueIn(said, property, numbers);
    if (value === null) {
      if (required.has(key)) wrong ??= `What ${spoken} should it be?${choices(property)}`;
      continue;
    }
    if (typeof value === 'number' && !inRange(value, property)) {
      wrong ??= `The ${spoken} goes from ${property.minimum ?? 'any number'} to ${property.maximum ?? 'any number'}.`;
    }
    args[key] = value;
  }
  // A number that no parameter takes was meant for something else.
  return { args, wrong: wrong ?? (numbers.length > 0 ? "I don't know what that number is for." : null) };
}

/** Takes the value out of the sentence; a number is taken off the list. */
function valueIn(said: readonly string[], property: Property, numbers: number[]): string | number | boolean | null {
  if (property.enum !== undefined) {
    return property.enum.find((choice) => wordsOf(choice).every((word) => said.includes(word))) ?? null;
  }
  if (property.type === 'boolean') return said.includes('on') ? true : said.includes('off') ? false : null;
  return isNumber(property) ? (numbers.shift() ?? null) : null;
}

/** Free text that may be the person's own words, such as the question to a camera. */
function isQuestion(key: string, { type, enum: values }: Property): boolean {
  return type === 'string' && values === undefined && /^(?:question|prompt|query)$/.test(key);
}

function isNumber({ type }: Property): boolean {
  return type === 'integer' || type === 'number';
}

function inRange(value: number, { type, minimum, maximum }: Property): boolean {
  if (type === 'integer' && !Number.isInteger(value)) return false;
  return value >= (minimum ?? Number.NEGATIVE_INFINITY) && value <= (maximum ?? Number.POSITIVE_INFINITY);
}

function choices({ enum: values, minimum, maximum }: Property): string {
  if (values !== undefined) return ` It can be ${values.slice(0, 6).join(' or ')}.`;
  return minimum === undefined || maximum === undefined ? '' : ` Tell me a number from ${minimum} to ${maximum}.`;
}

/** "self.screen.setBrightness" in words: self, screen, set, brightness. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}
