import {
  CertificateAuthority,
  type CertificateAuthorityChange,
  type CertificateAuthorityCreate,
  CertificateAuthorityList,
  type CertificateRevoke,
  DeviceCertificate,
  DeviceCertificateList,
  hasShape,
} from '@muster/contract';
import { send, type Target } from './http.ts';
import { query } from './query.ts';

const is = {
  authority: hasShape(CertificateAuthority),
  authorities: hasShape(CertificateAuthorityList),
  certificate: hasShape(DeviceCertificate),
  certificates: hasShape(DeviceCertificateList),
  anything: (_value: unknown): _value is unknown => true,
};

/** Routes of authorities and certificates of devices. */
export function certificatesApi(target: Target) {
  const path = (authorityId: string, rest = ''): string => `/api/certificate-authorities/${authorityId}${rest}`;
  return {
    certificateAuthorities: (siteId: string) =>
      send(target, { path: `/api/certificate-authorities${query({ siteId })}` }, is.authorities),
    createAuthority: (body: CertificateAuthorityCreate) =>
      send(target, { method: 'POST', path: '/api/certificate-authorities', body }, is.authority),
    proveAuthority: (authorityId: string, certificate: string) =>
      send(target, { method: 'POST', path: path(authorityId, '/proof'), body: { certificate } }, is.authority),
    changeAuthority: (authorityId: string, body: CertificateAuthorityChange) =>
      send(target, { method: 'PATCH', path: path(authorityId), body }, is.authority),
    deleteAuthority: (authorityId: string) => send(target, { method: 'DELETE', path: path(authorityId) }, is.anything),
    revokeCertificate: (authorityId: string, body: CertificateRevoke) =>
      send(target, { method: 'POST', path: path(authorityId, '/revocations'), body }, is.anything),
    certificates: (asked: {
      readonly siteId: string;
      readonly deviceId?: string | undefined;
      readonly after?: string | undefined;
    }) => send(target, { path: `/api/certificates${query({ ...asked, limit: 500 })}` }, is.certificates),
    bindCertificate: (deviceId: string, certificate: string) =>
      send(
        target,
        { method: 'POST', path: `/api/devices/${deviceId}/certificates`, body: { certificate } },
        is.certificate,
      ),
  };
}
