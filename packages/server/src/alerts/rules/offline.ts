import { Type } from 'typebox';
import { defineRule, type Firing } from './define.ts';
import { span, told } from './params.ts';

interface State extends Firing {
  /**
   * Null for a device that is not away without a connection: it never had one, so it was not begun; or it connects only
   * when it has something to say.
   */
  readonly connected: boolean | null;
  /** Server time of the last change. */
  readonly since: number;
}

/**
 * A device that keeps a connection while it is on, without one for a while. One that was connected when the server
 * stopped has the whole time to come back after the start: it was the server that went away.
 */
export const rule = defineRule<State>()({
  kind: 'offline',
  title: 'A device is not connected',
  params: Type.Object({ forMs: span('How long it may be away', 600_000) }, { additionalProperties: false }),
  subscribes: ['link', 'tick'],
  looksAtLink: true,
  severity: 'minor',
  init(kept, facts, _params, now) {
    const firing = kept?.firing ?? false;
    if (facts.connected === true) return { firing, connected: true, since: now };
    if (facts.keepsConnection !== true) return { firing, connected: null, since: now };
    return { firing, connected: false, since: kept?.connected === false ? kept.since : now };
  },
  step(state, input, params, now) {
    if (input.on === 'link') {
      if (input.connected) return { firing: false, connected: true, since: now };
      if (input.expected) {
        return state.connected === null && !state.firing ? state : { firing: false, connected: null, since: now };
      }
      return state.connected === false ? state : { firing: state.firing, connected: false, since: now };
    }
    if (state.firing && state.connected !== false) return { ...state, firing: false };
    if (state.firing || state.connected !== false || now - state.since < params.forMs) return state;
    return { ...state, firing: true };
  },
  keep: (state) => (state.connected === false ? state : null),
  fact: ({ since }, params, now) => `not connected for ${told(now - since)}; limit ${told(params.forMs)}`,
});
