/** A log that a test can read. */
import type { Log } from '../../services/runtime/log.ts';

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: object;
}

export function memoryLog(): Log & { readonly lines: readonly Line[] } {
  const lines: Line[] = [];
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, fields });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
