import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { type DeviceCreated, type ImportReply, type LatestList, LIMITS, type TelemetryMessage } from '@muster/contract';
import fc from 'fast-check';
import { Client } from 'pg';
import { startTestServer, type TestServer } from '../../testing.ts';
import { readRecords } from './records.ts';
import { csvLine, type OutRow, readCsvHeader, readCsvRow } from './rows.ts';

let muster: TestServer;
const HEADER = 'at,series,kind,value,seq,unit\r\n';

before(async () => {
  muster = await startTestServer();
});
after(() => muster.stop());

async function device(): Promise<{ readonly id: string; send(message: TelemetryMessage): Promise<void> }> {
  const { device: made, token } = await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'one' });
  return {
    id: made.deviceId,
    async send(message) {
      const reply = await fetch(`${muster.url}/device/v1/telemetry`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify(message),
      });
      assert.equal(reply.status, 204);
    },
  };
}

const authorization = (): string => `Bearer ${muster.token}`;

async function exported(path: string): Promise<{ readonly text: string; readonly rows: string | null }> {
  const reply = await fetch(muster.url + path, { headers: { authorization: authorization() } });
  const text = await reply.text();
  assert.equal(reply.status, 200, text);
  return { text, rows: reply.headers.get('x-telemetry-rows') };
}

async function imported(id: string, body: string | Uint8Array<ArrayBuffer>, type = 'text/csv') {
  const reply = await fetch(`${muster.url}/api/devices/${id}/telemetry/import`, {
    method: 'POST',
    headers: { authorization: authorization(), 'content-type': type },
    body,
  });
  const value: unknown = await reply.json();
  return {
    status: reply.status,
    reply: value as ImportReply,
    code: (value as { error?: { code: string } }).error?.code,
  };
}

const NASTY: TelemetryMessage['points'] = [
  { values: { text: '=HYPERLINK("http://evil")', number: -5, on: true } },
  { values: { text: "'=1+1", number: 1e-7, on: false } },
  { values: { text: '@SUM(A1)', where: { latitude: -1.5, longitude: 2 } } },
  { values: { text: 'two\r\nlines, "quoted"', object: { '=a': '-1', list: [1, 'x'] } } },
  { values: { text: '', number: 0 } },
  { values: { text: '−minus and ünï 😀', number: 123_456_789.25 } },
  { values: { text: "'tis", number: -0.5 } },
  { values: { text: '\t+1' } },
];

test('what is exported comes back as it was, from either form, and once however often', async () => {
  const from = await device();
  const at = Date.now() - 3_600_000;
  await from.send({ seq: 7, points: NASTY.map(({ values }, nth) => ({ at: at + nth, values })) });
  await from.send({ seq: 8, at, values: { number: 4 } });
  for (const [format, type] of [
    ['csv', 'text/csv; charset=utf-8'],
    ['ndjson', 'application/x-ndjson'],
  ] as const) {
    const path = (id: string) => `/api/devices/${id}/telemetry/export?format=${format}&from=0`;
    const first = await exported(path(from.id));
    const to = await device();
    for (let again = 0; again < 3; again++) {
      const { status, reply } = await imported(to.id, first.text, type);
      assert.equal(status, 200);
      assert.deepEqual([reply.refused, reply.faults], [0, []]);
      assert.equal(reply.stored, Number(first.rows));
      const second = await exported(path(to.id));
      assert.equal(second.text, first.text);
      assert.equal(second.rows, first.rows);
    }
    // into itself it changes nothing: its rows have their numbers
    await imported(from.id, first.text, type);
    assert.equal((await exported(path(from.id))).text, first.text);
  }
});

test('no cell with text is a formula', async () => {
  const one = await device();
  await one.send({ points: NASTY.map(({ values }, nth) => ({ at: Date.now() - nth, values })) });
  const { text } = await exported(`/api/devices/${one.id}/telemetry/export?series=text,object`);
  for await (const { cells } of readRecords(lines(text), 'csv')) {
    for (const cell of cells) assert.doesNotMatch(cell, /^[=+\-@\t\r]/);
  }
});

async function* lines(text: string, size = 7): AsyncIterable<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test('any text survives a CSV file, wherever its bytes are cut', async () => {
  const columns = readCsvHeader(HEADER.trim().split(','));
  const texts = fc.array(
    fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')),
    { minLength: 1 },
  );
  const nasty = fc.array(fc.stringMatching(/^['"=+\-@,\r\n\ta]{0,6}$/), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(fc.oneof(texts, nasty), fc.integer({ min: 1, max: 9 }), async (values, size) => {
      const kind = 'string' as const;
      const rows = values.map(
        (value, seq): OutRow => ({ at: 1, series: 'x', kind, value: value.toWellFormed(), seq, unit: null }),
      );
      const found: unknown[] = [];
      for await (const { cells } of readRecords(lines(rows.map((row) => csvLine(row, null)).join(''), size), 'csv')) {
        found.push(readCsvRow(cells, columns, 'd', () => undefined).value);
      }
      assert.deepEqual(
        found,
        rows.map(({ value }) => value),
      );
    }),
    { numRuns: 200 },
  );
});

