/** The table of the load shapes in docs/autoscaling.md, between two marks. */

export const SHAPES_PAGE = 'docs/autoscaling.md';

const BEGIN = '<!-- made by `npm run whatif -- --shapes --write`; do not edit -->';
const END = '<!-- end of the table -->';

/** @throws Error if the page has no marks */
export function withTable(page: string, table: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${SHAPES_PAGE} lacks the line "${BEGIN}" or "${END}"`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${table}\n\n${page.slice(end)}`;
}
