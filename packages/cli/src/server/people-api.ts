import {
  hasShape,
  type InvitationCreate,
  InvitationCreated,
  MemberList,
  type Proof,
  ProofState,
  SessionReply,
  SignInPending,
  type SignInRequest,
} from '@muster/contract';
import type { Get, Write } from './http.ts';

const isSession = hasShape(SessionReply);
const isPending = hasShape(SignInPending);
const is = {
  session: isSession,
  signIn: (value: unknown): value is SessionReply | SignInPending => isSession(value) || isPending(value),
  invitation: hasShape(InvitationCreated),
  members: hasShape(MemberList),
  proof: hasShape(ProofState),
};

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
  };
}
