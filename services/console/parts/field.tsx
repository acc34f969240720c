/** A field of a form, with a hint and with what is wrong with it. */
import { useId } from 'preact/hooks';

export interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly hint?: string | undefined;
  readonly problem?: string | undefined;
  readonly inputMode?: 'decimal' | 'numeric';
  readonly maxLength?: number;
  /** Several lines. */
  readonly isLong?: boolean;
  /** Shown, and not changed. */
  readonly isFixed?: boolean;
  readonly placeholder?: string;
}

export function Field({
  label,
  value,
  onInput,
  hint,
  problem,
  inputMode,
  maxLength = 255,
  isLong = false,
  isFixed = false,
  placeholder,
}: FieldProps) {
  const id = useId();
  const common = {
    value,
    maxLength,
    placeholder,
    readOnly: isFixed,
    spellcheck: isLong,
    autocomplete: 'off',
    'aria-invalid': problem !== undefined,
    'aria-describedby': id,
    onInput: (event: { readonly currentTarget: HTMLInputElement | HTMLTextAreaElement }) =>
      onInput(event.currentTarget.value),
  };
  return (
    <div class="field">
      <label>
        <span>{label}</span>
        {isLong ? <textarea rows={2} {...common} /> : <input inputMode={inputMode} {...common} />}
      </label>
      <p id={id} class={problem === undefined ? 'quiet' : 'wrong'}>
        {problem ?? hint}
      </p>
    </div>
  );
}

export interface SelectFieldProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, title: string])[];
  readonly onInput: (value: string) => void;
  readonly hint?: string;
}

export function SelectField({ label, value, options, onInput, hint }: SelectFieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label>
        <span>{label}</span>
        <select
          value={value}
          aria-describedby={id}
          onChange={({ currentTarget }) => onInput(currentTarget.value)}
        >
          {options.map(([name, title]) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <p id={id} class="quiet">
        {hint}
      </p>
    </div>
  );
}
