import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MusterError } from '@muster/contract';
import { Type } from 'typebox';
import { listSettings, readSettings, redactSettings } from './settings.ts';

const schema = Type.Object({
  http: Type.Object({
    port: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080, description: 'Port' }),
    publicUrl: Type.Optional(Type.String({ description: 'Address' })),
  }),
  voice: Type.Object({ words: Type.Array(Type.String(), { default: ['a'], description: 'Words' }) }),
  secure: Type.Boolean({ default: true, description: 'Switch' }),
  key: Type.String({ env: 'THE_KEY', secret: true, description: 'A key.' }),
});
const none = { environment: { THE_KEY: 'k' }, flags: [] };
const faults = (sources: Parameters<typeof readSettings>[1]): string => {
  try {
    readSettings(schema, sources);
  } catch (error) {
    assert.ok(error instanceof MusterError && error.code === 'CONFIG_INVALID');
    return error.message;
  }
  return 'no fault';
};

test('the later source wins: file, environment, flags', () => {
  const file = { http: { port: 1 }, voice: { words: ['file'] }, key: 'f' };
  const environment = { MUSTER_HTTP_PORT: '2', MUSTER_HTTP_PUBLIC_URL: 'x', THE_KEY: 'e', PATH: '/bin' };
  const read = readSettings(schema, { file, environment, flags: ['--http.port', '3', '--secure=false'] });
  assert.deepEqual(read, { http: { port: 3, publicUrl: 'x' }, voice: { words: ['file'] }, secure: false, key: 'e' });
});

test('unknown keys are refused by name, with the nearest known one', () => {
  assert.match(
    faults({ ...none, file: { http: { prot: 1 } }, fileName: 'm.json' }),
    /m\.json: unknown key http\.prot \(did you mean http\.port\?\)/,
  );
  assert.match(
    faults({ ...none, environment: { THE_KEY: 'k', MUSTER_HTTP_PROT: '1' } }),
    /unknown variable MUSTER_HTTP_PROT .*MUSTER_HTTP_PORT/,
  );
  assert.match(faults({ ...none, flags: ['--htpp.port', '1'] }), /unknown flag --htpp\.port .*--http\.port/);
  assert.equal(faults({ ...none, flags: ['--port', '9000'] }), 'unknown flag --port (did you mean --http.port?)');
  assert.equal(faults({ ...none, flags: ['--http.port'] }), '--http.port needs a value');
  assert.match(faults({ ...none, flags: ['8080'] }), /unknown flag 8080/);
});

test('a missing secret is named with its variable, and has no default', () => {
  assert.match(faults({ environment: {}, flags: [] }), /key is missing: set THE_KEY\. A key\./);
});

test('wrong values are named; a secret is not shown', () => {
  assert.match(
    faults({ ...none, flags: ['--http.port', 'eighty'] }),
    /http\.port: "eighty" is not a whole number from 0 to 65535/,
  );
  assert.match(faults({ ...none, flags: ['--secure', 'maybe'] }), /secure: "maybe" is not true or false/);
  const hidden = faults({ file: { key: 12_345 }, environment: {}, flags: [] });
  assert.match(hidden, /key: the value is not/);
  assert.doesNotMatch(hidden, /12345/);
});

test('printing hides secrets and shows what is not set as null', () => {
  const shown = redactSettings(schema, readSettings(schema, none));
  assert.deepEqual(shown, {
    http: { port: 8080, publicUrl: null },
    voice: { words: ['a'] },
    secure: true,
    key: '[secret]',
  });
});

test('every leaf has a variable of its own', () => {
  assert.deepEqual(
    listSettings(schema).map((setting) => setting.variable),
    ['MUSTER_HTTP_PORT', 'MUSTER_HTTP_PUBLIC_URL', 'MUSTER_VOICE_WORDS', 'MUSTER_SECURE', 'THE_KEY'],
  );
});
