import { test } from 'node:test';
import { fault as duplicates } from './duplicates.fault.ts';
import { fault as halfOpen } from './half-open.fault.ts';
import { fault as partition } from './partition.fault.ts';
import { holds } from './rig/holds.ts';

test('a network that is cut and heals: offline in time, back-filled in order, no alert about the past', () =>
  holds(partition, 1));
test('connections that fall silent are noticed and leave nothing behind', () => holds(halfOpen, 1));
test('what comes twice, out of order or late is stored and done once', () => holds(duplicates, 1));
