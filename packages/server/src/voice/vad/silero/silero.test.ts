import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { MusterError } from '@muster/contract';
import { humanRecordings, recordingsMissing, vadConformance } from '@muster/testkit';
import { systemClock } from '../../../platform/clock.ts';
import { createLogger } from '../../../platform/log.ts';
import { VAD_WINDOW } from '../../ports.ts';
import { createBatcher, createRow } from './batcher.ts';
import { createSilero } from './index.ts';
import { INPUT, STATE } from './model.ts';
import { createSileroStream } from './stream.ts';

const deps = { log: createLogger('silent'), clock: systemClock };
const noise = (samples: number, loudness: number, seed = 1) => {
  let random = seed;
  return Int16Array.from({ length: samples }, () => {
    random = (random * 1_103_515_245 + 12_345) & 0x7fffffff;
    return loudness * (random / 0x40000000 - 1);
  });
};

describe('silero', () => {
  const vad = createSilero(deps);
  before(() => vad.warm());
  after(() => vad.close());

  if (recordingsMissing === false) {
    const speech = humanRecordings()[0]?.pcm.subarray(8_000) ?? new Int16Array(0);
    vadConformance('silero', () => ({ port: vad, speech, close: async () => undefined }));
  }

  it('finds speech in most of a read sentence and none in noise', { skip: recordingsMissing }, async () => {
    const sentence = humanRecordings()[0];
    assert.ok(sentence);
    const probabilities = await vad.open().push(sentence.pcm);
    const speech = probabilities.filter((probability) => probability > 0.5).length / probabilities.length;
    assert.ok(speech > 0.8, `${speech} of the sentence counts as speech`);
    const hiss = await vad.open().push(noise(32_000, 300));
    assert.ok(Math.max(...hiss) < 0.5, `noise has ${Math.max(...hiss)}`);
  });

  it('judges many streams at once as it judges each alone', { skip: recordingsMissing }, async () => {
    const recordings = humanRecordings();
    const alone: (readonly number[])[] = [];
    for (const { pcm } of recordings) alone.push(await vad.open().push(pcm));
    const together = await Promise.all(recordings.map(({ pcm }) => vad.open().push(pcm)));
    assert.deepEqual(
      together.map((one) => one.map(rounded)),
      alone.map((one) => one.map(rounded)),
    );
  });
});

function rounded(probability: number): number {
  return Math.round(probability * 1_000) / 1_000;
}

describe('a stream of silero', () => {
  it('answers silence with 0 and without asking', async () => {
    const stream = createSileroStream(async () => assert.fail('asked about silence'));
    assert.deepEqual(await stream.push(noise(VAD_WINDOW * 3 + 5, 15)), [0, 0, 0]);
  });

  it('keeps the last probability through a gap', async () => {
    let works = true;
    const stream = createSileroStream(async (row) => {
      row.probabilities.fill(0.7);
      return works;
    });
    const [before_] = await stream.push(noise(VAD_WINDOW, 500));
    works = false;
    const [during] = await stream.push(noise(VAD_WINDOW, 500));
    assert.equal(before_, during);
    assert.equal(rounded(during ?? 0), 0.7);
  });

  it('does not let an answer from before a reset in', async () => {
    const waiting = Promise.withResolvers<boolean>();
    const states: number[] = [];
    let first = true;
    const stream = createSileroStream(async (row) => {
      states.push(row.state[0] ?? -1);
      if (!first) return true;
      first = false;
      await waiting.promise;
      row.state.fill(9);
      return true;
    });
    const push = stream.push(noise(VAD_WINDOW, 500));
    stream.reset();
    waiting.resolve(true);
    await push;
    await stream.push(noise(VAD_WINDOW, 500));
    assert.deepEqual(states, [0, 0]);
  });
});

describe('silero whose child is killed', { skip: process.platform === 'linux' ? false : 'reads /proc' }, () => {
  it('answers every window and works on', async () => {
    const mine = () => readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').map(Number);
    const before = mine();
    const vad = createSilero(deps);
    try {
      await vad.warm();
      const child = mine().find((pid) => !before.includes(pid)) ?? 0;
      assert.ok(child > 0);
      const streams = [vad.open(), vad.open(), vad.open()];
      const pushes = streams.map((stream) => stream.push(noise(VAD_WINDOW * 40, 500)));
      process.kill(child, 'SIGKILL');
      for (const probabilities of await Promise.all(pushes)) assert.equal(probabilities.length, 40);
      assert.equal(vad.state().restarts, 1);
      assert.equal(vad.state().state, 'ready');
    } finally {
      await vad.close();
    }
  });
});

describe('the batcher of silero', () => {
  const asked = () => {
    const row = createRow();
    row.windows = 1;
    return row;
  };
  const crash = new MusterError('CHILD_CRASHED');

  it('tries a batch once more when its child died', async () => {
    let calls = 0;
    const infer = createBatcher(async () => {
      calls += 1;
      if (calls === 1) throw crash;
      return { probabilities: Float32Array.of(0.25), state: new Float32Array(STATE).fill(1) };
    }, deps.log);
    const row = asked();
    assert.equal(await infer(row), true);
    assert.equal(row.probabilities[0], 0.25);
    assert.equal(row.state[0], 1);
  });

  it('gives a batch up that kills its child twice, and leaves the state alone', async () => {
    const infer = createBatcher(() => Promise.reject(crash), deps.log);
    const row = asked();
    assert.equal(await infer(row), false);
    assert.equal(row.state[0], 0);
  });

  it('runs what waited together, and only so many at once', async () => {
    const sizes: number[] = [];
    const infer = createBatcher(async ({ rounds, input, state }) => {
      await new Promise(setImmediate);
      sizes.push(rounds[0] ?? 0);
      return { probabilities: new Float32Array(input.length / INPUT), state };
    }, deps.log);
    await Promise.all(Array.from({ length: 40 }, () => infer(asked())));
    assert.deepEqual(sizes, [1, 32, 7]);
  });
});
