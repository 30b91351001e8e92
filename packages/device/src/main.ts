import { createInterface } from 'node:readline';
import { MusterError } from '@muster/contract';
import { describeConfig, readConfig } from './config.ts';
import { startDevice } from './runtime.ts';

const print = (text: string): void => {
  process.stdout.write(text);
};

try {
  const flags = process.argv.slice(2);
  if (flags.includes('--help')) print(`A voice device for Muster.\n\n${describeConfig()}\n`);
  else await run(flags);
} catch (error) {
  const known = error instanceof MusterError;
  process.stderr.write(known ? `${error.code}: ${error.message}\n` : `${String(error)}\n`);
  process.exitCode = 1;
}

async function run(flags: readonly string[]): Promise<void> {
  const config = readConfig(flags);
  const device = await startDevice(config, print);
  process.once('SIGINT', device.stop);
  process.once('SIGTERM', device.stop);
  const button = createInterface({ input: process.stdin });
  button.on('line', device.press);
  if (config.mode !== 'realtime' && config.audio === 'alsa') print('Press Enter to talk.\n');
  try {
    await device.done;
  } finally {
    button.close();
    process.stdin.unref?.();
    await device.stop();
  }
}
