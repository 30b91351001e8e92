/**
 * How a standard is answered: one claim for each of its numbers. A claim of `met` or `partly` names tests, and the page is
 * not made when one of them is not there. Titles are our own words; the standard's text counts.
 */
export interface TestName {
  /** From the root of the repository. */
  readonly file: string;
  /** As it stands in the file; what a template fills in is `…`. */
  readonly test: string;
}

/** A document of the repository: its path, and a heading that it must have. */
export interface DocumentName {
  readonly document: string;
  readonly heading?: string;
}

export type Evidence = TestName | DocumentName;
export type ClaimState = 'met' | 'partly' | 'not met' | 'not applicable';

export interface Claim {
  readonly id: string;
  readonly title: string;
  readonly state: ClaimState;
  /** What is missing, or why it does not apply; what a reader should know of one that is met. */
  readonly say: string;
  readonly evidence: readonly Evidence[];
}

export interface Standard {
  readonly name: string;
  /** Which version, and what is left out. */
  readonly about: string;
  readonly parts: readonly { readonly name: string; readonly claims: readonly Claim[] }[];
}

/** Shown by every piece of evidence; `say` adds what a reader should know. */
export const met = (id: string, title: string, evidence: readonly [Evidence, ...Evidence[]], say = ''): Claim => ({
  id,
  title,
  state: 'met',
  say,
  evidence,
});

/** `say`: what is missing. */
export const partly = (id: string, title: string, say: string, evidence: readonly Evidence[]): Claim => ({
  id,
  title,
  state: 'partly',
  say,
  evidence,
});

/** `say`: what there is instead, or nothing yet. */
export const unmet = (id: string, title: string, say: string): Claim => ({
  id,
  title,
  state: 'not met',
  say,
  evidence: [],
});

/** `say`: why. */
export const notApplicable = (id: string, title: string, say: string): Claim => ({
  id,
  title,
  state: 'not applicable',
  say,
  evidence: [],
});

/** Names tests of one file. */
export const testsOf =
  (file: string) =>
  (test: string): TestName => ({ file, test });

export const documentOf = (document: string, heading?: string): DocumentName => ({
  document,
  ...(heading === undefined ? {} : { heading }),
});
