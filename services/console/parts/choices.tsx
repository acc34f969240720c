/** A few choices, one of which is on. */
export interface ChoicesProps<Name extends string> {
  readonly label: string;
  readonly options: readonly (readonly [name: Name, title: string])[];
  readonly value: Name;
  readonly onChange: (name: Name) => void;
}

export function Choices<Name extends string>({ label, options, value, onChange }: ChoicesProps<Name>) {
  return (
    <div class="choices" role="group" aria-label={label}>
      {options.map(([name, title]) => (
        <button key={name} type="button" aria-pressed={name === value} onClick={() => onChange(name)}>
          {title}
        </button>
      ))}
    </div>
  );
}
