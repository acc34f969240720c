/** JSON as a tree that opens and closes. Only open parts are drawn, and long lists in pieces, so that 10 MB do not stop the page. */
import { useState } from 'preact/hooks';
import { TEXTS } from '../texts.ts';

/** Entries that are drawn at once; characters of a text. */
const PIECE = 100;
const LONGEST = 2000;

export function JsonView({
  value,
  isOpen = true,
  name,
}: {
  readonly value: unknown;
  readonly isOpen?: boolean;
  readonly name?: string;
}) {
  const [open, setOpen] = useState(isOpen);
  const [shown, setShown] = useState(PIECE);
  const label = name === undefined ? '' : `${name}: `;
  if (typeof value !== 'object' || value === null)
    return (
      <div class="json-leaf">
        {label}
        <code>{leafOf(value)}</code>
      </div>
    );
  const entries = Object.entries(value);
  const [before, after] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  return (
    <details class="json" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {label}
        <code>{open ? before : `${before} ${entries.length} ${after}`}</code>
      </summary>
      {open && (
        <div class="json-inner">
          {entries.slice(0, shown).map(([key, one]) => (
            <JsonView key={key} name={key} value={one} isOpen={entries.length <= PIECE} />
          ))}
          {entries.length > shown && (
            <button type="button" onClick={() => setShown(shown + PIECE)}>
              {TEXTS.more}
            </button>
          )}
        </div>
      )}
    </details>
  );
}

function leafOf(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
