import { enableCompileCache } from 'node:module';

const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  console.error(`Muster needs Node 24 or newer; this is ${process.versions.node}. Start it with "npm start".`);
  process.exit(1);
}

enableCompileCache();
const { MusterError } = await import('@muster/contract');
const { readConfig, showConfig } = await import('./config.ts');
const { startServer } = await import('./server.ts');

try {
  const [command, subcommand, ...rest] = process.argv.slice(2);
  if (command === 'config' && subcommand === 'show') {
    console.log(JSON.stringify(showConfig(readConfig(rest)), null, 2));
    process.exit(0);
  }
  const server = await startServer(readConfig(process.argv.slice(2)));
  const stop = async (code: number): Promise<void> => {
    await server.stop();
    process.exit(code);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop(0));
  console.log(`Muster listens on ${server.url}`);
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
  console.error(error.message);
  process.exit(1);
}
