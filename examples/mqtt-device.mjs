// A device on MQTT with mqtt.js (npm install mqtt). Settings are environment variables:
//   MUSTER_TOKEN   what `muster devices create` printed
//   MUSTER_MQTT    where, default mqtt://127.0.0.1:1883; mqtts:// with TLS
//   MUSTER_DEVICE  id of the device in topics, default me
// It measures the load of this machine, takes its interval from the twin, blinks when told to, and comes back by itself.
import { loadavg, uptime } from 'node:os';
import { connect } from 'mqtt';

const { MUSTER_TOKEN: token, MUSTER_MQTT: url = 'mqtt://127.0.0.1:1883', MUSTER_DEVICE: me = 'me' } = process.env;
if (!token) {
  console.error('Set MUSTER_TOKEN to what `muster devices create` printed.');
  process.exit(2);
}
const topic = (rest) => `devices/${me}/${rest}`;

// mqtt.js sends again what was not acknowledged, and tries again once a second
const client = connect(url, {
  protocolVersion: 5,
  clientId: 'example-node',
  username: 'device',
  password: token,
  reconnectPeriod: 1_000,
  resubscribe: false,
});

// numbers never repeat, also not after a restart: a number that was stored before is not stored again
let seq = Date.now();
let intervalMs = 60_000;
let timer;
let isFirst = true;
let stopping = false;
/** The server may send a command twice; it is done once, and answered again. */
const done = new Map();

async function publish(rest, message, qos) {
  await client.publishAsync(topic(rest), JSON.stringify(message), { qos });
}

async function measure() {
  seq += 1;
  const at = Date.now();
  // QoS 1: the acknowledgement says that it is stored
  await publish('telemetry', { seq, at, values: { load: loadavg()[0] } }, 1);
  // QoS 0: nobody asks whether it came
  await publish('telemetry', { at, values: { uptime: uptime() } }, 0);
}

function startMeasuring() {
  clearInterval(timer);
  timer = setInterval(() => measure().catch(report), intervalMs);
  measure().catch(report);
}

function report(error) {
  // what is under way when we go is told as an error
  if (!stopping) console.error(error.message);
}

/** Somebody wants the device to be otherwise: do it, then say so. */
async function follow({ delta }) {
  if (Number.isInteger(delta.intervalMs) && delta.intervalMs >= 100) {
    intervalMs = delta.intervalMs;
    startMeasuring();
  }
  await publish('twin/report', { reported: { intervalMs } }, 1);
}

async function obey({ commandId, name, args }) {
  let answer = done.get(commandId);
  if (answer === undefined) {
    if (name === 'blink') {
      console.log(`blink ${args.times ?? 1}`);
      answer = { commandId, state: 'confirmed', result: { blinked: args.times ?? 1 } };
    } else {
      answer = { commandId, state: 'rejected', error: { code: 'UNKNOWN', message: `I cannot ${name}.` } };
    }
    done.set(commandId, answer);
    if (done.size > 100) done.delete(done.keys().next().value);
  }
  await publish('commands/reply', answer, 1);
}

client.on('connect', async () => {
  try {
    await client.subscribeAsync([topic('commands'), topic('twin/delta')], { qos: 1 });
    console.log('connected');
    if (isFirst) await publish('events', { seq, name: 'started', level: 'info' }, 2);
    isFirst = false;
    startMeasuring();
  } catch (error) {
    console.error(`refused: ${error.message}`);
    process.exitCode = 1;
    client.end(true);
  }
});
client.on('message', (from, payload) => {
  const handle = from.endsWith('/commands') ? obey : follow;
  handle(JSON.parse(payload.toString())).catch(report);
});
client.on('error', report);
client.on('close', () => {
  clearInterval(timer);
  console.log('away');
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    stopping = true;
    clearInterval(timer);
    client.end();
  });
}
