import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeFor } from './close.ts';
import { hardwareIdOf } from './credentials.ts';
import { createIdleWatch } from './idle.ts';
import { parseJson } from './json.ts';
import { echoVersion, readCheckIn } from './ota/check-in.ts';
import { zoneOffsetMinutes } from './ota/time-zone.ts';
import { publicWebsocketUrl, websocketUrl } from './ota/websocket-url.ts';
import { createRateLimit } from './rate.ts';
import { createHandClock } from './rig/hand-clock.ts';

test('a boot request of firmware is read whole', () => {
  const headers = {
    'device-id': 'AA:BB:CC:DD:EE:FF',
    'client-id': '11111111-2222-4333-8444-555555555555',
    'serial-number': 'SN123',
    'activation-version': '2',
    'user-agent': 'bread-compact-wifi/2.4.2',
    'accept-language': 'vi-VN',
  };
  const body = { version: 2, application: { version: '2.4.2', elf_sha256: 'AB'.repeat(32) }, board: { name: 'other' } };
  assert.deepEqual(readCheckIn(headers, body, '10.0.0.9'), {
    hardwareId: 'aa:bb:cc:dd:ee:ff',
    clientId: '11111111-2222-4333-8444-555555555555',
    serialNumber: 'SN123',
    activationVersion: 2,
    model: 'bread-compact-wifi',
    firmwareVersion: '2.4.2',
    language: 'vi',
    hmacKeyCandidate: 'ab'.repeat(32),
    simulated: false,
    source: '10.0.0.9',
  });
});

test('only 64 hex digits are a key, and only true is a simulator', () => {
  const read = (body: object) => readCheckIn({ 'device-id': 'x' }, body, '');
  assert.equal(read({ application: { elf_sha256: 'ab' } })?.hmacKeyCandidate, null);
  assert.equal(read({ application: { elf_sha256: `${'ab'.repeat(31)}zz` } })?.hmacKeyCandidate, null);
  assert.equal(read({ simulated: 'true' })?.simulated, false);
  assert.equal(read({ simulated: true })?.simulated, true);
});

test('the version echoed is dotted digits that firmware can parse', () => {
  const cases: [string | null, string][] = [
    ['2.4.2', '2.4.2'],
    ['2.4.2-rc1', '2.4.2'],
    ['py-xiaozhi-2.1.1', '0.0.0'],
    ['v2', '0.0.0'],
    ['99999999999.1', '999999999'],
    [null, '0.0.0'],
  ];
  for (const [version, echoed] of cases) assert.equal(echoVersion(version), echoed, String(version));
});

test('a hardware id is a MAC address in one form, or short and plain', () => {
  assert.equal(hardwareIdOf(' AA-BB-CC-DD-EE-FF '), 'aa:bb:cc:dd:ee:ff');
  assert.equal(hardwareIdOf('Robot_7.a'), 'Robot_7.a');
  for (const bad of ['', 'a b', 'a/b', 'x'.repeat(65), "a'b", 'é', 7, null, undefined])
    assert.equal(hardwareIdOf(bad), null);
});

test('the websocket url follows the request, or the local address when the request says nothing usable', () => {
  const at = (host: string | undefined, protocol = 'http', localAddress = '::ffff:10.0.0.1') =>
    websocketUrl({ protocol, host, localAddress, localPort: 8080 });
  assert.equal(at('muster.example', 'https'), 'wss://muster.example:443/xiaozhi/v1/');
  assert.equal(at(undefined), 'ws://10.0.0.1:8080/xiaozhi/v1/');
  assert.equal(at('a b'), 'ws://10.0.0.1:8080/xiaozhi/v1/');
  assert.equal(at('[::1]:8080', 'http', '::1'), 'ws://localhost:8080/xiaozhi/v1/');
  assert.throws(() => at('[fe80::1]', 'http', 'fe80::1'), { code: 'UNAVAILABLE' });
  assert.throws(() => at('host:0'), { code: 'UNAVAILABLE' });
});

test('a public url that devices cannot use is refused at start', () => {
  assert.equal(publicWebsocketUrl('http://10.0.0.1:8000/'), 'ws://10.0.0.1:8000/xiaozhi/v1/');
  assert.equal(publicWebsocketUrl('https://h/voice/'), 'wss://h:443/voice/xiaozhi/v1/');
  for (const bad of ['', 'muster', 'ftp://h', 'http://[::1]:80', 'http://h/a:b', 'http://h/?a=b']) {
    assert.throws(() => publicWebsocketUrl(bad), { code: 'CONFIG_INVALID' }, bad);
  }
});

test('offsets of time zones are minutes, with summer time, and 0 for a zone nobody knows', () => {
  const winter = Date.UTC(2026, 0, 15);
  const summer = Date.UTC(2026, 6, 15);
  assert.equal(zoneOffsetMinutes('Europe/Berlin', winter), 60);
  assert.equal(zoneOffsetMinutes('Europe/Berlin', summer), 120);
  assert.equal(zoneOffsetMinutes('Asia/Kathmandu', winter), 345);
  assert.equal(zoneOffsetMinutes('UTC', winter), 0);
  assert.equal(zoneOffsetMinutes('Mars/Olympus', winter), 0);
});

