import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeConfig, readConfig } from './config.ts';

test('flags win over the environment, the environment over the file', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'muster-config-')), 'device.json');
  await writeFile(path, JSON.stringify({ server: 'https://file/', mode: 'manual', frameMs: 20 }));
  const flags = ['--config', path, '--server=https://flag/', '--in', 'a.wav', '--in', 'b.wav', '--allow-reboot'];
  const config = readConfig(flags, { MUSTER_DEVICE_SERVER: 'https://env/', MUSTER_DEVICE_MODE: 'realtime' });
  assert.equal(config.server, 'https://flag/');
  assert.equal(config.mode, 'realtime');
  assert.equal(config.frameMs, 20);
  assert.deepEqual(config.in, ['a.wav', 'b.wav']);
  assert.equal(config.allowReboot, true);
  assert.equal(config.framing, 1);
});

test('what is unknown, wrong or missing is refused by name, all at once', () => {
  const flags = ['--sever', 'https://x/', '--framing', '4', 'stray'];
  const environment = { MUSTER_DEVICE_HEALTHPORT: '1', MUSTER_DEVICE_HEALTH_PORT: 'x', PATH: '/bin' };
  assert.throws(
    () => readConfig(flags, environment),
    (error: Error) => {
      for (const name of [
        '--sever',
        'framing',
        'stray',
        'MUSTER_DEVICE_HEALTHPORT is not',
        'healthPort',
        'server is missing',
      ]) {
        assert.ok(error.message.includes(name), `${name} in: ${error.message}`);
      }
      return 'code' in error && error.code === 'CONFIG_INVALID';
    },
  );
});

test('a file that is not JSON, or has a key too much, is refused', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'muster-config-')), 'device.json');
  for (const content of ['{', '[]', '{"server":"https://x/","verifyTls":false}']) {
    await writeFile(path, content);
    assert.throws(() => readConfig(['--config', path], {}), { code: 'CONFIG_INVALID' });
  }
});

test('the help names every setting, and none that turns a check off', () => {
  const help = describeConfig();
  assert.ok(help.includes('--health-port'));
  assert.ok(!/insecure|no-verify|skip/i.test(help));
});
