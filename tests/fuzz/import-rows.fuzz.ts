import { readRecords } from '../../packages/server/src/telemetry/transfer/records.ts';
import { readCsvHeader, readCsvRow, readNdjsonRow } from '../../packages/server/src/telemetry/transfer/rows.ts';
import { defineFuzz } from './define.ts';
import { mutate } from './inputs/mutate.ts';

const CSV =
  'at,series,kind,value,seq,unit\n1800000000000,temperature,number,21.5,1,°C\n2027-01-15T08:00:00Z,mode,string,"a ""b"", c",2,\n1,x,object,"{""a"":[1]}",0,\n';
const NDJSON =
  '{"at":1800000000000,"series":"temperature","value":21.5,"seq":1}\n{"at":"2027-01-15T08:00:00.5+07:00","series":"at","value":{"latitude":1,"longitude":2}}\n';
const PIECES = ['"', '""', '\n', '\r\n', ',', 'at', '\ufeff', "'", '=1+1', '1e5000', '{', '['].map((text) =>
  Buffer.from(text),
);
const DEVICE = '019a0000-0000-7000-8000-000000000001';

export const target = defineFuzz({
  name: 'import-rows',
  summary: 'measurements that are put in as CSV and NDJSON',
  make: (random) => mutate(Buffer.from(random.pick([CSV, NDJSON])), random, PIECES),
  open: () => ({
    async take(input, random) {
      const format = input[0] === 0x7b ? 'ndjson' : 'csv';
      const cut = random.below(input.length + 1);
      const bytes = async function* (): AsyncIterable<Uint8Array> {
        yield input.subarray(0, cut);
        yield input.subarray(cut);
      };
      let columns: ReturnType<typeof readCsvHeader> | null = null;
      let rows = 0;
      for await (const { cells } of readRecords(bytes(), format)) {
        if (format === 'ndjson') readNdjsonRow(cells[0] ?? '', DEVICE);
        else if (columns === null) columns = readCsvHeader(cells);
        else readCsvRow(cells, columns, DEVICE, () => undefined);
        rows += 1;
      }
      return rows > 0 ? 'taken' : 'empty';
    },
  }),
});
