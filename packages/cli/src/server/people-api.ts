import {
  hasShape,
  type InvitationCreate,
  InvitationCreated,
  InvitationList,
  Member,
  type MemberChange,
  MemberList,
  type PasswordChange,
  type Proof,
  ProofState,
  RecoveryCodes,
  SessionList,
  SessionReply,
  SessionsEnded,
  SignInPending,
  type SignInRequest,
  User,
  type UserChange,
  UserDetail,
  UserList,
} from '@muster/contract';
import type { Get, Write } from './http.ts';
import { query } from './query.ts';

const isSession = hasShape(SessionReply);
const isPending = hasShape(SignInPending);
const is = {
  session: isSession,
  signIn: (value: unknown): value is SessionReply | SignInPending => isSession(value) || isPending(value),
  invitation: hasShape(InvitationCreated),
  members: hasShape(MemberList),
  proof: hasShape(ProofState),
  member: hasShape(Member),
  invitations: hasShape(InvitationList),
  users: hasShape(UserList),
  user: hasShape(UserDetail),
  changedUser: hasShape(User),
  sessions: hasShape(SessionList),
  ended: hasShape(SessionsEnded),
  recoveryCodes: hasShape(RecoveryCodes),
};
const isNothing = (value: unknown): value is null => value === null;

/** Routes about people. */
export function peopleApi(get: Get, write: Write) {
  return {
    /** A session, or what is asked for besides the password. */
    signIn: (body: SignInRequest) => write('POST', '/api/sessions', body, is.signIn),
    finishSignIn: (pending: string, proof: Proof) =>
      write('POST', '/api/sessions/finish', { pending, proof }, is.session),
    prove: (proof: Proof) => write('POST', '/api/me/proof', { proof }, is.proof),
    invite: (body: InvitationCreate) => write('POST', '/api/invitations', body, is.invitation),
    members: (siteId: string) => get(`/api/sites/${siteId}/members`, is.members),
    changeMember: (siteId: string, userId: string, body: MemberChange) =>
      write('PATCH', `/api/sites/${siteId}/members/${userId}`, body, is.member),
    removeMember: (siteId: string, userId: string) =>
      write('DELETE', `/api/sites/${siteId}/members/${userId}`, undefined, isNothing),
    invitations: (siteId: string) => get(`/api/invitations${query({ siteId })}`, is.invitations),
    inviteAgain: (invitationId: string) =>
      write('POST', `/api/invitations/${invitationId}/again`, undefined, is.invitation),
    withdrawInvitation: (invitationId: string) =>
      write('DELETE', `/api/invitations/${invitationId}`, undefined, isNothing),
    users: (asked: {
      readonly search?: string | undefined;
      readonly after?: string | undefined;
      readonly limit: number;
    }) => get(`/api/users${query({ ...asked })}`, is.users),
    user: (userId: string) => get(`/api/users/${userId}`, is.user),
    changeUser: (userId: string, body: UserChange) => write('PATCH', `/api/users/${userId}`, body, is.changedUser),
    deleteUser: (userId: string) => write('DELETE', `/api/users/${userId}`, undefined, isNothing),
    resetPassword: (userId: string) => write('POST', `/api/users/${userId}/password-reset`, undefined, isNothing),
    userSessions: (userId: string) => get(`/api/users/${userId}/sessions`, is.sessions),
    endUserSessions: (userId: string) => write('DELETE', `/api/users/${userId}/sessions`, undefined, is.ended),
    ownSessions: () => get('/api/me/sessions', is.sessions),
    endSession: (sessionId: string) => write('DELETE', `/api/me/sessions/${sessionId}`, undefined, isNothing),
    endOtherSessions: () => write('DELETE', '/api/me/sessions', undefined, is.ended),
    changePassword: (body: PasswordChange) => write('POST', '/api/me/password', body, isNothing),
    newRecoveryCodes: () => write('POST', '/api/me/recovery-codes', undefined, is.recoveryCodes),
    waysToProve: () => get('/api/me/proof', is.proof),
  };
}
