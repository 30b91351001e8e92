import { createHmac } from 'node:crypto';
import { MusterError, type OtaReply } from '@muster/contract';
import type { XiaozhiDeviceOptions } from './options.ts';
import { post, type Reply } from './post.ts';

/** Boot time-outs: 30 s in the firmware, 10 s in the Python clients; the shorter finds more. */
const BOOT_TIMEOUT_MS = 10_000;

/** What a device got at check-in: only what it reads of it, everything optional, as it came. */
export type CheckInReply = Partial<OtaReply>;

/** `POST {otaUrl}` as the firmware or a Python client sends it. Throws SERVER_UNREACHABLE unless the status is 200. */
export async function checkIn(options: XiaozhiDeviceOptions): Promise<CheckInReply> {
  const python = options.activation === 'v2-python';
  const headers = {
    ...identityHeaders(options),
    'Activation-Version': python ? '2.1.1' : options.activation === 'v2-firmware' ? '2' : '1',
    ...(options.activation === 'v2-firmware' ? { 'Serial-Number': options.serialNumber ?? '' } : {}),
  };
  const body = python ? pythonBody(options) : firmwareBody(options);
  const reply = await post(options.otaUrl, headers, JSON.stringify(body), BOOT_TIMEOUT_MS);
  if (reply.status !== 200) {
    throw new MusterError('SERVER_UNREACHABLE', { url: options.otaUrl, status: reply.status, body: reply.text });
  }
  return JSON.parse(reply.text) as CheckInReply;
}

/** One poll of `{otaUrl}/activate`: 200 is done, 202 is wait, anything else is a refusal. */
export function activate(options: XiaozhiDeviceOptions, challenge: string): Promise<Reply> {
  const url = options.otaUrl.endsWith('/') ? `${options.otaUrl}activate` : `${options.otaUrl}/activate`;
  const version = options.activation === undefined || options.activation === 'v1' ? '1' : '2';
  const headers = {
    ...identityHeaders(options),
    'Activation-Version': version,
    ...(options.activation === 'v2-firmware' ? { 'Serial-Number': options.serialNumber ?? '' } : {}),
  };
  return post(url, headers, JSON.stringify(proof(options, challenge)), BOOT_TIMEOUT_MS);
}

function proof(options: XiaozhiDeviceOptions, challenge: string): object {
  if (options.activation === undefined || options.activation === 'v1') return {};
  const python = options.activation === 'v2-python';
  const key = python ? Buffer.from(options.hmacKey ?? '', 'utf8') : Buffer.from(options.hmacKey ?? '', 'hex');
  const signed = {
    algorithm: 'hmac-sha256',
    serial_number: options.serialNumber ?? '',
    challenge,
    hmac: createHmac('sha256', key).update(challenge, 'utf8').digest('hex'),
  };
  return python ? { Payload: signed } : signed;
}

function identityHeaders(options: XiaozhiDeviceOptions): Record<string, string> {
  const version = options.firmwareVersion ?? '2.4.2';
  return {
    'Device-Id': options.hardwareId,
    'Client-Id': options.clientId,
    'Content-Type': 'application/json',
    'User-Agent': `${options.board ?? 'muster-simulator'}/${version}`,
    'Accept-Language': options.language ?? 'en-US',
  };
}

function firmwareBody(options: XiaozhiDeviceOptions): object {
  const board = options.board ?? 'muster-simulator';
  return {
    ...simulatedMark(options),
    version: 2,
    language: options.language ?? 'en-US',
    flash_size: 16_777_216,
    minimum_free_heap_size: '8318916',
    mac_address: options.hardwareId,
    uuid: options.clientId,
    chip_model_name: 'esp32s3',
    chip_info: { model: 9, cores: 2, revision: 2, features: 18 },
    application: {
      name: 'xiaozhi',
      version: options.firmwareVersion ?? '2.4.2',
      compile_time: 'Aug  8 2026T08:33:45Z',
      idf_version: 'v5.5.2',
      elf_sha256: '0'.repeat(64),
    },
    partition_table: [{ label: 'nvs', type: 1, subtype: 2, address: 36_864, size: 16_384 }],
    ota: { label: 'ota_0' },
    display: { monochrome: false, width: 240, height: 240 },
    board: {
      type: board,
      name: board,
      ssid: 'simulated',
      rssi: -50,
      channel: 6,
      ip: '127.0.0.1',
      mac: options.hardwareId,
    },
  };
}

function pythonBody(options: XiaozhiDeviceOptions): object {
  return {
    ...simulatedMark(options),
    application: { version: '2.1.1', elf_sha256: options.hmacKey ?? '' },
    board: {
      type: options.board ?? 'muster-simulator',
      name: 'py-xiaozhi',
      ip: '127.0.0.1',
      mac: options.hardwareId,
    },
  };
}

function simulatedMark(options: XiaozhiDeviceOptions): object {
  return options.simulated === false ? {} : { simulated: true };
}
