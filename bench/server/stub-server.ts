import { assemble, startServer } from '@muster/server';
import { readConfig } from '@muster/server/config';
import { createStubVoice } from '@muster/testkit';

/** The server with stub providers that take no time: run as a process of its own, it prints what the real one prints. */
const { vad, stt, llm, tts } = createStubVoice();
const parts = { vad, providers: assemble({ stt: [stt], llm: [llm], tts: [tts] }) };
const server = await startServer(readConfig(process.argv.slice(2)), parts);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void server.stop().then(() => process.exit(0)));
}
console.log(`Muster listens on ${server.url}`);
console.log(`MQTT on port ${server.mqtt.port}`);
if (server.setupLink !== null) console.log(server.setupLink);
await server.ready;
console.log('Ready');
