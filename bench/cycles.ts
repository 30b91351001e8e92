import { readdir } from 'node:fs/promises';
import { encodeSpeech } from '@muster/testkit';
import { defineBench } from './define.ts';
import { benchDevice } from './devices/voice-device.ts';
import { STUB_MAIN, startServerProcess } from './server-process.ts';

export const bench = defineBench({
  name: 'cycles',
  summary: 'Devices connect, talk and drop, over and over: memory and file handles must stay flat',
  options: {
    cycles: { default: 5_000, summary: 'connections in all' },
    devices: { default: 50, summary: 'devices that take turns' },
  },
  goals: { growthMb: { atMost: 40 }, growthHandles: { atMost: 20 }, failed: { atMost: 0 } },
  async run({ options, progress, signal }) {
    const server = await startServerProcess({ main: STUB_MAIN });
    try {
      const speech = encodeSpeech(Int16Array.from({ length: 4_800 }, (_, i) => 5_000 * Math.sin(i / 14)));
      const devices = await Promise.all(
        Array.from({ length: options.devices }, (_, index) => benchDevice(server, index, { mode: 'manual' })),
      );
      let done = 0;
      let failed = 0;
      let before = { memoryMb: 0, handles: 0 };
      const warmUp = Math.floor(options.cycles / 5);
      await Promise.all(
        devices.map(async (device) => {
          while (done < options.cycles && !signal.aborted) {
            done += 1;
            if (done === warmUp) before = { memoryMb: await server.memoryMb(), handles: await handles(server.pid) };
            const heard = device.waitFor((message) => message.type === 'tts' && message.state === 'start', 10_000);
            // the answer never comes to its end: the device hangs up in the middle of it
            device.talk(speech).catch(() => undefined);
            await heard.catch(() => {
              failed += 1;
            });
            device.close();
            await device.closed();
            await device.connect().catch(() => {
              failed += 1;
            });
            progress('cycles', done, options.cycles);
          }
          device.close();
        }),
      );
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      const after = { memoryMb: await server.memoryMb(), handles: await handles(server.pid) };
      return {
        figures: {
          cycles: done,
          failed,
          memoryMb: after.memoryMb,
          growthMb: after.memoryMb - before.memoryMb,
          handles: after.handles,
          growthHandles: after.handles - before.handles,
        },
      };
    } finally {
      await server.stop();
    }
  },
});

async function handles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}
