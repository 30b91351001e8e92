export const SEVERITIES = ['info', 'minor', 'major', 'critical'] as const;
/** From the least to the most urgent. */
export type Severity = (typeof SEVERITIES)[number];
