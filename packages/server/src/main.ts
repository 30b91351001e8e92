import { enableCompileCache } from 'node:module';

const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  console.error(`Muster needs Node 24 or newer; this is ${process.versions.node}. Start it with "npm start".`);
  process.exit(1);
}

enableCompileCache();
const { MusterError } = await import('@muster/contract');
const { describeSettings, readConfig, showConfig } = await import('./config.ts');
const { startServer } = await import('./server.ts');

try {
  const [command, subcommand, ...rest] = process.argv.slice(2);
  if (command === 'config' && subcommand === 'show') {
    console.log(JSON.stringify(showConfig(readConfig(rest)), null, 2));
    process.exit(0);
  }
  if (command === '--help' || command === 'help') {
    console.log(describeSettings());
    process.exit(0);
  }
  const starting = startServer(readConfig(process.argv.slice(2)));
  // a signal during the start waits for it: half-started parts have nobody to stop them
  const stop = (): void => void starting.then((started) => started.stop()).finally(() => process.exit(0));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  const server = await starting;
  console.log(`Muster listens on ${server.url}`);
  if (server.mqtt.port !== null) console.log(`MQTT on port ${server.mqtt.port}`);
  if (server.setupLink !== null)
    console.log(`\nOpen this once to make the first administrator:\n\n  ${server.setupLink}\n`);
  await server.ready.catch(async (error) => {
    await server.stop();
    throw error;
  });
  console.log(
    `Ready after ${(process.uptime()).toFixed(1)} s. Talk to it: npx muster talk question.wav --out answer.wav`,
  );
} catch (error) {
  if (!(error instanceof MusterError)) throw error;
  for (const line of error.message.split('\n')) console.error(`${error.code}: ${line}`);
  process.exit(1);
}