test('lines that are refused are named, and the others are stored', async () => {
  const one = await device();
  const now = Date.now();
  const body = [
    'value,series,at,note',
    `1,temperature,${now},first`,
    `hot,temperature,${now},`,
    `2,bad name,${now},`,
    '3,temperature,yesterday,',
    `4,temperature,${now + 3_600_000},`,
    '',
    '5,temperature,1000,',
    `"multi\nline",words,${now},`,
    `true,on,${new Date(now).toISOString()},`,
    `,nothing,${now},`,
    `6,temperature,${now + 1}`,
  ].join('\n');
  const { status, reply } = await imported(one.id, body);
  assert.equal(status, 200);
  assert.deepEqual([reply.lines, reply.stored, reply.refused], [10, 4, 6]);
  assert.deepEqual(
    reply.faults.map(({ line }) => line),
    [3, 4, 5, 6, 8, 12],
  );
  const { latest } = await muster.call<LatestList>('GET', `/api/devices/${one.id}/telemetry/latest`);
  assert.deepEqual(
    latest.map(({ series, kind, value }) => [series, kind, value]),
    [
      ['on', 'boolean', true],
      ['temperature', 'number', 6],
      ['words', 'string', 'multi\nline'],
    ],
  );
});

test('what is no file of measurements is refused with its line', async () => {
  const one = await device();
  const at = Date.now();
  for (const [body, type, say] of [
    ['a,b,c\n1,2,3\n', 'text/csv', /names no column/],
    [`${HEADER}${at},x,number,"1,0,\n`, 'text/csv', /Line 2 has a quote/],
    [`${HEADER}${at},x,string,"a"b,0,\n`, 'text/csv', /Line 2 has text after/],
    [`${HEADER}${at},x,string,${'y'.repeat(70_000)},0,\n`, 'text/csv', /Line 2 is longer/],
    [new Uint8Array([...Buffer.from(HEADER), 0xff, 0xfe]), 'text/csv', /not UTF-8/],
  ] as const) {
    const reply = await fetch(`${muster.url}/api/devices/${one.id}/telemetry/import`, {
      method: 'POST',
      headers: { authorization: authorization(), 'content-type': type },
      body,
    });
    assert.equal(reply.status, 400);
    assert.match(await reply.text(), say);
  }
  assert.equal((await imported(one.id, '{}', 'application/json')).status, 400);
  const deep = `{"at":${at},"series":"x","value":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`;
  const bad = ['nothing', '[]', '{}', `{"at":${at},"series":"x"}`, `{"at":${at},"series":"x","value":null}`, deep];
  const { reply } = await imported(
    one.id,
    `${bad.join('\n')}\n{"at":${at},"series":"x","value":1}`,
    'application/x-ndjson',
  );
  assert.deepEqual([reply.stored, reply.refused], [1, bad.length]);
});

test('a file larger than the limit is refused before it is read', async () => {
  const one = await device();
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const headers = {
      authorization: authorization(),
      'content-type': 'text/csv',
      'content-length': String(LIMITS.importBytes + 1),
    };
    const sent = request(
      `${muster.url}/api/devices/${one.id}/telemetry/import`,
      { method: 'POST', headers },
      (reply) => {
        resolve(reply.statusCode);
        sent.destroy();
      },
    );
    sent.on('error', reject);
    sent.write(HEADER);
  });
  assert.equal(status, 413);
});

test('an import makes no more series than a device may have', async () => {
  const one = await device();
  const at = Date.now();
  const rows = Array.from({ length: LIMITS.seriesPerDevice + 20 }, (_, nth) => `${at},s${nth},number,1,0,`);
  const { reply } = await imported(one.id, `${HEADER}${rows.join('\n')}`);
  assert.deepEqual([reply.stored, reply.refused], [LIMITS.seriesPerDevice, 20]);
});

test('a file of a whole site says of which device each line is, and goes back device by device', async () => {
  const [a, b] = [await device(), await device()];
  const at = Date.now() - 1_000;
  await a.send({ at, values: { siteOnly: 1 } });
  await b.send({ at, values: { siteOnly: 2 } });
  const { text } = await exported(`/api/sites/${muster.siteId}/telemetry/export?from=${at}&to=${at + 1}`);
  assert.ok(text.startsWith('deviceId,at,series,'));
  const mine = text.split('\r\n').filter((line) => line.includes('siteOnly'));
  assert.equal(mine.length, 2);
  assert.ok(mine.some((line) => line === `${a.id},${at},siteOnly,number,1,0,`));
  const { reply } = await imported(a.id, `${text.split('\r\n')[0]}\n${mine.join('\n')}`);
  assert.deepEqual([reply.stored, reply.refused], [1, 1], 'lines of other devices are refused');
});

