import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';
import { createLog } from '../log.ts';
import { createAlsaAudio } from './alsa.ts';

const OPTIONS = { capture: 'default', playback: 'default', mixer: 'Master', frameMs: 60 };
const silent = createLog('error', () => undefined);
const path = process.env.PATH;
let folder = '';

/** Programs of alsa-utils that need no sound card: the machine's edge is the only thing that is not real. */
async function install(name: string, script: string): Promise<void> {
  const file = join(folder, name);
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail('it did not happen in 8 s');
}
const read = (name: string): Promise<Buffer> => readFile(join(folder, name)).catch(() => Buffer.alloc(0));

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-alsa-'));
  process.env.PATH = `${folder}${delimiter}${path}`;
});
after(() => {
  process.env.PATH = path;
});

test('records in frames, and starts the recorder again when it dies', async () => {
  await install(
    'arecord',
    `echo "$@" >> ${folder}/arecord.args; head -c 4000 /dev/urandom; echo 'pulled out' >&2; exit 1`,
  );
  const audio = createAlsaAudio(OPTIONS, silent);
  let frames = 0;
  audio.openMicrophone((pcm) => {
    assert.equal(pcm.length, 960);
    frames++;
  });
  await until(() => audio.state().state === 'down');
  assert.match(audio.state().detail ?? '', /arecord: pulled out/);
  await until(() => frames >= 4);
  assert.match((await read('arecord.args')).toString(), /-t raw -f S16_LE -c 1 -r 16000 -D default/);
  await audio.close();
  const runs = (await read('arecord.args')).toString().split('\n').length;
  await new Promise((resolve) => setTimeout(resolve, 1_300));
  assert.equal((await read('arecord.args')).toString().split('\n').length, runs, 'closed is closed');
});

test('plays, kills the player for silence, and says when there is none', async () => {
  await install('aplay', `echo $$ >> ${folder}/aplay.pids; exec cat >> ${folder}/played`);
  const audio = createAlsaAudio(OPTIONS, silent);
  for (let i = 0; i < 50; i++) audio.speaker.play(new Int16Array(1_440).fill(i + 1));
  await until(async () => (await read('played')).length >= 1_440 * 2 * 3);
  audio.speaker.flush();
  const heard = (await read('played')).length;
  assert.ok(heard < 1_440 * 2 * 50);
  await until(async () => (await read('aplay.pids')).toString().trim().split('\n').length === 2);
  assert.equal((await read('played')).length, heard, 'nothing of the old answer');
  await audio.close();

  await install('aplay', 'exit 1');
  const broken = createAlsaAudio(OPTIONS, silent);
  broken.speaker.play(new Int16Array(9_600));
  await until(() => broken.state().state === 'down');
  await broken.close();
});

test('reads and sets the volume, and fails with a code without a mixer', async () => {
  await install('amixer', `echo "$@" >> ${folder}/amixer.args; echo '  Front Left: Playback 52 [63%] [on]'`);
  const audio = createAlsaAudio(OPTIONS, silent);
  assert.equal(await audio.volume(), 63);
  await audio.setVolume(40);
  assert.match((await read('amixer.args')).toString(), /-q sset Master 40%/);
  await install('amixer', 'exit 1');
  await assert.rejects(audio.volume(), { code: 'AUDIO_DEVICE_FAILED' });
  await audio.close();
});
