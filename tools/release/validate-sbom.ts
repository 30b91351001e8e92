import { Spec, Validation } from '@cyclonedx/cyclonedx-library';

/** What the JSON schema of CycloneDX 1.6, in its strict form, has against it; null when it is valid. */
export async function sbomFault(text: string): Promise<string | null> {
  const fault = await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text);
  return fault === null ? null : JSON.stringify(fault);
}