test('many rows come whole and in order, also many of one millisecond', async () => {
  const one = await device();
  const now = Date.now() - 86_400_000;
  const many = 25_000;
  const instant = Array.from({ length: many }, (_, nth) => `${now},x,number,${nth},${nth + 1},`);
  const spread = Array.from({ length: many }, (_, nth) => `${now + 1 + nth * 100},y,number,${nth},1,`);
  for (const rows of [instant, spread]) {
    const { reply } = await imported(one.id, HEADER + rows.join('\r\n'));
    assert.equal(reply.stored, many);
  }
  const { text, rows } = await exported(`/api/devices/${one.id}/telemetry/export?from=0`);
  assert.equal(rows, String(2 * many));
  assert.equal(text, `${HEADER}${[...instant, ...spread].join('\r\n')}\r\n`);
});

test('a client that goes ends its export, and others find its place free', async () => {
  const one = await device();
  const at = Date.now() - 1_000_000;
  const rows = Array.from({ length: 60_000 }, (_, nth) => `${at + nth},x,string,${'long text '.repeat(20)},0,`);
  await imported(one.id, HEADER + rows.join('\n'));
  for (let round = 0; round < 12; round++) {
    const stop = new AbortController();
    const path = `${muster.url}/api/devices/${one.id}/telemetry/export?from=0`;
    let reply: Response;
    // the place of the one before is free when its socket is closed on the other side too
    do reply = await fetch(path, { headers: { authorization: authorization() }, signal: stop.signal });
    while (reply.status === 429);
    assert.equal(reply.status, 200);
    await reply.body?.getReader().read();
    stop.abort();
  }
});

test('clients that go before their export begins keep no place', async () => {
  const one = await device();
  const path = `/api/devices/${one.id}/telemetry/export`;
  // gone at every moment of the way: some of them while the rows are counted
  for (let nth = 0; nth < 120; nth++) {
    const asked = request(muster.url + path, { headers: { authorization: authorization() } });
    asked.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => asked.once('close', () => resolve()));
    asked.end(() => setTimeout(() => asked.destroy(), 1 + (nth % 20) / 2));
    await closed;
  }
  let status = 429;
  // the last of them may be under way still
  for (let tries = 0; status === 429 && tries < 100; tries++) {
    const reply = await fetch(muster.url + path, { headers: { authorization: authorization() } });
    await reply.arrayBuffer();
    status = reply.status;
    if (status === 429) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(status, 200);
});

test('a fault in the middle breaks the file off: nobody takes a part for the whole', async () => {
  const one = await device();
  const at = Date.now() - 1_000_000;
  const rows = Array.from({ length: 60_000 }, (_, nth) => `${at + nth},x,string,${'long text '.repeat(20)},0,`);
  await imported(one.id, HEADER + rows.join('\n'));
  const reply = await fetch(`${muster.url}/api/devices/${one.id}/telemetry/export?from=0`, {
    headers: { authorization: authorization() },
  });
  const reader = reply.body?.getReader();
  assert.ok(reader);
  await reader.read();
  // the next page cannot be read: its column has another name
  const client = await databaseClient();
  await client.query('ALTER TABLE points_90 RENAME COLUMN num TO gone');
  const rest = (async () => {
    let size = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return size;
      size += value.byteLength;
    }
  })();
  await assert.rejects(rest);
  await client.query('ALTER TABLE points_90 RENAME COLUMN gone TO num');
  await client.end();
});

async function databaseClient(): Promise<Client> {
  const pid = await readFile(`${muster.dataDir}/pg/postmaster.pid`, 'utf8').catch(() => '');
  const host = encodeURIComponent(pid.split('\n')[4] ?? '');
  const client = new Client({ connectionString: `postgresql://muster@/muster?host=${host}` });
  await client.connect();
  return client;
}

test('nobody takes files out or puts them in without a session', async () => {
  const one = await device();
  for (const [method, path] of [
    ['GET', `/api/devices/${one.id}/telemetry/export`],
    ['POST', `/api/devices/${one.id}/telemetry/import`],
    ['GET', `/api/sites/${muster.siteId}/telemetry/export`],
  ] as const) {
    const reply = await fetch(muster.url + path, { method, headers: { 'content-type': 'text/csv' } });
    assert.equal(reply.status, 401, path);
  }
});
