import { writeFile } from 'node:fs/promises';
import { type Device, DOWNLINK, encodeWav, MusterError, UPLINK } from '@muster/contract';
import type { Answer, XiaozhiDevice } from '@muster/testkit';
import { type Context, defineCommand } from '../command.ts';
import { newestTurn, newTurn, ownDevice, reportLines, reportOf, unlessSignedOut } from '../conversation.ts';
import { readDeviceIdentity } from '../device-identity.ts';
import { readRecording, refuseUnwritable } from '../recording.ts';
import { LEGEND } from '../screen/time-line.ts';
import { findSite } from '../server/find.ts';
import { readName } from '../typed.ts';

const DEVICE_NAME = 'muster talk';
/** How long the first sign of an answer may take after the end of the file, ms: more than a loaded server needs. */
const HEARD_MS = 8_000;
/** How long the answer may take to end after the question did, ms. */
const ANSWER_MS = 60_000;

const talk = defineCommand({
  name: 'talk',
  summary: 'Act as a device: say a recording to the server and hear its answer',
  operands: { question: { required: true, summary: 'a WAV file with speech: 16-bit PCM, any rate, mono or stereo' } },
  options: {
    out: { kind: 'text', value: 'FILE', summary: 'write the answer there as a WAV file' },
    site: { kind: 'text', value: 'SITE', summary: 'the site that will own the simulated device (name or id)' },
    'device-name': { kind: 'text', value: 'NAME', summary: `what to call it (default: ${DEVICE_NAME})` },
    hold: { kind: 'flag', summary: 'as with a button held: the whole file is one question, pauses and all' },
  },
  async run({ question }, options, context) {
    const { terminal, config, json } = context;
    // loaded here only: the codec takes longer to load than most commands take to run
    const { createXiaozhiDevice, readSpeech } = await import('@muster/testkit');
    const name = readName(options['device-name'] ?? DEVICE_NAME);
    if (options.out !== undefined) await refuseUnwritable(options.out);
    const speech = await readRecording(question, readSpeech);
    const siteId = options.site === undefined ? null : (await findSite(await context.signedIn(), options.site)).siteId;
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
      const { report, owned } = await terminal.waiting('connecting', async (say) => {
        await device.activateWith(async (code) => {
          say(`activating with code ${code}`);
          const body = { code, name, ...(siteId === null ? {} : { siteId }) };
          await (await context.signedIn()).activate(body);
        });
        const api = await unlessSignedOut(context.signedIn());
        const owned = api === null ? null : await ownDevice(api, identity.hardwareId);
        const deviceId = owned?.deviceId ?? null;
        const previous = api === null || deviceId === null ? null : await newestTurn(api, deviceId);
        await device.connect();
        say('talking');
        const answer = await ask(device, speech, question);
        if (options.out !== undefined) await writeFile(options.out, encodeWav(answer.pcm(), DOWNLINK.sample_rate));
        say('reading the time line');
        const turn = api === null || deviceId === null ? null : await newTurn(api, deviceId, previous?.turnId ?? null);
        return { report: reportOf(answer, turn, options.out ?? null), owned };
      });
      if (json) terminal.print(JSON.stringify(report));
      else for (const line of reportLines(report)) terminal.print(line);
      if (!json && report.turn !== null) terminal.print(`        ${LEGEND}`);
      if (owned !== null) noteDifferences(context, owned, { name: options['device-name'], siteId });
      if (report.answerMs === 0) {
        throw new MusterError('ANSWER_TIMEOUT', {}, { say: 'The server answered without a sound.' });
      }
    } finally {
      device.close();
    }
  },
});

export const talkCommands = [talk];

/** Says the speech. Throws AUDIO_FILE_INVALID when nothing shows that the server heard any. */
async function ask(device: XiaozhiDevice, speech: Int16Array, file: string): Promise<Answer> {
  const { promise: silence, reject } = Promise.withResolvers<never>();
  const speechMs = (speech.length / UPLINK.sample_rate) * 1_000;
  const timer = setTimeout(() => {
    const isAnswered = device.events.some(
      ({ message: { type, state } }) => type === 'stt' || (type === 'tts' && state === 'start'),
    );
    const cure = device.options.mode === 'manual' ? 'Play it.' : 'Play it; or try --hold.';
    if (!isAnswered)
      reject(new MusterError('AUDIO_FILE_INVALID', {}, { say: `No speech was heard in ${file}. ${cure}` }));
  }, speechMs + HEARD_MS);
  try {
    return await Promise.race([device.talk(speech, { timeoutMs: ANSWER_MS }), silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** A name and a site are given at the activation; says where they are other ones than were asked for now. */
function noteDifferences(
  { terminal }: Context,
  owned: Device,
  asked: { readonly name: string | undefined; readonly siteId: string | null },
): void {
  if (asked.name !== undefined && asked.name !== owned.name) {
    const rename = `muster devices rename "${owned.name}" "${asked.name}"`;
    terminal.note(`this simulated device is "${owned.name}" already; rename it with: ${rename}`);
  }
  if (asked.siteId !== null && asked.siteId !== owned.siteId) {
    terminal.note(
      `this simulated device belongs to another site already; begin anew with: muster devices revoke "${owned.name}"`,
    );
  }
}
