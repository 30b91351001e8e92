import { readFileSync } from 'node:fs';
import { MusterError } from '@muster/contract';
import { type Static, Type } from 'typebox';
import { accountsConfig } from './accounts/index.ts';
import { alertsConfig } from './alerts/config.ts';
import { commandsConfig } from './commands/config.ts';
import { devicesConfig } from './devices/config.ts';
import { liveConfig } from './gateway/live/config.ts';
import { mqttConfig } from './gateway/mqtt/config.ts';
import { XiaozhiConfig } from './gateway/xiaozhi/config.ts';
import { securityConfig } from './operations/config.ts';
import { busConfig } from './platform/bus/index.ts';
import { httpConfig } from './platform/http/config.ts';
import { mailConfig } from './platform/mail/index.ts';
import { listSettings, readSettings, redactSettings } from './platform/settings.ts';
import { secretsConfig } from './platform/vault/index.ts';
import { telemetryConfig } from './telemetry/config.ts';
import { voiceConfig } from './voice/config.ts';

/** Everything that can be set. Each feature brings its piece; docs/reference/config.md is made from this. */
export const configSchema = Type.Object({
  dataDir: Type.String({ default: './data', description: 'Where the embedded database and what belongs to it live' }),
  log: Type.Object({
    level: Type.String({
      enum: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
      default: 'info',
      description: 'Least serious line that is logged',
    }),
  }),
  database: Type.Object({
    url: Type.Optional(
      Type.String({
        env: 'DATABASE_URL',
        secret: true,
        pattern: '^postgres(ql)?://',
        description: 'PostgreSQL 15 or newer; default: one of our own under dataDir',
      }),
    ),
    poolSize: Type.Integer({ minimum: 2, maximum: 200, default: 12, description: 'Connections to the database' }),
  }),
  accounts: accountsConfig,
  secrets: secretsConfig,
  bus: busConfig,
  http: httpConfig,
  mail: mailConfig,
  security: securityConfig,
  devices: devicesConfig,
  telemetry: telemetryConfig,
  commands: commandsConfig,
  alerts: alertsConfig,
  xiaozhi: XiaozhiConfig,
  mqtt: mqttConfig,
  live: liveConfig,
  voice: voiceConfig,
});
export type Config = Static<typeof configSchema>;

/**
 * Reads the configuration: file < environment < flags. The file is `--config FILE`, MUSTER_CONFIG, or ./muster.json
 * when there is one. Throws CONFIG_INVALID with a line for each fault.
 */
export function readConfig(flags: readonly string[], environment: NodeJS.ProcessEnv = process.env): Config {
  const rest = [...flags];
  const at = rest.findIndex((flag) => flag === '--config' || flag.startsWith('--config='));
  let named = environment.MUSTER_CONFIG;
  if (at >= 0) {
    const [flag = ''] = rest.splice(at, 1);
    named = flag.includes('=') ? flag.slice(flag.indexOf('=') + 1) : rest.splice(at, 1)[0];
  }
  const { MUSTER_CONFIG: _, ...variables } = environment;
  const fileName = named ?? 'muster.json';
  const file = readFile(fileName, named !== undefined);
  return readSettings(configSchema, { file, fileName, environment: variables, flags: rest }) as Config;
}

/** For people: secrets hidden. */
export function showConfig(config: Config): Record<string, unknown> {
  return redactSettings(configSchema, config);
}

/** Every setting with what it does: what `npm start -- --help` prints. */
export function describeSettings(): string {
  const rows = listSettings(configSchema).map(({ path, variable, schema }) => {
    const standard = schema.default === undefined ? '' : ` [${JSON.stringify(schema.default)}]`;
    return `  --${path}  ${variable}\n      ${schema.description ?? ''}${standard}`;
  });
  return ['npm start -- [--SETTING VALUE …]   or: npm start -- config show', '', ...rows].join('\n');
}

function readFile(name: string, required: boolean): unknown {
  let text: string;
  try {
    text = readFileSync(name, 'utf8');
  } catch (cause) {
    if (!required && (cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new MusterError(
      'CONFIG_INVALID',
      { file: name },
      { cause, say: `Cannot read ${name}: ${(cause as Error).message}` },
    );
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MusterError(
      'CONFIG_INVALID',
      { file: name },
      { cause, say: `${name} is not JSON: ${(cause as Error).message}` },
    );
  }
}
