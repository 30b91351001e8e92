import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ReadyReply, resample, type Turn } from '@muster/contract';
import { createMoonshine } from '@muster/server/hearing';
import { startTestServer, type TestServer } from '@muster/server/testing';
import { encodeSpeech, humanRecordings, recordingsMissing, wordErrors } from '@muster/testkit';

/** The server as it comes: no key, no network, its own engines and database. Things are killed here. */
let muster: TestServer;

before(async () => {
  muster = await startTestServer({ realVoice: true });
});
after(() => muster?.stop());

const recording = () =>
  humanRecordings().find(({ words }) => words.includes('amiable himself')) ?? humanRecordings()[0];
const spoken = (answer: { sentences: readonly { text: string }[] }): string =>
  answer.sentences.map(({ text }) => text).join(' ');

/** Process numbers of our children whose command line has all the words. */
function children(...words: string[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
        const parent = /\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8'))?.[1];
        return Number(parent) === process.pid && words.every((word) => command.includes(word));
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await condition().catch(() => false)) return;
    await delay(100);
  }
  assert.fail(what);
}

test('a human voice is heard, and the spoken answer, heard back, says what it should', {
  skip: recordingsMissing,
}, async () => {
  const device = await muster.connect();
  const said = recording();
  assert.ok(said !== undefined);
  const answer = await device.talk(encodeSpeech(said.pcm));
  assert.equal(wordErrors(said.words, answer.heard ?? '').errors, 0, answer.heard ?? '');
  assert.match(spoken(answer), /language model/);

  const ears = createMoonshine({ children: 1, queue: 4, timeoutMs: 20_000 }, muster.deps);
  try {
    await ears.warm();
    const pcm = resample(answer.pcm(), 24_000, 16_000).subarray(0, 16_000 * 8);
    const back = await ears.transcribe(pcm, { language: 'en', signal: AbortSignal.timeout(20_000) });
    const { errors, words } = wordErrors(
      spoken(answer).split(' ').slice(0, 20).join(' '),
      back.split(' ').slice(0, 20).join(' '),
    );
    assert.ok(errors / words < 0.4, back);
  } finally {
    await ears.close();
  }
  device.close();
});

test('sums, the time, and a joke need no key', async () => {
  const device = await muster.connect();
  assert.match(spoken(await device.say('What is twelve times seven?')), /\b84\b|eighty[- ]four/i);
  assert.match(spoken(await device.say('What time is it in Tokyo?')), /Tokyo/);
  assert.ok(spoken(await device.say('Tell me a joke.')).length > 10);
  const { turns } = await muster.call<{ turns: Turn[] }>('GET', `/api/devices/${device.id}/turns`);
  assert.deepEqual(
    turns.map(({ llm, outcome }) => `${llm} ${outcome}`),
    Array(3).fill('skills answered'),
  );
  device.close();
});

test('the volume of the device is set by voice, through its own tool', async () => {
  const device = await muster.connect();
  await until('the device listed no tools', async () =>
    device.events.some(({ message }) => JSON.stringify(message).includes('tools/list')),
  );
  await delay(300);
  await device.say('Set the volume to thirty percent.');
  assert.equal(device.state.volume, 30);
  const { turns } = await muster.call<{ turns: Turn[] }>('GET', `/api/devices/${device.id}/turns?limit=1`);
  assert.ok(turns[0]?.tools.some(({ name, ok }) => name === 'self.audio_speaker.set_volume' && ok));
  device.close();
});

test('a timer rings on the connected device, unasked', async () => {
  const device = await muster.connect();
  assert.match(spoken(await device.say('Set a timer for two seconds.')), /timer/i);
  assert.match(spoken(await device.nextAnswer(15_000)), /timer is done/);
  const { turns } = await muster.call<{ turns: Turn[] }>('GET', `/api/devices/${device.id}/turns?limit=1`);
  assert.equal(turns[0]?.cause, 'reminder');
  device.close();
});

test('revoking a device closes its live socket, and its token opens nothing', async () => {
  const device = await muster.connect();
  const from = performance.now();
  await muster.call('POST', `/api/devices/${device.id}/revoke`);
  const closed = await device.closed();
  assert.ok(performance.now() - from < 5_000);
  assert.match(JSON.stringify(closed), /DEVICE_REVOKED/);
  await assert.rejects(device.connect(), { code: 'DEVICE_TOKEN_INVALID' });
});

test('garbage instead of Opus: the device is told once, the server counts, and a good device does not notice', {
  skip: recordingsMissing,
}, async () => {
  const [bad, good] = [await muster.connect({ faults: { badFrames: 'garbage' } }), await muster.connect()];
  const said = encodeSpeech(recording()?.pcm ?? new Int16Array(0));
  const told = bad.waitFor((message) => message.type === 'alert' && message.status === 'AUDIO_MALFORMED', 20_000);
  const talk = bad.talk(said, { timeoutMs: 10_000 }).catch(() => null);
  assert.ok((await good.talk(said)).heard);
  await told;
  await talk;
  const metrics = await muster.text('/metrics');
  assert.match(metrics, /muster_voice_faults_total\{code="AUDIO_MALFORMED"\} [1-9]/);
  bad.close();
  good.close();
});

test('both hearing processes killed in mid-turn: the person hears something, and the next turn is heard', {
  skip: recordingsMissing,
}, async () => {
  const device = await muster.connect();
  const said = encodeSpeech(recording()?.pcm ?? new Int16Array(0));
  const talk = device.talk(said, { timeoutMs: 40_000 });
  await delay(2_000);
  const killed = children('moonshine');
  assert.ok(killed.length > 0);
  for (const pid of killed) process.kill(pid, 'SIGKILL');
  assert.ok((await talk).pcm().length > 0);
  await until('hearing did not come back', async () => {
    const { parts } = await ready();
    return parts.some(({ name, detail }) => name === 'voice.stt.moonshine' && detail?.startsWith('2 of 2') === true);
  });
  assert.ok((await device.talk(said)).heard);
  device.close();
});

test('PostgreSQL killed in mid-turn: the conversation goes on, the lost row is counted, and it comes back by itself', async () => {
  const device = await muster.connect();
  await device.say('What is two plus two?');
  const pid = Number.parseInt(readFileSync(join(muster.dataDir, 'pg', 'postmaster.pid'), 'utf8'), 10);
  process.kill(pid, 'SIGKILL');
  assert.match(spoken(await device.say('What is three plus three?')), /6|six/);
  await until('the database did not come back', async () => {
    await muster.call('GET', '/api/me');
    return true;
  });
  await device.say('What is four plus four?');
  const { turns } = await muster.call<{ turns: Turn[] }>('GET', `/api/devices/${device.id}/turns?limit=1`);
  assert.equal(turns[0]?.outcome, 'answered');
  device.close();
});

async function ready(): Promise<ReadyReply> {
  return (await (await fetch(`${muster.url}/ready`)).json()) as ReadyReply;
}
