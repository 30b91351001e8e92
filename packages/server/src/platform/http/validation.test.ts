import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssistantChange } from '@muster/contract';
import { Type } from 'typebox';
import { createValidatorCompiler } from './validation.ts';

const compile = createValidatorCompiler();
const part = (schema: Parameters<typeof compile>[0]['schema'], httpPart: string) =>
  compile({ schema, httpPart, method: 'PATCH', url: '/' });

test('null in a body stays null', () => {
  const body = { allowedTools: null, voice: null };
  assert.equal(part(AssistantChange, 'body')(body), true);
  assert.deepEqual(body, { allowedTools: null, voice: null });
});

test('a body is not turned into what was asked for', () => {
  assert.notEqual(part(Type.Object({ n: Type.Integer() }), 'body')({ n: '5' }), true);
});

test('text of an address becomes the number that it says', () => {
  const query = { limit: '5' };
  assert.equal(part(Type.Object({ limit: Type.Integer() }), 'querystring')(query), true);
  assert.deepEqual(query, { limit: 5 });
});
