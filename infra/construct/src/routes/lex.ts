/**
 * Where the text of a route table is parted: quotes, regular expressions and comments. The same as the forwarder's own
 * `core/src/route/lex.rs`.
 *
 * A quote that is never closed is an ordinary character here: the rule that it stands in is found wrong, and no other.
 */

/** The rules of a table, each without the white space around it. */
export function splitRules(text: string): string[] {
  const rules: string[] = [];
  let start = 0;
  let at = 0;
  let lineBegins = true;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '#' && lineBegins) {
      const end = text.indexOf('\n', at);
      at = end < 0 ? text.length : end + 1;
      start = at;
    } else if (char === ';' || char === '\n') {
      rules.push(text.slice(start, at));
      at += 1;
      start = at;
      lineBegins = char === '\n';
    } else {
      lineBegins &&= /\s/.test(char);
      at = skip(text, at);
    }
  }
  rules.push(text.slice(start));
  return rules.map((rule) => rule.trim()).filter((rule) => rule !== '');
}

/** The two sides of the first `->` that stands outside of quotes. */
export function splitArrow(rule: string): [string, string] | undefined {
  let at = 0;
  while (at < rule.length) {
    if (rule.startsWith('->', at)) {
      return [rule.slice(0, at).trim(), rule.slice(at + 2).trim()];
    }
    at = skip(rule, at);
  }
  return undefined;
}

/** The selectors end at the first white space that does not stand beside a comma. */
export function splitSelectors(left: string): [string, string] {
  let afterComma = true;
  for (let at = 0; at < left.length; at += 1) {
    const char = left.charAt(at);
    if (!/\s/.test(char)) {
      afterComma = char === ',';
    } else if (!afterComma && !left.slice(at).trimStart().startsWith(',')) {
      return [left.slice(0, at), left.slice(at)];
    }
  }
  return [left, ''];
}

/** Where the next character stands, or what follows the quoted part that begins at `at`. */
function skip(text: string, at: number): number {
  const opens = text[at] === '"' || (text[at] === '/' && text.slice(0, at).trimEnd().endsWith('~'));
  const end = opens ? closing(text, at) : undefined;
  return (end ?? at) + 1;
}

/** Where the quote or slash stands that closes the one at `open`. A `\` takes its meaning from the character after it. */
export function closing(text: string, open: number): number | undefined {
  for (let at = open + 1; at < text.length; at += 1) {
    if (text[at] === '\\') {
      at += 1;
    } else if (text[at] === text[open]) {
      return at;
    }
  }
  return undefined;
}
