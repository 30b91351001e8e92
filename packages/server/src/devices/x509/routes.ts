import {
  CertificateAuthority,
  CertificateAuthorityChange,
  CertificateAuthorityCreate,
  CertificateAuthorityList,
  CertificateProof,
  CertificateRevoke,
  type Device,
  DeviceCertificate,
  DeviceCertificateBind,
  DeviceCertificateList,
  ErrorReply,
  Id,
  MusterError,
} from '@muster/contract';
import { Type } from 'typebox';
import type { Http } from '../../platform/http/index.ts';
import { siteMeant } from '../site-meant.ts';
import type { Certificates } from './certificates.ts';

const Params = Type.Object({ authorityId: Id });
const DeviceParams = Type.Object({ deviceId: Id });
const SiteQuery = Type.Object({ siteId: Type.Optional(Id) }, { additionalProperties: false });
const ListQuery = Type.Object(
  {
    siteId: Type.Optional(Id),
    deviceId: Type.Optional(Id),
    authorityId: Type.Optional(Id),
    limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 100 }),
    after: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
  },
  { additionalProperties: false },
);

export function certificateRoutes(
  app: Http,
  certificates: Certificates,
  lookups: {
    /** The site meant when a caller names none: their only one. */
    readonly onlySite: (sites: readonly string[] | null) => Promise<string | null>;
    readonly deviceOf: (deviceId: string) => Promise<Device>;
  },
): void {
  const tags = ['certificates'];
  const failures = { '4xx': ErrorReply };
  const target = {
    kind: 'certificate authority',
    param: 'authorityId',
    read: (authorityId: string) => certificates.authorities.get(authorityId),
  };

  app.get(
    '/api/certificate-authorities',
    {
      config: { action: 'certificate.read' },
      schema: {
        tags,
        summary: 'Authorities of a site whose certificates let devices in, oldest first',
        querystring: SiteQuery,
        response: { 200: CertificateAuthorityList, ...failures },
      },
    },
    async (request) => {
      const siteId = await siteMeant(request.query.siteId, request.access.sites, lookups.onlySite);
      request.access.allow(siteId);
      return { authorities: await certificates.authorities.list(siteId) };
    },
  );

  app.post(
    '/api/certificate-authorities',
    {
      config: { action: 'certificate.change', target: { kind: target.kind, replyId: 'authorityId' } },
      schema: {
        tags,
        summary: 'Upload an authority, which then waits for the proof that you have its key; or renew one of that key',
        body: CertificateAuthorityCreate,
        response: { 201: CertificateAuthority, ...failures },
      },
    },
    async (request, reply) => {
      const siteId = await siteMeant(request.body.siteId, request.access.sites, lookups.onlySite);
      request.access.allow(siteId);
      return reply.status(201).send(await certificates.authorities.create({ ...request.body, siteId }));
    },
  );

  app.post(
    '/api/certificate-authorities/:authorityId/proof',
    {
      config: { action: 'certificate.change', target },
      schema: {
        tags,
        summary: 'Prove that you have its key: a certificate that it signed, with the challenge as common name',
        params: Params,
        body: CertificateProof,
        response: { 200: CertificateAuthority, ...failures },
      },
    },
    async (request) => {
      const { authorityId, siteId } = await certificates.authorities.get(request.params.authorityId);
      request.access.allow(siteId);
      return certificates.authorities.prove(authorityId, request.body.certificate);
    },
  );

  app.patch(
    '/api/certificate-authorities/:authorityId',
    {
      config: { action: 'certificate.change', target },
      schema: {
        tags,
        summary: 'Rename it, disable it, let it make devices',
        params: Params,
        body: CertificateAuthorityChange,
        response: { 200: CertificateAuthority, ...failures },
      },
    },
    async (request) => {
      const { authorityId, siteId } = await certificates.authorities.get(request.params.authorityId);
      request.access.allow(siteId);
      return certificates.authorities.change(authorityId, request.body);
    },
  );

  app.delete(
    '/api/certificate-authorities/:authorityId',
    {
      config: { action: 'certificate.change', target },
      schema: {
        tags,
        summary: 'Forget an authority and its certificates: who came in by one is cut off',
        params: Params,
        response: { 204: Type.Null(), ...failures },
      },
    },
    async (request, reply) => {
      const { authorityId, siteId } = await certificates.authorities.get(request.params.authorityId);
      request.access.allow(siteId);
      await certificates.authorities.remove(authorityId);
      return reply.status(204).send(null);
    },
  );

  app.post(
    '/api/certificate-authorities/:authorityId/revocations',
    {
      config: { action: 'certificate.change', target: { kind: 'certificate', replyId: 'certificate' } },
      schema: {
        tags,
        summary: 'Revoke a certificate for ever, whether or not it was seen here',
        params: Params,
        body: CertificateRevoke,
        response: { 200: Type.Object({ certificate: Type.String() }), ...failures },
      },
    },
    async (request) => {
      const { authorityId, siteId } = await certificates.authorities.get(request.params.authorityId);
      request.access.allow(siteId);
      const { certificate, reason = null } = request.body;
      await certificates.authorities.revoke(authorityId, certificate, reason);
      return { certificate };
    },
  );

  app.get(
    '/api/certificates',
    {
      config: { action: 'certificate.read' },
      schema: {
        tags,
        summary: 'Certificates of the devices of a site, ordered by fingerprint',
        querystring: ListQuery,
        response: { 200: DeviceCertificateList, ...failures },
      },
    },
    async (request) => {
      const { siteId: named, limit, ...rest } = request.query;
      const siteId = await siteMeant(named, request.access.sites, lookups.onlySite);
      request.access.allow(siteId);
      const found = await certificates.list({ ...rest, sites: [siteId], limit: limit + 1 });
      const shown = found.slice(0, limit);
      return { certificates: shown, next: found.length > limit ? (shown.at(-1)?.fingerprint ?? null) : null };
    },
  );

  app.post(
    '/api/devices/:deviceId/certificates',
    {
      config: { action: 'certificate.bind', target: { kind: 'device', param: 'deviceId' } },
      schema: {
        tags,
        summary: 'Bind a certificate to a device: from then on it signs in with it',
        params: DeviceParams,
        body: DeviceCertificateBind,
        response: { 201: DeviceCertificate, ...failures },
      },
    },
    async (request, reply) => {
      const device = await lookups.deviceOf(request.params.deviceId);
      request.access.allow(device.siteId);
      if (device.state !== 'active') {
        throw new MusterError('CONFLICT', { deviceId: device.deviceId }, { say: 'The device is revoked.' });
      }
      return reply.status(201).send(await certificates.bind(device, request.body));
    },
  );
}
