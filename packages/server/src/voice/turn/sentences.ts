/** Longest piece given to speech synthesis at once, characters: some engines refuse more, and speech starts later. */
const LONGEST = 240;
/** A first sentence longer than this is cut at a comma, so that speech starts sooner, characters. */
const FIRST_CLAUSE = 80;

/**
 * Cuts a stream of text into sentences as they become whole. Knows the full stops of English, Vietnamese, Arabic and
 * Chinese; does not cut at "3.5", "e.g." or "Dr. Who".
 */
export interface SentenceCutter {
  /** Sentences that `text` made whole, in order. */
  push(text: string): string[];
  /** What is left at the end of the stream. */
  flush(): string[];
}

const ABBREVIATION = /(?:^|\s)(?:e\.g|i\.e|etc|mr|mrs|ms|dr|st|vs|no|approx|[a-z])\.$/i;
/** A latin full stop ends a sentence only when space follows; a wide one always does. */
const END = /[.!?؟…]+["')\]]*\s|[。！？]+["'」』）]*|\n+/gu;

export function createSentenceCutter(): SentenceCutter {
  let rest = '';
  let first = true;

  function take(length: number, into: string[]): void {
    const sentence = rest.slice(0, length).trim();
    rest = rest.slice(length);
    if (/[\p{L}\p{N}]/u.test(sentence)) {
      into.push(sentence);
      first = false;
    }
  }

  function cutWhole(into: string[]): void {
    for (;;) {
      const length = endOf(rest) ?? (first ? clauseOf(rest) : null) ?? tooLong(rest);
      if (length === null) return;
      take(length, into);
    }
  }

  return {
    push(text) {
      rest += text;
      const sentences: string[] = [];
      cutWhole(sentences);
      return sentences;
    },
    flush() {
      const sentences: string[] = [];
      cutWhole(sentences);
      if (rest !== '') take(rest.length, sentences);
      return sentences;
    },
  };
}

function endOf(text: string): number | null {
  for (const match of text.matchAll(END)) {
    const end = match.index + match[0].length;
    if (!ABBREVIATION.test(text.slice(0, end).trimEnd())) return end;
  }
  return null;
}

function clauseOf(text: string): number | null {
  if (text.length < FIRST_CLAUSE) return null;
  const comma = /[,;:،，；：]\s/u.exec(text.slice(30));
  return comma === null ? null : 30 + comma.index + comma[0].length;
}

function tooLong(text: string): number | null {
  if (text.length <= LONGEST) return null;
  const space = text.lastIndexOf(' ', LONGEST);
  return space > 0 ? space + 1 : LONGEST;
}
