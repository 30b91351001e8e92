import { test } from 'node:test';
import { fault as auditedKill } from './audited-kill.fault.ts';
import { fault as postgresKill } from './postgres-kill.fault.ts';
import { holds } from './rig/holds.ts';

test('kill -9 of PostgreSQL: refused meanwhile, stored again by itself, nothing acknowledged is lost', () =>
  holds(postgresKill, 2));
test('kill -9 while things are changed: a change and its row of the audit are there together or not at all', () =>
  holds(auditedKill, 2));
