/** Makes speech of what a model writes: without its thoughts, markdown, links and emojis. */
export interface Speakable {
  /** Gives what is certain; the rest is kept until more comes. */
  push(text: string): string;
  /** Gives what was kept. */
  flush(): string;
}

const THOUGHT_OPENS = /^<(?:think|thinking|thought)>/i;
const THOUGHT_CLOSES = /<\/(?:think|thinking|thought)>/i;
const LONGEST_TAG = '</thinking>'.length;
const LINK = /^!?\[([^\]\n]{0,200})\]\([^)\n]{0,500}\)/;
/** What may still become a link. */
const LINK_BEGUN = /^!?\[[^\]\n]{0,200}(?:\](?:\([^)\n]{0,500})?)?$/;
const LINE_MARK = /(\n)[ \t]*(?:#{1,6}[ \t]+|[-*+•][ \t]+|>[ \t]?|(?:[-*_][ \t]*){3,}(?=\n|$)|```[^\n]*(?=\n|$))/g;
/** The end of a piece that may be the beginning of a mark, or of a character. */
const UNSURE_END = /(?:\n[ \t]*(?:#{0,6}|[-*+•>_]*|`{3}[^\n]*)[ \t]*|[*_`~]+|!|[\uD800-\uDBFF])$/;
const EMOJI = /\p{Extended_Pictographic}|\p{Emoji_Modifier}|\u{FE0F}|\u{200D}|\u{20E3}/gu;

export function createSpeakable(): Speakable {
  let kept = '';
  let thinking = false;

  /** Takes what is certain off `kept`, up to the next open question. */
  function take(last: boolean): string {
    let out = '';
    while (kept !== '') {
      if (thinking) {
        const close = THOUGHT_CLOSES.exec(kept);
        kept = close === null ? kept.slice(-LONGEST_TAG) : kept.slice(close.index + close[0].length);
        thinking = close === null;
        if (thinking) break;
        continue;
      }
      const next = kept.search(/<|!?\[/);
      if (next !== 0) {
        out += next < 0 ? kept : kept.slice(0, next);
        kept = next < 0 ? '' : kept.slice(next);
        continue;
      }
      const opens = THOUGHT_OPENS.exec(kept);
      const link = LINK.exec(kept);
      if (opens !== null) {
        thinking = true;
        kept = kept.slice(opens[0].length);
      } else if (link !== null) {
        out += link[1] ?? '';
        kept = kept.slice(link[0].length);
      } else if (!last && (/^<\w{0,8}$/.test(kept) || LINK_BEGUN.test(kept))) break;
      else {
        out += kept.charAt(0);
        kept = kept.slice(1);
      }
    }
    return out;
  }

  let unsure = '';
  /** The last character given: marks depend on what stands before them. */
  let previous = '\n';
  function clean(text: string, last: boolean): string {
    const whole = previous + unsure + text;
    const end = last ? null : UNSURE_END.exec(whole);
    const sure = end === null ? whole.length : Math.max(1, end.index + (end[0].startsWith('\n') ? 1 : 0));
    unsure = whole.slice(sure);
    const plain = whole
      .slice(0, sure)
      .replace(LINE_MARK, '$1')
      .replace(/(?!^)(?:\*+(?=\S)|(?<=\S)\*+|~~|`+|__+)/g, '')
      .replace(EMOJI, '');
    previous = plain.at(-1) ?? previous;
    return plain.slice(1);
  }

  return {
    push(text) {
      kept += text;
      return clean(take(false), false);
    },
    flush() {
      const rest = take(true);
      return clean(thinking ? '' : rest, true);
    },
  };
}
