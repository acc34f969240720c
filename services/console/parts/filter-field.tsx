/** A field of a filter: it counts when nothing was typed for a moment, or with Enter, and keeps what is typed meanwhile. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';

/** Without a key; ms. */
const QUIET = 400;

export interface FilterFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly isWide?: boolean;
  /** Values that are suggested. */
  readonly options?: readonly string[];
}

export function FilterField({ label, value, onChange, isWide = false, options }: FilterFieldProps) {
  const [text, setText] = useState(value);
  const timer = useRef(0);
  const given = useRef(value);
  const id = useId();
  useEffect(() => {
    // Only where another part of the page changed it, such as a link.
    if (value !== given.current) setText(value);
    given.current = value;
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const commit = (now: string) => {
    clearTimeout(timer.current);
    if (now.trim() === given.current) return;
    given.current = now.trim();
    onChange(now.trim());
  };
  return (
    <label class={isWide ? 'filter-field wide' : 'filter-field'}>
      <span class={isWide ? 'only-read' : undefined}>{label}</span>
      <input
        type="search"
        placeholder={isWide ? label : undefined}
        maxLength={255}
        list={options === undefined ? undefined : id}
        spellcheck={false}
        autocomplete="off"
        value={text}
        onInput={({ currentTarget }) => {
          const now = currentTarget.value;
          setText(now);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => commit(now), QUIET);
        }}
        onChange={({ currentTarget }) => commit(currentTarget.value)}
      />
      {options !== undefined && (
        <datalist id={id}>
          {options.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
    </label>
  );
}
