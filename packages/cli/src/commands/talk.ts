import { stat, writeFile } from 'node:fs/promises';
import { DOWNLINK, encodeWav, MusterError } from '@muster/contract';
import { type Context, defineCommand } from '../command.ts';
import { newestTurn, newTurn, ownDevice, reportLines, reportOf, unlessSignedOut } from '../conversation.ts';
import { readDeviceIdentity } from '../device-identity.ts';
import { LEGEND } from '../screen/time-line.ts';
import { findSite } from '../server/find.ts';

/** Ten minutes of 48 kHz stereo: far more than the 30 s that a server listens to. */
const FILE_BYTES = 115_200_000;
/** How long the answer may take to end after the question did, ms. */
const ANSWER_MS = 60_000;

const talk = defineCommand({
  name: 'talk',
  summary: 'Act as a device: say a recording to the server and hear its answer',
  operands: { question: { required: true, summary: 'a WAV file with speech, any rate, mono or stereo' } },
  options: {
    out: { kind: 'text', value: 'FILE', summary: 'write the answer there as a WAV file' },
    site: { kind: 'text', value: 'SITE', summary: 'the site that will own the simulated device (name or id)' },
    'device-name': { kind: 'text', value: 'NAME', summary: 'what to call it (default: muster talk)' },
    hold: { kind: 'flag', summary: 'as with a button held: the whole file is one question, pauses and all' },
  },
  async run({ question }, options, context) {
    const { terminal, config, json } = context;
    // loaded here only: the codec takes longer to load than most commands take to run
    const { createXiaozhiDevice, readSpeech } = await import('@muster/testkit');
    await refuseHuge(question);
    const speech = await readSpeech(question);
    if (speech.length === 0) {
      throw new MusterError('AUDIO_FILE_INVALID', {}, { say: `There is no sound in ${question}.` });
    }
    const identity = await readDeviceIdentity(config.deviceFile);
    const { server } = await context.unsigned();
    const device = createXiaozhiDevice({
      ...identity,
      otaUrl: `${server}/xiaozhi/ota/`,
      activation: 'v2-python',
      mode: options.hold ? 'manual' : 'auto',
      board: 'muster-talk',
    });
    try {
      const report = await terminal.waiting('connecting', async (say) => {
        await device.activateWith(async (code) => {
          say(`activating with code ${code}`);
          await activate(context, code, options.site, options['device-name'] ?? 'muster talk');
        });
        const api = await unlessSignedOut(context.signedIn());
        const deviceId = api === null ? null : ((await ownDevice(api, identity.hardwareId))?.deviceId ?? null);
        const previous = api === null || deviceId === null ? null : await newestTurn(api, deviceId);
        await device.connect();
        say('talking');
        const answer = await device.talk(speech, { timeoutMs: ANSWER_MS });
        if (options.out !== undefined) await writeFile(options.out, encodeWav(answer.pcm(), DOWNLINK.sample_rate));
        say('reading the time line');
        const turn = api === null || deviceId === null ? null : await newTurn(api, deviceId, previous?.turnId ?? null);
        return reportOf(answer, turn, options.out ?? null);
      });
      if (json) terminal.print(JSON.stringify(report));
      else for (const line of reportLines(report)) terminal.print(line);
      if (!json && report.turn !== null) terminal.print(`        ${LEGEND}`);
      if (report.answerMs === 0) {
        throw new MusterError('ANSWER_TIMEOUT', {}, { say: 'The server answered without a sound.' });
      }
    } finally {
      device.close();
    }
  },
});

export const talkCommands = [talk];

async function refuseHuge(path: string): Promise<void> {
  const { size } = await stat(path);
  if (size > FILE_BYTES) throw new MusterError('AUDIO_FILE_INVALID', { size }, { say: `${path} is too long.` });
}

async function activate(context: Context, code: string, site: string | undefined, name: string): Promise<void> {
  const api = await context.signedIn();
  const siteId = site === undefined ? undefined : (await findSite(api, site)).siteId;
  await api.activate({ code, name, ...(siteId === undefined ? {} : { siteId }) });
}
