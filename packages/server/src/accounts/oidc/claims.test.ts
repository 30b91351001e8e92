import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from '../../config.ts';
import { readClaims } from './claims.ts';
import { rolesOf } from './groups.ts';

const SITE = '0192f0c1-0000-7000-8000-000000000001';
const configOf = (...flags: string[]) => readConfig(flags, {}).accounts.oidc;
const person = { iss: 'https://login.example.com', sub: 'one', email: 'a@example.com', email_verified: true };

test('groups are found inside of other claims, and in a claim with dots in its name', () => {
  const groupsOf = (claims: Record<string, unknown>, name: string): string[] => [
    ...(readClaims({ ...person, ...claims }, configOf(`--accounts.oidc.groupsClaim=${name}`))?.groups ?? []),
  ];
  assert.deepEqual(groupsOf({ realm_access: { roles: ['a', 'b'] } }, 'realm_access.roles'), ['a', 'b']);
  assert.deepEqual(groupsOf({ 'https://x.example/groups': ['a'] }, 'https://x.example/groups'), ['a']);
  assert.deepEqual(groupsOf({ groups: 'only one' }, 'groups'), ['only one']);
  for (const odd of [undefined, null, 7, {}, [7, null, '', { a: 'b' }]]) {
    assert.deepEqual(groupsOf({ groups: odd }, 'groups'), []);
  }
  assert.deepEqual(groupsOf({}, 'constructor.name'), []);
});

test('an address counts only when the claim that was set says that it is verified', () => {
  const emailOf = (claims: Record<string, unknown>, ...flags: string[]): string | null | undefined =>
    readClaims({ ...person, ...claims }, configOf(...flags))?.email;
  for (const yes of [true, 'true', 1, '1']) assert.equal(emailOf({ email_verified: yes }), person.email);
  for (const no of [false, 'false', 0, '0', undefined, null, [true], {}, 'yes']) {
    assert.equal(emailOf({ email_verified: no }), null, String(no));
  }
  const entra = '--accounts.oidc.emailVerifiedClaim=xms_edov';
  assert.equal(emailOf({ xms_edov: '1' }, entra), person.email);
  assert.equal(emailOf({}, entra), null);
});

test('a second factor is what the settings name, in amr or acr', () => {
  const hasOne = (claims: Record<string, unknown>, ...flags: string[]): boolean | undefined =>
    readClaims({ ...person, ...claims }, configOf(...flags))?.hasSecondFactor;
  assert.equal(hasOne({ amr: ['pwd', 'mfa'] }), true);
  assert.equal(hasOne({ amr: ['pwd'] }), false);
  assert.equal(hasOne({ acr: 'gold' }), false);
  assert.equal(hasOne({ acr: 'gold' }, '--accounts.oidc.secondFactorValues=mfa,gold'), true);
});

test('of several groups the most counts at a site, and the last sign of equality divides', () => {
  const rules = [`a=viewer@${SITE}`, `b=owner@${SITE}`, `c=operator@${SITE}`, 'd=e=support', 'd=administrator'];
  const { deployment, sites } = rolesOf(new Set(['c', 'b', 'a', 'd=e']), rules);
  assert.deepEqual([...sites], [[SITE, 'owner']]);
  assert.deepEqual([...deployment], ['support']);
  assert.deepEqual([...rolesOf(new Set(['c', 'a']), rules).sites], [[SITE, 'operator']]);
});
