/** The text of a frame in pieces, to repeat parts as they were written, without parsing and printing their numbers. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The elements of a JSON array as they were written. @param text valid JSON, an array */
export function elementsOf(text: string): string[] {
  const elements: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    switch (code) {
      case QUOTE:
        at = endOfString(text, at);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth === 1) from = at + 1;
        break;
      case 0x2c: // ,
        if (depth !== 1) break;
        elements.push(text.slice(from, at).trim());
        from = at + 1;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        if (--depth > 0) break;
        elements.push(text.slice(from, at).trim());
        // End of the array; an empty one has no element.
        return elements.length === 1 && elements[0] === '' ? [] : elements;
      default:
    }
  }
  return elements;
}

/** Index of the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  for (let code = text.charCodeAt(at); code !== QUOTE && at < text.length; code = text.charCodeAt(at)) {
    at += code === BACKSLASH ? 2 : 1;
  }
  return at;
}

/** A frame whose message id is written as its receiver wrote it. @param text valid JSON, a frame */
export function withMessageId(text: string, written: string): string {
  const [type = '', , ...others] = elementsOf(text);
  return `[${[type, written, ...others].join(',')}]`;
}
