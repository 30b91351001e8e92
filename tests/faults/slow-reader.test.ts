import { test } from 'node:test';
import { holds } from './rig/holds.ts';
import { fault as slowReader } from './slow-reader.fault.ts';

// as long as its file may take: it sends megabytes through a server that others keep busy as well
test(
  'readers that are too slow are closed at their bound and counted; others do not wait for them',
  {
    timeout: 115_000,
  },
  () => holds(slowReader, 1),
);
