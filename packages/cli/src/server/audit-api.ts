import { AuditKey, AuditList, AuditVerification, hasShape, MusterError } from '@muster/contract';
import type { Get, Target } from './http.ts';
import { query } from './query.ts';
import { type Download, openDownload } from './transfer.ts';

const is = {
  auditKey: hasShape(AuditKey),
  auditList: hasShape(AuditList),
  auditVerification: hasShape(AuditVerification),
};

/** Routes of the audit. */
export function auditApi(target: Target, get: Get) {
  return {
    audit: (asked: Readonly<Record<string, string | number | undefined>>) =>
      get(`/api/audit${query({ ...asked })}`, is.auditList),

    auditKey: () => get('/api/audit/key', is.auditKey),

    exportAudit: (asked: Readonly<Record<string, string | number | undefined>>): Promise<Download> =>
      openDownload(target, `/api/audit/export${query({ ...asked })}`),

    /** What the server finds, page by page; the last one has `done`. */
    async *verifyAudit(): AsyncIterable<AuditVerification> {
      const { chunks } = await openDownload(target, '/api/audit/verification');
      const decoder = new TextDecoder();
      let text = '';
      for await (const chunk of chunks) {
        text += decoder.decode(chunk, { stream: true });
        const lines = text.split('\n');
        text = lines.pop() ?? '';
        for (const line of lines) yield stateOf(line, target.server);
      }
    },
  };
}

function stateOf(line: string, server: string): AuditVerification {
  const value: unknown = JSON.parse(line);
  if (is.auditVerification(value)) return value;
  throw new MusterError('INTERNAL', { server }, { say: `${server} answered with something that is no verification.` });
}
