/** The text of a frame in pieces, for what must be repeated as it was written: a number in it is never read and printed. */

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
        // The array is over; of an empty one no element was read.
        return elements.length === 1 && elements[0] === '' ? [] : elements;
      default:
    }
  }
  return elements;
}

/** Where the string ends that begins at `start`: its closing quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  for (let code = text.charCodeAt(at); code !== QUOTE && at < text.length; code = text.charCodeAt(at)) {
    at += code === BACKSLASH ? 2 : 1;
  }
  return at;
}

/** The text of a frame with its message id written as its receiver wrote it. @param text valid JSON, a frame */
export function withMessageId(text: string, written: string): string {
  const [type = '', , ...others] = elementsOf(text);
  return `[${[type, written, ...others].join(',')}]`;
}
