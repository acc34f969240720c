/** The commands of every day as buttons with a small dialog, which says what happens to the real charger before it is sent. */
import { useState } from 'preact/hooks';
import { Dialog } from '../../parts/dialog.tsx';
import { TEXTS } from '../../texts.ts';
import type { Shown } from '../charging/transactions.ts';
import type { Connector } from '../station.ts';
import type { Protocol } from './schemas.ts';
import { isBeingSent, sendCommand, type ShortForm } from './sent.ts';

const WORDS = TEXTS.station.forms;
const NAMES: readonly ShortForm[] = ['start', 'stop', 'unlock', 'reset', 'trigger'];

/** The station that commands are sent to. */
export interface Target {
  readonly id: string;
  /** Undefined while the station has not said it. */
  readonly protocol: Protocol | undefined;
  readonly isConnected: boolean;
  readonly connectors: readonly Connector[];
  readonly open: readonly Shown[];
  /** Name of an access token that may read only. */
  readonly reader: string | undefined;
}

export function Daily({ target }: { readonly target: Target }) {
  const [form, setForm] = useState<ShortForm | undefined>(undefined);
  const { reader } = target;
  return (
    <div class="choices station-end" role="group" aria-label={TEXTS.station.commands.title}>
      {NAMES.map((name) => (
        <button
          key={name}
          type="button"
          disabled={reader !== undefined}
          title={reader && TEXTS.station.commands.readOnly(reader)}
          onClick={() => setForm(name)}
        >
          {WORDS[name].button}
        </button>
      ))}
      {form !== undefined && <FormDialog form={form} target={target} onClose={() => setForm(undefined)} />}
    </div>
  );
}

type FieldName = keyof typeof WORDS.fields;
type Values = Partial<Record<FieldName, string>>;

interface DialogProps {
  readonly form: ShortForm;
  readonly target: Target;
  /** What is filled in at first. */
  readonly first?: Values;
  readonly onClose: () => void;
}

export function FormDialog({ form, target, first, onClose }: DialogProps) {
  const [values, setValues] = useState<Values>({ ...guessed(form, target), ...first });
  const { id, open } = target;
  const words = WORDS[form];
  const isBusy = isBeingSent(id, form);
  const set = (name: FieldName, value: string) => setValues({ ...values, [name]: value });
  return (
    <Dialog title={words.title} onClose={onClose}>
      <form
        class="command-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (isBusy) return;
          sendCommand(id, { path: form, body: bodyOf(values) });
          onClose();
        }}
      >
        <p>
          <strong>{id}</strong>
        </p>
        {fieldsOf(form, target).map((field) => (
          <Input key={field.name} {...field} value={values[field.name] ?? ''} onChange={set} />
        ))}
        <p class={form === 'trigger' ? 'quiet' : 'station-notice'}>
          {words.effect}{' '}
          {(form === 'reset' || form === 'unlock') &&
            open.length > 0 &&
            TEXTS.station.commands.isCharging(open.length)}
        </p>
        {!target.isConnected && (
          <p class="station-notice">{TEXTS.station.outcome.notSentReasons['station-offline']}</p>
        )}
        <div class="choices">
          <button type="submit" class="primary" aria-disabled={isBusy}>
            {isBusy ? TEXTS.station.outcome.sending : words.submit}
          </button>
          <button type="button" onClick={onClose}>
            {TEXTS.cancel}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface InputField {
  readonly name: FieldName;
  readonly isRequired: boolean;
  readonly isNumber?: boolean;
  /** Choices; with `isFree` any other text is possible too. */
  readonly choices?: readonly (readonly [value: string, label: string])[];
  readonly isFree?: boolean;
}

interface InputProps extends InputField {
  readonly value: string;
  readonly onChange: (name: FieldName, value: string) => void;
}

