import { readActivationProof, readDeviceMessage } from '@muster/contract';
import { asRecord, parseJson } from '../../packages/server/src/gateway/xiaozhi/json.ts';
import { readToolPage, readToolText } from '../../packages/server/src/gateway/xiaozhi/mcp/tools.ts';
import { readCheckIn } from '../../packages/server/src/gateway/xiaozhi/ota/check-in.ts';
import { defineFuzz } from './define.ts';
import { mutateJson } from './inputs/mutate.ts';

const SEEDS = [
  {
    type: 'hello',
    version: 1,
    features: { mcp: true, aec: true },
    transport: 'websocket',
    audio_params: { format: 'opus', sample_rate: 16_000, channels: 1, frame_duration: 60 },
  },
  { session_id: 'x', type: 'listen', state: 'detect', text: 'hey' },
  { type: 'listen', state: 'start', mode: 'auto' },
  { type: 'abort', reason: 'wake_word_detected' },
  {
    type: 'mcp',
    payload: {
      jsonrpc: '2.0',
      id: 1,
      result: {
        tools: [
          {
            name: 'self.led.set',
            description: 'd',
            inputSchema: { type: 'object', properties: { on: { type: 'boolean' } } },
          },
        ],
        nextCursor: 'self.a',
      },
    },
  },
  {
    type: 'mcp',
    payload: { jsonrpc: '2.0', id: 2, result: { content: [{ type: 'text', text: 'true' }], isError: false } },
  },
  { type: 'goodbye' },
  {
    application: { name: 'xiaozhi', version: '2.4.2', elf_sha256: 'a'.repeat(64) },
    board: { type: 'x', mac: '02:00:00:00:00:01' },
    uuid: 'u',
    language: 'vi',
    simulated: true,
  },
  { Payload: { algorithm: 'hmac-sha256', serial_number: 's', challenge: 'c', hmac: 'ab' } },
];
const HEADERS = { 'device-id': '02:00:00:00:00:01', 'client-id': 'c', 'activation-version': '2' };

export const target = defineFuzz({
  name: 'xiaozhi-messages',
  summary: 'JSON of Xiaozhi devices: messages, pages of tools, results, boot requests, proofs',
  make: (random) => mutateJson(random.pick<unknown>(SEEDS), random),
  open: () => ({
    take(input) {
      const value = parseJson(input.toString());
      const message = readDeviceMessage(value);
      if (message?.type === 'mcp') {
        const { result } = asRecord(message.payload);
        readToolPage(result);
        readToolText(result);
      }
      readToolPage(value);
      readToolText(value);
      readCheckIn(HEADERS, value, 'source');
      readActivationProof(value);
      return message === null ? 'no message' : message.type === 'unknown' ? 'unknown' : 'taken';
    },
  }),
});
