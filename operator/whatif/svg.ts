/** What the SVG pictures of this project are made of: ends of axes, numbers, texts, lines. Pure. */

/** The next value that so many steps of 1, 2 or 5 times a power of ten reach. @param least power, the smallest one */
export function tickedEnd(steps: number, least: number, most: number): number {
  for (let power = least; ; power *= 10) {
    const step = [1, 2, 5].map((one) => one * power).find((one) => one * steps >= most);
    if (step !== undefined) return step * steps;
  }
}

/** Coordinates need no more than a tenth of a pixel. */
export const rounded = (value: number) => Math.round(value * 10) / 10;

export const escaped = (words: string) =>
  words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

/** @param more attributes */
export const text = (x: number, y: number, words: string, more = '') =>
  `<text x="${x}" y="${y}"${more === '' ? '' : ` ${more}`}>${escaped(words)}</text>`;

/** @param name class, by which the style sheet selects it */
export const line = (x1: number, y1: number, x2: number, y2: number, name: string) =>
  `<line class="${name}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;
