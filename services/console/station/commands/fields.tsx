/** The fields of a form, as its schema nests them. */
import { useId } from 'preact/hooks';
import { TEXTS } from '../../texts.ts';
import { type Draft, emptyOf, type GroupDraft, payloadOf, withMember } from '../form/draft.ts';
import { type Fault, type Faults, pathOf } from '../form/faults.ts';
import type { Field, GroupField, ListField, Member } from '../form/fields.ts';

const WORDS = TEXTS.station.commands;

interface Shared {
  readonly path: string;
  readonly faults: Faults;
  /** Whether fields that were never filled in are faults already. */
  readonly isChecked: boolean;
}

interface GroupProps extends Shared {
  readonly group: GroupField;
  readonly draft: GroupDraft;
  readonly onChange: (next: GroupDraft) => void;
}

/** The members of a group: required ones, and those that were added. */
export function GroupFields({ group, draft, onChange, ...shared }: GroupProps) {
  const { members } = group;
  const isShown = (name: string, { isRequired }: Member) => isRequired || draft.fields.has(name);
  const shown = [...members].filter(([name, member]) => isShown(name, member));
  const left = [...members].filter(([name, member]) => !isShown(name, member) && !member.isHidden);
  const others = [...draft.fields].filter(([name]) => !members.has(name));
  const set = (name: string, next: Draft | undefined) => onChange(withMember(draft, name, next));
  const { path } = shared;
  return (
    <div class="form-fields">
      {shown.map(([name, { field, isRequired }]) => (
        <FieldView
          key={name}
          {...shared}
          path={pathOf(path, name)}
          name={name}
          field={field}
          isRequired={isRequired}
          draft={draft.fields.get(name)}
          onChange={(next) => set(name, next)}
          {...(!isRequired && { onRemove: () => set(name, undefined) })}
        />
      ))}
      {others.map(([name, one]) => (
        <FieldView
          key={`other ${name}`}
          {...shared}
          path={pathOf(path, name)}
          name={name}
          field={{ kind: 'any', hint: '' }}
          isRequired={false}
          draft={one}
          onChange={(next) => set(name, next)}
          onRemove={() => set(name, undefined)}
        />
      ))}
      {left.length > 0 && (
        <select
          class="form-add"
          aria-label={WORDS.addTo(path === '' ? WORDS.payload : path)}
          value=""
          onChange={(event) => {
            const member = members.get(event.currentTarget.value);
            if (member !== undefined) set(event.currentTarget.value, emptyOf(member.field));
            event.currentTarget.value = '';
          }}
        >
          <option value="">{WORDS.add}</option>
          {left.map(([name, { field }]) => (
            <option key={name} value={name} title={field.hint}>
              {name}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}

interface FieldProps extends Shared {
  readonly name: string;
  readonly field: Field;
  readonly isRequired: boolean;
  /** Undefined for a required field that nothing was typed in to. */
  readonly draft: Draft | undefined;
  readonly onChange: (next: Draft | undefined) => void;
  readonly onRemove?: () => void;
}

function FieldView(props: FieldProps) {
  const { field, draft, onChange, name, onRemove, path, faults, isChecked } = props;
  const shared = { path, faults, isChecked };
  if (draft?.kind === 'json') return <Odd {...props} value={draft.value} />;
  const isGroup = field.kind === 'group' && (draft === undefined || draft.kind === 'group');
  const isList = field.kind === 'list' && (draft === undefined || draft.kind === 'list');
  if (!isGroup && !isList) return <Leaf {...props} text={draft?.kind === 'text' ? draft.text : ''} />;
  return (
    <fieldset>
      <legend>
        <span title={field.hint}>{name}</span>
        <Remove name={name} onRemove={onRemove} />
      </legend>
      {isGroup && shared.isChecked && (
        <FaultLine id={`fault-${shared.path}`} fault={shared.faults.get(shared.path)} />
      )}
      {isGroup && (
        <GroupFields
          {...shared}
          group={field}
          draft={draft?.kind === 'group' ? draft : { kind: 'group', fields: new Map() }}
          onChange={onChange}
        />
      )}
      {isList && (
        <Items
          {...shared}
          name={name}
          list={field}
          items={draft?.kind === 'list' ? draft.items : []}
          onChange={onChange}
        />
      )}
    </fieldset>
  );
}

interface ItemsProps extends Shared {
  readonly name: string;
  readonly list: ListField;
  readonly items: readonly Draft[];
  readonly onChange: (next: Draft) => void;
}

function Items({ name, list, items, onChange, ...shared }: ItemsProps) {
  const { path, faults } = shared;
  const set = (next: readonly Draft[]) => onChange({ kind: 'list', items: next });
  return (
    <div class="form-fields">
      {items.map((item, place) => (
        <FieldView
          // Their place is all that tells them apart.
          key={place}
          {...shared}
          path={pathOf(path, place)}
          name={`${name} ${place + 1}`}
          field={list.item}
          isRequired={false}
          draft={item}
          onChange={(next) => set(items.with(place, next ?? emptyOf(list.item)))}
          onRemove={() => set(items.toSpliced(place, 1))}
        />
      ))}
      <FaultLine id={`fault-${path}`} fault={faults.get(path)} />
      {items.length < list.most && (
        <button
          type="button"
          class="form-add"
          aria-label={WORDS.addItemTo(name)}
          onClick={() => set([...items, emptyOf(list.item)])}
        >
          + {WORDS.addItem}
        </button>
      )}
    </div>
  );
}

function Leaf(props: FieldProps & { readonly text: string }) {
  const { name, field, isRequired, text, path, faults, isChecked, onChange, onRemove } = props;
  const id = useId();
  const fault = faults.get(path);
  const isSeen = fault !== undefined && (isChecked || text !== '');
  const set = (next: string) =>
    onChange(next === '' && isRequired ? undefined : { kind: 'text', text: next });
  const shared = {
    id,
    value: text,
    'aria-invalid': isSeen,
    'aria-required': isRequired,
    'aria-describedby': `${id}-hint`,
  };
  return (
    <div class="form-field">
      <label for={id} title={field.hint}>
        {name}
        {isRequired && <span class="quiet"> {WORDS.required}</span>}
      </label>
      <span class="form-input">
        {field.kind === 'choice' || field.kind === 'flag' ? (
          <select {...shared} onChange={(event) => set(event.currentTarget.value)}>
            <option value="">{WORDS.pick}</option>
            {(field.kind === 'choice' ? field.values : ['true', 'false']).map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
            {isSeen && text !== '' && <option value={text}>{text}</option>}
          </select>
        ) : field.kind === 'any' || (field.kind === 'text' && (field.maxLength ?? 0) > 255) ? (
          <textarea {...shared} rows={3} onInput={(event) => set(event.currentTarget.value)} />
        ) : (
          <input
            {...shared}
            inputMode={field.kind === 'number' ? 'decimal' : 'text'}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => set(event.currentTarget.value)}
          />
        )}
        {field.kind === 'text' && field.format === 'date-time' && (
          <button type="button" onClick={() => set(new Date().toISOString())}>
            {WORDS.now}
          </button>
        )}
        <Remove name={name} onRemove={onRemove} />
      </span>
      <span id={`${id}-hint`} class="form-hint">
        {isSeen ? <span class="form-fault">{faultText(fault)}</span> : field.hint}
      </span>
    </div>
  );
}

/** What the field cannot show, as JSON. */
function Odd({
  name,
  path,
  faults,
  field,
  onRemove,
  onChange,
  value,
}: FieldProps & { readonly value: unknown }) {
  const fault = faults.get(path);
  const text = JSON.stringify(payloadOf(field, { kind: 'json', value }));
  return (
    <div class="form-field">
      <span>{name}</span>
      <span class="form-input">
        <code class="station-cut">{text}</code>
        <Remove name={name} onRemove={onRemove ?? (() => onChange(undefined))} />
      </span>
      <span class="form-hint">
        {fault === undefined ? WORDS.unknownField : <span class="form-fault">{faultText(fault)}</span>}
      </span>
    </div>
  );
}

function Remove({ name, onRemove }: { readonly name: string; readonly onRemove: (() => void) | undefined }) {
  if (onRemove === undefined) return null;
  return (
    <button
      type="button"
      class="form-remove"
      aria-label={WORDS.remove(name)}
      title={WORDS.remove(name)}
      onClick={onRemove}
    >
      ×
    </button>
  );
}

function FaultLine({ id, fault }: { readonly id: string; readonly fault: Fault | undefined }) {
  if (fault === undefined) return null;
  return (
    <span id={id} class="form-fault">
      {faultText(fault)}
    </span>
  );
}

export function faultText({ code, bound = 0 }: Fault): string {
  const text = WORDS.faultTexts[code];
  return typeof text === 'string' ? text : text(bound);
}
