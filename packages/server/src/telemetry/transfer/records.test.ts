import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRecords } from './records.ts';

async function read(text: string): Promise<string[][]> {
  const bytes = async function* (): AsyncIterable<Uint8Array> {
    yield Buffer.from(text);
  };
  const records: string[][] = [];
  for await (const { cells } of readRecords(bytes(), 'csv')) records.push([...cells]);
  return records;
}

test('quotes that are even in number and do not pair up are refused, not read for ever', async () => {
  await assert.rejects(read('"", c",2,\n1,x,object,"{""a"":['), { code: 'REQUEST_INVALID' });
  assert.deepEqual(await read('"a ""b"", c",2\n'), [['a "b", c', '2']]);
});
