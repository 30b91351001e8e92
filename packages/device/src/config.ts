import { readFileSync } from 'node:fs';
import { literals, MusterError } from '@muster/contract';
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';

const text = (description: string, initial?: string) =>
  Type.String({ minLength: 1, maxLength: 1_000, description, ...(initial === undefined ? {} : { default: initial }) });

/** Every setting of a device. A key is `--kebab-case` as a flag and `MUSTER_DEVICE_UPPER_CASE` in the environment. */
export const ConfigSchema = Type.Object(
  {
    server: text('Where the device asks at boot, for example https://muster.example/xiaozhi/ota/'),
    ca: Type.Optional(text('PEM file with one more certificate authority to trust; checks stay on')),
    dataDir: text('Folder of the identity file', 'data/device'),
    language: Type.Unsafe<'en' | 'vi' | 'ar' | 'zh'>({
      ...literals(['en', 'vi', 'ar', 'zh'], 'Language of the printed and spoken code'),
      default: 'en',
    }),
    board: Type.String({
      pattern: '^[A-Za-z0-9._-]{1,40}$',
      description: 'Name of the kind of device',
      default: 'muster-linux',
    }),
    proof: Type.Unsafe<'hmac' | 'none'>({
      ...literals(['hmac', 'none'], 'hmac: the device proves a key of its own at activation and at every boot'),
      default: 'hmac',
    }),
    framing: Type.Integer({ minimum: 1, maximum: 3, description: 'Binary framing of the protocol', default: 1 }),
    frameMs: Type.Unsafe<20 | 40 | 60>(
      Type.Integer({ enum: [20, 40, 60], description: 'Length of a microphone packet, ms', default: 60 }),
    ),
    mode: Type.Unsafe<'auto' | 'manual' | 'realtime'>({
      ...literals(
        ['auto', 'manual', 'realtime'],
        'auto: Enter starts, the server hears the end. manual: Enter starts and ends. realtime: always listening; needs a microphone that cancels echo',
      ),
      default: 'auto',
    }),
    followUpMs: Type.Integer({
      minimum: 0,
      maximum: 120_000,
      description: 'auto: how long to listen on after an answer, ms',
      default: 8_000,
    }),
    audio: Type.Unsafe<'alsa' | 'file'>({
      ...literals(
        ['alsa', 'file'],
        'alsa: arecord and aplay. file: says WAV files, then exits; without --in, a silent microphone',
      ),
      default: 'alsa',
    }),
    alsaCapture: text('ALSA device of the microphone', 'default'),
    alsaPlayback: text('ALSA device of the speaker', 'default'),
    alsaMixer: text('ALSA mixer control of the volume', 'Master'),
    in: Type.Array(Type.String({ minLength: 1 }), {
      maxItems: 100,
      description: 'file: WAV files to say, one after the other; repeat the flag',
      default: [],
    }),
    out: Type.Optional(text('file: where the sound of the speaker is written as WAV')),
    healthPort: Type.Integer({
      minimum: 0,
      maximum: 65_535,
      description: 'Port of GET /health on loopback; 0 takes a free one',
      default: 8_126,
    }),
    allowReboot: Type.Boolean({ description: 'Whether the tool self.reboot may restart the machine', default: false }),
    speakCode: Type.Boolean({ description: 'Speak the activation code when espeak-ng is there', default: true }),
    logLevel: Type.Unsafe<'debug' | 'info' | 'warn' | 'error'>({
      ...literals(['debug', 'info', 'warn', 'error'], 'Least important log line that is written'),
      default: 'info',
    }),
  },
  { additionalProperties: false },
);
export type Config = Static<typeof ConfigSchema>;

const PREFIX = 'MUSTER_DEVICE_';
const properties: Readonly<Record<string, TSchema & Description>> = ConfigSchema.properties;
interface Description {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
}

/** Reads `--config FILE` (JSON), then the environment, then flags. Throws CONFIG_INVALID with a line for each fault. */
export function readConfig(flags: readonly string[], environment: NodeJS.ProcessEnv = process.env): Config {
  const values = new Map<string, unknown>();
  const faults: string[] = [];
  const given = readFlags(flags, faults);
  const file = given.get('config')?.at(-1) ?? environment[`${PREFIX}CONFIG`];
  given.delete('config');
  if (file !== undefined) readFile(file, values, faults);
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || name === `${PREFIX}CONFIG` || value === undefined) continue;
    const key = Object.keys(properties).find((candidate) => variableOf(candidate) === name);
    if (key === undefined) faults.push(`${name} is not a setting`);
    else values.set(key, parse(key, value.split(',')));
  }
  for (const [flag, list] of given) {
    const key = Object.keys(properties).find((candidate) => flagOf(candidate) === flag);
    if (key === undefined) faults.push(`--${flag} is not a setting`);
    else values.set(key, parse(key, list));
  }
  return check(values, faults);
}

/** The settings for people: one line each. */
export function describeConfig(): string {
  return Object.entries(properties)
    .map(([key, schema]) => {
      const initial = schema.default === undefined ? '' : ` [${JSON.stringify(schema.default)}]`;
      return `  --${flagOf(key).padEnd(16)} ${schema.description ?? ''}${initial}`;
    })
    .join('\n');
}

function check(values: ReadonlyMap<string, unknown>, faults: string[]): Config {
  const config: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(properties)) {
    const value = values.get(key) ?? schema.default;
    if (value !== undefined && !Value.Check(schema, value)) {
      faults.push(`${key}: ${JSON.stringify(value)} is wrong. ${schema.description ?? ''}`);
    }
    if (value !== undefined) config[key] = value;
  }
  if (config.server === undefined) faults.push(`server is missing: give --server or ${variableOf('server')}`);
  if (faults.length > 0 || !Value.Check(ConfigSchema, config)) {
    throw new MusterError('CONFIG_INVALID', { faults: faults.length }, { say: faults.join('\n') });
  }
  return config;
}

function readFile(path: string, values: Map<string, unknown>, faults: string[]): void {
  try {
    const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof content !== 'object' || content === null || Array.isArray(content)) {
      faults.push(`${path} is not a JSON object`);
      return;
    }
    for (const [key, value] of Object.entries(content)) {
      if (Object.hasOwn(properties, key)) values.set(key, value);
      else faults.push(`${path}: ${key} is not a setting`);
    }
  } catch (error) {
    faults.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** `--flag value`, `--flag=value`, and `--flag` alone for true. */
function readFlags(flags: readonly string[], faults: string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (let at = 0; at < flags.length; at++) {
    const flag = flags[at] ?? '';
    if (!flag.startsWith('--')) {
      faults.push(`${flag} is not a flag`);
      continue;
    }
    const [name = '', inline] = flag.slice(2).split(/=(.*)/s);
    const next = flags[at + 1];
    const value = inline ?? (next === undefined || next.startsWith('--') ? 'true' : next);
    if (inline === undefined && value === next) at++;
    found.set(name, [...(found.get(name) ?? []), value]);
  }
  return found;
}

function parse(key: string, values: readonly string[]): unknown {
  const type = properties[key]?.type;
  const last = values.at(-1) ?? '';
  if (type === 'array') return values;
  if (type === 'boolean') return last === 'true' ? true : last === 'false' ? false : last;
  if (type === 'integer') return /^\d+$/.test(last) ? Number(last) : last;
  return last;
}

function flagOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function variableOf(key: string): string {
  return PREFIX + flagOf(key).replaceAll('-', '_').toUpperCase();
}
