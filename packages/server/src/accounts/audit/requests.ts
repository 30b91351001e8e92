import { codeOf } from '@muster/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../platform/clock.ts';
import { openUnit, outsideUnit, type UnitOfWork } from '../../platform/db/index.ts';
import type { Http } from '../../platform/http/index.ts';
import { permissionOf } from '../permissions.ts';
import type { Audit } from './audit.ts';
import { asCaller } from './caller.ts';
import { createDenials, type Denials } from './denials.ts';
import type { AuditEntry } from './entries.ts';

/** What a request that changes something is about. */
export interface Target {
  readonly kind: string;
  /** The parameter of the path that holds its id. */
  readonly param?: string;
  /** The member of the answer that holds the id of what was made. */
  readonly replyId?: string;
  /** The answer is a secret as a whole: the audit keeps nothing of it. */
  readonly isSecret?: true;
  /** Reads it by its id, for before and after. May throw NOT_FOUND. */
  readonly read?: Read;
}
type Read = (id: string) => Promise<unknown>;

/** What is known of a request until its answer leaves. */
interface Open {
  readonly unit: UnitOfWork;
  readonly id: string | null;
  readonly before: unknown;
  /** What the handler answered, before it became text. */
  answer: unknown;
}

/**
 * Does for every route what the permission table says of the audit. A change runs in one unit of work, with its row, and
 * is committed before the answer leaves; a read has its row before that; what was refused has one too.
 */
export function auditRequests(app: Http, { audit, clock }: { readonly audit: Audit; readonly clock: Clock }): void {
  const open = new WeakMap<FastifyRequest, Open>();
  const denials = createDenials(audit, clock);

  // here and not earlier: the reading of the body would lose the context
  app.addHook('preHandler', (request: FastifyRequest, _reply, done) => {
    const { action, target } = request.routeOptions.config;
    if (action === undefined) return done();
    if (permissionOf(action).audit !== 'change') return asCaller(request.access.caller, () => done());
    asCaller(request.access.caller, () =>
      openUnit((unit) => {
        const id =
          target?.param === undefined ? null : ((request.params as Record<string, string>)[target.param] ?? null);
        const begin = (before: unknown): void => {
          open.set(request, { unit, id, before, answer: undefined });
          done();
        };
        if (id === null || target?.read === undefined) return begin(null);
        readOrNull(target.read, id).then(begin, async (error: Error) => {
          await unit.rollback();
          done(error);
        });
      }),
    );
  });

  app.addHook('preSerialization', async (request: FastifyRequest, _reply, payload) => {
    const one = open.get(request);
    if (one !== undefined) one.answer = payload;
    return payload;
  });

  app.addHook('onSend', async (request: FastifyRequest, reply: FastifyReply, payload) => {
    const { action } = request.routeOptions.config;
    if (action === undefined || request.access === undefined) return payload;
    const one = open.get(request);
    open.delete(request);
    const isRefused = reply.statusCode >= 400;
    if (one !== undefined) await (isRefused ? one.unit.rollback() : keep(request, one));
    if (isRefused) await refused(request, denials);
    else if (permissionOf(action).audit === 'read') await outsideUnit(() => audit.append(entryOf(request)));
    return payload;
  });

  // no answer was sent: whoever asked has gone
  app.addHook('onResponse', async (request) => {
    await open.get(request)?.unit.rollback();
    open.delete(request);
  });

  async function keep(request: FastifyRequest, { unit, id, before, answer }: Open): Promise<void> {
    const { target } = request.routeOptions.config;
    try {
      const after =
        id === null || target?.read === undefined
          ? answer
          : await unit.within(() => afterOf(target.read as Read, id, before, answer));
      const made = (answer as Record<string, unknown> | undefined)?.[target?.replyId ?? ''];
      const targetId = id ?? (typeof made === 'string' ? made : null);
      const entry = {
        ...entryOf(request),
        target: target === undefined ? null : { kind: target.kind, id: targetId },
        before,
        after: target?.isSecret === true ? null : (after ?? null),
      };
      if (unit.hasBegun()) return await unit.commit(audit.statementOf(entry));
      await unit.within(() => audit.append(entry));
      await unit.commit();
    } catch (error) {
      await unit.rollback();
      throw error;
    }
  }
}

/** What is audited of any request: who, what, at which site, and the thing that its path names. */
function entryOf({ access, routeOptions, params }: FastifyRequest): AuditEntry {
  const { action = 'server.look', target } = routeOptions.config;
  const { judged, caller } = access;
  const [param, id] =
    Object.entries((params ?? {}) as Record<string, string>).find(([name]) => name.endsWith('Id')) ?? [];
  return {
    action: judged?.action ?? action,
    siteId: judged?.siteId ?? null,
    target: param === undefined ? null : { kind: target?.kind ?? param.slice(0, -'Id'.length), id: id ?? null },
    caller,
  };
}

async function refused(request: FastifyRequest, denials: Denials): Promise<void> {
  const { judged } = request.access;
  if (judged === null || judged.verdict === 'allowed') return;
  // it is refused whether or not that can be written down
  await denials.append({ ...entryOf(request), outcome: 'denied', reason: judged.verdict }).catch((error: unknown) => {
    request.log.error({ err: error }, 'a denial could not be audited');
  });
}

async function readOrNull(read: (id: string) => Promise<unknown>, id: string): Promise<unknown> {
  try {
    return await read(id);
  } catch (error) {
    if (codeOf(error) === 'NOT_FOUND') return null;
    throw error;
  }
}

/** What the route answered, when that is the thing itself: it need not be read again. */
async function afterOf(
  read: (id: string) => Promise<unknown>,
  id: string,
  before: unknown,
  answer: unknown,
): Promise<unknown> {
  const keys = (value: unknown): string =>
    typeof value === 'object' && value !== null ? Object.keys(value).sort().join() : '';
  return before !== null && keys(before) === keys(answer) ? answer : readOrNull(read, id);
}