test('__proto__ is dropped however it is written, and touches nothing', () => {
  for (const text of ['{"__proto__":{"a":1},"b":2}', '{"\\u005f_proto__":{"a":1},"b":2}']) {
    const value = parseJson(text);
    assert.deepEqual(value, { b: 2 });
    assert.deepEqual(Object.keys(Object.assign({}, value)), ['b']);
  }
});

test('32 levels are parsed, 33 are not', () => {
  const nested = (levels: number): string => `${'{"a":['.repeat(levels / 2)}${']}'.repeat(levels / 2)}`;
  assert.notEqual(parseJson(nested(32)), undefined);
  assert.equal(parseJson(`[${nested(32)}]`), undefined);
  assert.equal(parseJson('['), undefined);
});

test('brackets inside strings are no depth', () => {
  const text = JSON.stringify({ text: `${'['.repeat(100)}"\\` });
  assert.deepEqual(parseJson(text), JSON.parse(text));
});

test('the rate is an average over the window', () => {
  const clock = createHandClock();
  const rate = createRateLimit(clock, 10, 5_000);
  for (let taken = 0; taken < 50; taken++) assert.ok(rate.take(1));
  assert.ok(!rate.take(1));
  clock.advance(1_000);
  for (let taken = 0; taken < 10; taken++) assert.ok(rate.take(1));
  assert.ok(!rate.take(1));
  clock.advance(3_600_000);
  assert.ok(rate.take(50));
  assert.ok(!rate.take(1));
});

function watch(goodbyes: boolean) {
  const clock = createHandClock();
  const events: string[] = [];
  const idle = createIdleWatch({
    clock,
    idleMs: 100,
    goodbyeMs: 50,
    sayGoodbye() {
      if (goodbyes) events.push('goodbye');
      return goodbyes;
    },
    onOver: () => events.push('over'),
  });
  return { clock, events, idle };
}

test('idle: whoever says something has the whole time again', () => {
  const { clock, events, idle } = watch(false);
  idle.opened();
  for (const say of [idle.touch, idle.heard, () => idle.speaking(0), idle.opened, idle.spoken]) {
    clock.advance(90);
    say();
  }
  clock.advance(99);
  assert.deepEqual(events, []);
  clock.advance(1);
  assert.deepEqual(events, ['over']);
});

test('idle: a goodbye ends when it is spoken, or when its time is up', () => {
  const spoken = watch(true);
  spoken.idle.heard();
  spoken.clock.advance(100);
  spoken.idle.speaking(0);
  for (let packet = 0; packet < 3; packet++) spoken.idle.speaking(10);
  spoken.clock.advance(30);
  spoken.idle.spoken();
  assert.deepEqual(spoken.events, ['goodbye', 'over']);
  const silent = watch(true);
  silent.idle.heard();
  silent.clock.advance(100);
  silent.idle.spoken();
  assert.deepEqual(silent.events, ['goodbye']);
  silent.clock.advance(50);
  assert.deepEqual(silent.events, ['goodbye', 'over']);
});

test('idle: an answer takes the goodbye back', () => {
  for (const answer of ['touch', 'opened', 'heard'] as const) {
    const { clock, events, idle } = watch(true);
    idle.heard();
    clock.advance(100);
    idle.speaking(10);
    idle[answer]();
    clock.advance(10);
    idle.spoken();
    clock.advance(89);
    assert.deepEqual(events, ['goodbye'], answer);
    clock.advance(61);
    assert.deepEqual(events, ['goodbye', 'goodbye', 'over'], answer);
  }
});

test('idle: a goodbye that stops before it can have been played was interrupted, and is taken back', () => {
  const { clock, events, idle } = watch(true);
  idle.heard();
  clock.advance(100);
  idle.speaking(20);
  clock.advance(5);
  idle.speaking(20);
  clock.advance(34);
  idle.spoken();
  // the voice may say a second time that it stopped
  idle.spoken();
  clock.advance(99);
  assert.deepEqual(events, ['goodbye']);
  clock.advance(1);
  assert.deepEqual(events, ['goodbye', 'goodbye']);
});

test('idle: a connection on which nobody talks is never over, also when the server speaks on it', () => {
  const { clock, events, idle } = watch(true);
  clock.advance(1_000);
  idle.speaking(0);
  idle.speaking(10);
  idle.touch();
  idle.spoken();
  clock.advance(1_000);
  assert.deepEqual(events, []);
  assert.equal(clock.waiting(), 0);
});

test('idle: an open microphone that hears nobody ends without a goodbye', () => {
  const { clock, events, idle } = watch(true);
  clock.advance(1_000);
  idle.opened();
  clock.advance(99);
  assert.deepEqual(events, []);
  clock.advance(1);
  assert.deepEqual(events, ['over']);
});

test('idle: after the stop nothing waits any more', () => {
  const { clock, events, idle } = watch(true);
  idle.heard();
  clock.advance(100);
  idle.stop();
  idle.touch();
  idle.heard();
  idle.opened();
  assert.equal(clock.waiting(), 0);
  assert.deepEqual(events, ['goodbye']);
});

test('close frames fit their reason, and only faults are shown to a person', () => {
  assert.deepEqual(closeFor('IDLE_TIMEOUT'), { status: 1000, alert: false });
  assert.deepEqual(closeFor('SERVER_STOPPING'), { status: 1001, alert: false });
  assert.deepEqual(closeFor('DEVICE_REVOKED'), { status: 1008, alert: true });
  assert.deepEqual(closeFor('FRAME_TOO_LARGE'), { status: 1009, alert: true });
});
