import { bug } from '@muster/contract';
import { connectLightMqtt, type LightMqtt } from '@muster/testkit';

/**
 * Connected devices that confirm each command at once, in a process of their own. `node doers.ts '{"port":1883,…}'`,
 * forked: tells how many are connected, and stays until its parent goes.
 */
export interface DoersJob {
  readonly port: number;
  readonly tokens: readonly string[];
}

/** Connections that are begun together, so that no backlog overflows. */
const TOGETHER = 50;

const job = JSON.parse(process.argv[2] ?? '{}') as DoersJob;
const doers: LightMqtt[] = [];
for (let at = 0; at < job.tokens.length; at += TOGETHER) {
  doers.push(...(await Promise.all(job.tokens.slice(at, at + TOGETHER).map(connect))));
}
process.send?.({ connected: doers.length });
process.once('disconnect', () => process.exit(0));

async function connect(token: string): Promise<LightMqtt> {
  const client = await connectLightMqtt({
    host: '127.0.0.1',
    port: job.port,
    username: 'device',
    password: token,
    onMessage(_topic, payload) {
      const { commandId } = JSON.parse(payload.toString()) as { commandId: string };
      const answer = JSON.stringify({ commandId, state: 'confirmed' });
      client.publish('devices/me/commands/reply', answer).catch((error: unknown) => {
        throw bug(`an answer was not taken: ${String(error)}`);
      });
    },
  });
  await client.subscribe('devices/me/commands');
  return client;
}
