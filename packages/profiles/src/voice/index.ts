import { Type } from 'typebox';
import { defineProfile } from '../define.ts';
import { battery, batteryLimit, ledSet, logPull, reboot, signal, signalLimit, statusGet } from '../everyday.ts';

const nothing = Type.Object({}, { additionalProperties: false });
/** A network name is 1 to 32 bytes of anything (IEEE 802.11); a passphrase has 8 to 63 characters (WPA). */
const Ssid = Type.String({ minLength: 1, maxLength: 32 });
const Link = Type.Object({
  rssi: Type.Number(),
  channel: Type.Optional(Type.Integer()),
  ip: Type.Optional(Type.String()),
});

/** Hears and speaks: a voice assistant or a toy. What it may do more, it lists itself as MCP tools. */
export const profile = defineProfile({
  name: 'voice',
  title: 'Voice assistant',
  series: {
    volume: { kind: 'number', unit: '%', title: 'Volume', min: 0, max: 100 },
    battery,
    signal,
    freeHeap: { kind: 'number', unit: 'By', title: 'Free memory', min: 0 },
    charging: { kind: 'boolean', unit: null, title: 'Charging' },
  },
  commands: {
    'status.get': statusGet,
    'audio.volume': {
      title: 'Set how loud it speaks',
      commandClass: 'set',
      deadlineMs: 5_000,
      args: Type.Object({ level: Type.Integer({ minimum: 0, maximum: 100 }) }, { additionalProperties: false }),
    },
    'audio.stop': { title: 'Stop speaking', commandClass: 'set', deadlineMs: 5_000, args: nothing },
    'mic.mute': {
      title: 'Switch its microphone off or on',
      commandClass: 'set',
      deadlineMs: 5_000,
      args: Type.Object({ muted: Type.Boolean() }, { additionalProperties: false }),
    },
    'led.set': ledSet,
    'wifi.scan': {
      title: 'Look for networks',
      commandClass: 'read',
      deadlineMs: 12_000,
      args: Type.Object(
        {
          passive: Type.Optional(Type.Boolean()),
          max: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
        },
        { additionalProperties: false },
      ),
      result: Type.Object({
        networks: Type.Array(
          Type.Object({
            ssid: Type.String(),
            bssid: Type.Optional(Type.String()),
            rssi: Type.Number(),
            channel: Type.Optional(Type.Integer()),
            security: Type.Optional(Type.String()),
          }),
        ),
      }),
    },
    // it leaves the network to try the other one: sent twice, it would leave that again
    'wifi.connect': {
      title: 'Change to another network; it comes back to the old one when that fails',
      commandClass: 'act',
      deadlineMs: 45_000,
      args: Type.Object(
        {
          ssid: Ssid,
          sealedPassword: Type.Optional(
            Type.String({ maxLength: 512, description: 'Sealed for this device alone; the server cannot read it' }),
          ),
          hidden: Type.Optional(Type.Boolean()),
          commitMs: Type.Optional(Type.Integer({ minimum: 5_000, maximum: 300_000 })),
        },
        { additionalProperties: false },
      ),
      result: Link,
    },
    'wifi.status': {
      title: 'Ask how well it is connected',
      commandClass: 'read',
      deadlineMs: 3_000,
      args: nothing,
      result: Link,
    },
    'wifi.list': {
      title: 'Networks that it knows; never their passwords',
      commandClass: 'read',
      deadlineMs: 5_000,
      args: nothing,
      result: Type.Object({ networks: Type.Array(Type.String()) }),
    },
    'wifi.forget': {
      title: 'Forget a network',
      commandClass: 'set',
      deadlineMs: 5_000,
      args: Type.Object({ ssid: Ssid }, { additionalProperties: false }),
    },
    'time.set': {
      title: 'Set its clock',
      commandClass: 'act',
      deadlineMs: 5_000,
      args: Type.Object({ at: Type.Integer({ minimum: 0, description: 'Epoch ms' }) }, { additionalProperties: false }),
    },
    'log.pull': logPull,
    reboot,
    'factory.reset': {
      title: 'Forget everything and start anew',
      commandClass: 'act',
      deadlineMs: 10_000,
      args: nothing,
    },
  },
  health: {
    // it is idle for days, and its connection says that it is there
    silentMs: null,
    resources: { battery: batteryLimit, signal: signalLimit },
  },
});
