import {
  ErrorReply,
  FactorAdded,
  Factors,
  Id,
  Passkey,
  PasskeyChange,
  PasskeyCreate,
  PasskeyOptions,
  RecoveryCodes,
  TotpBegun,
  TotpConfirm,
} from '@muster/contract';
import { Type } from 'typebox';
import type { Http } from '../../platform/http/index.ts';
import { placeOf } from './place.ts';
import type { SecondFactor } from './second-factor.ts';

/** What people set up for themselves. Whoever changes it has proved lately who they are. */
export function secondFactorRoutes(
  app: Http,
  factors: SecondFactor,
  { publicUrl }: { readonly publicUrl: string | null },
): void {
  const tags = ['second factor'];
  const failures = { '4xx': ErrorReply };
  const Params = Type.Object({ passkeyId: Id });

  app.get(
    '/api/me/factors',
    {
      config: { action: 'account.own' },
      schema: { tags, summary: 'Second factors of the caller', response: { 200: Factors, ...failures } },
    },
    async (request) => factors.factorsOf(request.access.person().user.userId),
  );

  app.post(
    '/api/me/totp',
    {
      config: { action: 'account.factor', target: { kind: 'authenticator app', isSecret: true } },
      schema: {
        tags,
        summary: 'A secret for an authenticator app; it counts once a code of it was confirmed',
        response: { 200: TotpBegun, ...failures },
      },
    },
    async (request) => factors.beginTotp(request.access.person().user),
  );

  app.post(
    '/api/me/totp/confirm',
    {
      config: { action: 'account.factor', target: { kind: 'authenticator app' } },
      schema: {
        tags,
        summary: 'Type a code that the app shows: from now on signing in asks for one',
        body: TotpConfirm,
        response: { 200: FactorAdded, ...failures },
      },
    },
    async (request) => factors.confirmTotp(request.access.person().user.userId, request.body.code),
  );

  app.delete(
    '/api/me/totp',
    {
      config: { action: 'account.factor', target: { kind: 'authenticator app' } },
      schema: { tags, summary: 'Remove the authenticator app', response: { 200: Factors, ...failures } },
    },
    async (request) => factors.removeTotp(request.access.person().user.userId),
  );

  app.post(
    '/api/me/passkeys/options',
    {
      config: { action: 'account.factor', target: { kind: 'passkey', isSecret: true } },
      schema: {
        tags,
        summary: 'What a browser needs to make a passkey for this server',
        response: { 200: PasskeyOptions, ...failures },
      },
    },
    async (request) => ({
      options: await factors.passkeys.registrationOptions(request.access.person().user, placeOf(request, publicUrl)),
    }),
  );

  app.post(
    '/api/me/passkeys',
    {
      config: { action: 'account.factor', target: { kind: 'passkey' } },
      schema: {
        tags,
        summary: 'Add the passkey that the browser made',
        body: PasskeyCreate,
        response: { 201: FactorAdded, ...failures },
      },
    },
    async (request, reply) => {
      const { name, response } = request.body;
      const done = await factors.addPasskey(request.access.person().user, name, response, placeOf(request, publicUrl));
      return reply.status(201).send(done);
    },
  );

  app.patch(
    '/api/me/passkeys/:passkeyId',
    {
      config: { action: 'account.change', target: { kind: 'passkey', param: 'passkeyId' } },
      schema: {
        tags,
        summary: 'Rename a passkey',
        params: Params,
        body: PasskeyChange,
        response: { 200: Passkey, ...failures },
      },
    },
    async (request) =>
      factors.passkeys.rename(request.access.person().user.userId, request.params.passkeyId, request.body.name),
  );

  app.delete(
    '/api/me/passkeys/:passkeyId',
    {
      config: { action: 'account.factor', target: { kind: 'passkey', param: 'passkeyId' } },
      schema: { tags, summary: 'Remove a passkey', params: Params, response: { 200: Factors, ...failures } },
    },
    async (request) => factors.removePasskey(request.access.person().user.userId, request.params.passkeyId),
  );

  app.post(
    '/api/me/recovery-codes',
    {
      config: { action: 'account.factor', target: { kind: 'recovery codes', isSecret: true } },
      schema: {
        tags,
        summary: 'Ten fresh recovery codes; those before are void',
        response: { 200: RecoveryCodes, ...failures },
      },
    },
    async (request) => ({ codes: [...(await factors.newRecoveryCodes(request.access.person().user.userId))] }),
  );
}
