import {
  type Assistant,
  type CertificateAuthority,
  type Device,
  type Group,
  type Invitation,
  type Member,
  MusterError,
  type Notifier,
  type Site,
  type User,
} from '@muster/contract';
import type { Api } from './api.ts';

/** More of one name than anybody reads in a refusal. */
const SAME_NAME_LIMIT = 200;
const PAGE = 200;

/** Every part that is given must hold. */
export interface DeviceFilter {
  readonly siteId?: string | undefined;
  readonly tag?: string | undefined;
  readonly profile?: string | undefined;
  readonly state?: 'active' | 'revoked' | undefined;
  /** The whole name, hardware id or serial number, in capitals or not. */
  readonly called?: string | undefined;
}

/**
 * A device by its id, name, hardware id or serial number; one that was removed only when no other has the name. Throws
 * NOT_FOUND, or CONFLICT when a name fits several.
 */
export async function findDevice(api: Api, wanted: string): Promise<Device> {
  if (isId(wanted)) return api.device(wanted);
  const names = ({ name, hardwareId, serialNumber }: Device): readonly (string | null)[] => [
    name,
    hardwareId,
    serialNumber,
  ];
  // no name is empty, and the server takes no longer ones
  if (wanted === '' || wanted.length > 200) return only<Device>([], wanted, 'device', names);
  const active = await allDevices(api, { called: wanted, state: 'active' }, SAME_NAME_LIMIT);
  if (active.length > 0) return only(active, wanted, 'device', names);
  return only(await allDevices(api, { called: wanted }, SAME_NAME_LIMIT), wanted, 'device', names);
}

/** Devices that `filter` names, or all, page by page, up to `limit`. */
export async function allDevices(api: Api, filter: DeviceFilter, limit: number): Promise<Device[]> {
  const found: Device[] = [];
  let after: string | undefined;
  do {
    const page = await api.devices({ ...filter, limit: Math.min(PAGE, limit - found.length), after });
    found.push(...page.devices);
    after = page.next ?? undefined;
  } while (after !== undefined && found.length < limit);
  return found;
}

/** A site by its id or name. */
export async function findSite(api: Api, wanted: string): Promise<Site> {
  const { sites } = await api.sites();
  return only(sites, wanted, 'site', ({ siteId, name }) => [siteId, name]);
}

/** The site named, or the only one there is. Throws USAGE when there are several and none is named. */
export async function siteOrOnly(api: Api, wanted: string | undefined): Promise<Site> {
  if (wanted !== undefined) return findSite(api, wanted);
  const { sites } = await api.sites();
  const [first, second] = sites;
  if (first === undefined) throw new MusterError('NOT_FOUND', {}, { say: 'There is no site yet.' });
  if (second !== undefined)
    throw new MusterError('USAGE', {}, { say: 'There are several sites; name one with --site.' });
  return first;
}

/** Somebody who is told of alerts, by id or name; of one site, or of all. */
export async function findNotifier(api: Api, wanted: string, siteId?: string): Promise<Notifier> {
  const { notifiers } = await api.notifiers(siteId);
  return only(notifiers, wanted, 'notifier', ({ notifierId, name }) => [notifierId, name]);
}

/** An assistant by its id or name, of the site named or in all sites of the user. */
export async function findAssistant(api: Api, wanted: string, site?: string): Promise<Assistant> {
  const sites = site === undefined ? (await api.sites()).sites : [await findSite(api, site)];
  const lists = await Promise.all(sites.map(({ siteId }) => api.assistants(siteId)));
  const assistants = lists.flatMap((list) => list.assistants);
  return only(assistants, wanted, 'assistant', ({ assistantId, name }) => [assistantId, name]);
}

/** A group by its id or name. */
export async function findGroup(api: Api, wanted: string): Promise<Group> {
  const { groups } = await api.groups(undefined);
  return only(groups, wanted, 'group', ({ groupId, name }) => [groupId, name]);
}

/** An authority of certificates, by its id or name. */
export async function findAuthority(api: Api, wanted: string, siteId: string): Promise<CertificateAuthority> {
  const { authorities } = await api.certificateAuthorities(siteId);
  const found = authorities.filter(({ authorityId, name }) => authorityId === wanted || name === wanted);
  return only(found, wanted, 'certificate authority', ({ authorityId, name }) => [authorityId, name]);
}

/** Somebody with an account, by the whole address or the id. */
export async function findUser(api: Api, wanted: string): Promise<User> {
  if (isId(wanted)) return (await api.user(wanted)).user;
  const { users } = await api.users({ search: wanted, limit: SAME_NAME_LIMIT });
  return only(users, wanted, 'user', ({ email }) => [email]);
}

/** Somebody who belongs to a site, by the whole address or the id. */
export async function findMember(api: Api, wanted: string, siteId: string): Promise<Member> {
  const { members } = await api.members(siteId);
  return only(members, wanted, 'member', ({ userId, email }) => [userId, email]);
}

/** Who was invited to a site, by the address or the id of the invitation. */
export async function findInvitation(api: Api, wanted: string, siteId: string): Promise<Invitation> {
  const { invitations } = await api.invitations(siteId);
  return only(invitations, wanted, 'invitation', ({ invitationId, email }) => [invitationId, email]);
}

function only<T>(all: readonly T[], wanted: string, kind: string, names: (item: T) => readonly (string | null)[]): T {
  const exact = all.filter((item) => names(item).includes(wanted));
  const near = all.filter((item) => names(item).some((name) => name?.toLowerCase() === wanted.toLowerCase()));
  const found = exact.length > 0 ? exact : near;
  const [first, second] = found;
  if (first === undefined) throw new MusterError('NOT_FOUND', {}, { say: `There is no ${kind} "${wanted}".` });
  if (second !== undefined) {
    throw new MusterError(
      'CONFLICT',
      {},
      { say: `${found.length} of them are called "${wanted}"; give the id, which \`muster ${kind}s list\` shows.` },
    );
  }
  return first;
}

/** Whether it is written as an id. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}