function Input({ name, isRequired, isNumber, choices = [], isFree, value, onChange }: InputProps) {
  const label = `${WORDS.fields[name]}${isRequired ? '' : ` (${WORDS.fields.optional})`}`;
  if (choices.length > 0 && isFree !== true)
    return (
      <label>
        {label}
        <select
          value={value}
          required={isRequired}
          onChange={(event) => onChange(name, event.currentTarget.value)}
        >
          {value === '' && <option value="">{TEXTS.station.commands.pick}</option>}
          {choices.map(([one, text]) => (
            <option key={one} value={one}>
              {text}
            </option>
          ))}
        </select>
      </label>
    );
  return (
    <label>
      {label}
      <input
        value={value}
        required={isRequired}
        inputMode={isNumber === true ? 'numeric' : 'text'}
        pattern={isNumber === true ? '[1-9][0-9]*' : undefined}
        list={choices.length > 0 ? `choices-${name}` : undefined}
        autocomplete="off"
        onInput={(event) => onChange(name, event.currentTarget.value)}
      />
      {choices.length > 0 && (
        <datalist id={`choices-${name}`}>
          {choices.map(([one]) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
    </label>
  );
}

/** 1.6 numbers connectors across the station; 2.x has EVSEs. */
function fieldsOf(form: ShortForm, { protocol, open }: Target): readonly InputField[] {
  const is16 = protocol === 'ocpp1.6';
  const connector = { name: 'connector', isRequired: false, isNumber: true } as const;
  const evse = { name: 'evse', isRequired: false, isNumber: true } as const;
  switch (form) {
    case 'start':
      return [{ name: 'token', isRequired: true }, is16 ? connector : evse];
    case 'stop': {
      const choices = open.map(({ transaction: { transaction } }) => [transaction, transaction] as const);
      return [{ name: 'transaction', isRequired: true, choices, isFree: true }];
    }
    case 'unlock':
      return is16
        ? [{ ...connector, isRequired: true }]
        : [
            { ...evse, isRequired: true },
            { ...connector, isRequired: true },
          ];
    case 'reset': {
      const kinds = is16 ? (['soft', 'hard'] as const) : (['idle', 'immediate'] as const);
      const choices = kinds.map((kind) => [kind, WORDS.kinds[kind]] as const);
      return [{ name: 'type', isRequired: true, choices }, ...(is16 ? [] : [evse])];
    }
    default: {
      const choices = (is16 ? TRIGGERS_1_6 : TRIGGERS_2).map((one) => [one, one] as const);
      return [{ name: 'message', isRequired: true, choices }, ...(is16 ? [] : [evse]), connector];
    }
  }
}

const TRIGGERS_1_6 = [
  'StatusNotification',
  'MeterValues',
  'BootNotification',
  'Heartbeat',
  'FirmwareStatusNotification',
  'DiagnosticsStatusNotification',
  'LogStatusNotification',
  'SignChargePointCertificate',
];
const TRIGGERS_2 = [
  'StatusNotification',
  'MeterValues',
  'TransactionEvent',
  'BootNotification',
  'Heartbeat',
  'FirmwareStatusNotification',
  'LogStatusNotification',
  'SignChargingStationCertificate',
];

/** What is most likely meant. */
function guessed(form: ShortForm, { protocol, connectors, open }: Target): Values {
  const places = connectors.filter(({ connector }) => connector > 0);
  const [only, other] = places;
  const place: Values =
    only === undefined || other !== undefined
      ? {}
      : {
          ...(only.evse !== undefined && { evse: String(only.evse) }),
          ...((protocol === 'ocpp1.6' || form === 'unlock') && { connector: String(only.connector) }),
        };
  const [running, second] = open;
  switch (form) {
    case 'start':
    case 'unlock':
      return place;
    case 'stop':
      return second === undefined && running !== undefined
        ? { transaction: running.transaction.transaction }
        : {};
    case 'reset':
      // What may end a transaction is chosen by a person; otherwise it is the kind that waits for one that begins meanwhile.
      return open.length > 0 ? {} : { type: protocol === 'ocpp1.6' ? 'soft' : 'idle' };
    default:
      return { message: 'StatusNotification' };
  }
}

/** The body of a short form: what is empty is left out. */
function bodyOf(values: Values): object {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, text]) => {
      const value = text.trim();
      if (value === '') return [];
      return [[name, name === 'connector' || name === 'evse' ? Number(value) : value]];
    }),
  );
}
