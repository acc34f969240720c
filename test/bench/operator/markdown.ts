/** Figures as Markdown. */

export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

export const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
