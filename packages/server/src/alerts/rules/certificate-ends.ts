import { Type } from 'typebox';
import { defineRule, type Firing } from './define.ts';
import { span, told } from './params.ts';

interface State extends Firing {
  /** Epoch ms; null: the device has no certificate that holds. */
  readonly endsAt: number | null;
}

/** A device that signs in with a certificate is cut off when it, or its authority, ends: in time somebody must renew it. */
export const rule = defineRule<State>()({
  kind: 'certificate-ends',
  title: 'A certificate, or its authority, ends soon',
  params: Type.Object(
    { withinMs: span('How long before its end somebody is told', 30 * 24 * 3_600_000) },
    { additionalProperties: false },
  ),
  subscribes: ['certificate', 'tick'],
  severity: 'major',
  init: (kept) => kept ?? { firing: false, endsAt: null },
  step(state, input, { withinMs }, now) {
    const endsAt = input.on === 'certificate' ? input.endsAt : state.endsAt;
    const firing = endsAt !== null && endsAt - now <= withinMs;
    return firing === state.firing && endsAt === state.endsAt ? state : { firing, endsAt };
  },
  keep: (state) => (state.endsAt === null ? null : state),
  fact({ endsAt }, { withinMs }, now) {
    const limit = `limit ${told(withinMs)} before`;
    if (endsAt === null) return `it has no certificate that holds; ${limit}`;
    return `its certificate ${endsAt > now ? `ends in ${told(endsAt - now)}` : 'has ended'}; ${limit}`;
  },
});
