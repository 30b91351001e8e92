import { test } from 'node:test';
import { fault as commandKill } from './command-kill.fault.ts';
import { fault as ingestKill } from './ingest-kill.fault.ts';
import { holds } from './rig/holds.ts';

test('kill -9 during ingest: nothing acknowledged is lost, nothing is doubled', () => holds(ingestKill, 4));
test('kill -9 in the life of commands: none vanishes, none is done twice, all end', () => holds(commandKill, 1));
