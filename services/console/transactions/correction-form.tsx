/** Corrects a bill: what is typed, a confirmation that says what is billed instead of what, and the outcome. What was typed stays until it is stored. */
import { useId, useState } from 'preact/hooks';
import { ApiProblem, api, read } from '../api/client.ts';
import { Confirm, useAction } from '../parts/action.tsx';
import { Choices } from '../parts/choices.tsx';
import { Field } from '../parts/field.tsx';
import { TEXTS } from '../texts.ts';
import { type CorrectionInput, judged, NO_INPUT, warningOf } from './correction.ts';
import { exactEnergy } from './decimal.ts';
import type { Transaction } from './list.ts';

const WORDS = TEXTS.transactions.correction;

export interface CorrectionFormProps {
  /** The bill that counts now. */
  readonly bill: Transaction;
  readonly onReadAgain: () => void;
  readonly onClose: () => void;
  /** @param text the outcome */
  readonly onDone: (text: string) => void;
}

export function CorrectionForm({ bill, onReadAgain, onClose, onDone }: CorrectionFormProps) {
  const [input, setInput] = useState(NO_INPUT);
  const [wasTried, setTried] = useState(false);
  /** The bill that the confirmation showed: a newer one has to be confirmed again. */
  const [confirmed, setConfirmed] = useState<Transaction | undefined>(undefined);
  const action = useAction();
  const id = useId();
  const set = (change: Partial<CorrectionInput>) => setInput({ ...input, ...change });
  const result = judged(input, confirmed ?? bill);
  const warning = 'problem' in result ? undefined : warningOf(result.energy, (confirmed ?? bill).energy);
  const problemOf = (field: keyof CorrectionInput) =>
    wasTried && 'problem' in result && result.field === field ? result.problem : undefined;
  const send = () =>
    action.run(async () => {
      if ('problem' in result) return;
      const { station, transaction } = bill;
      try {
        const { body } = result;
        const params = { path: { station, transaction } };
        const stored = await read(
          api.POST('/v1/stations/{station}/transactions/{transaction}/corrections', { params, body }),
        );
        onDone(WORDS.done(wattHours(stored.energy), stored.billId ?? '', body.billId));
      } catch (error) {
        if (error instanceof ApiProblem && (error.status === 409 || error.status === 0)) onReadAgain();
        throw explained(error);
      }
    });
  return (
    <form
      class="form"
      aria-labelledby={id}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if ('problem' in result) return;
        action.clear();
        setConfirmed(bill);
      }}
    >
      <h3 id={id}>{WORDS.title}</h3>
      <Choices
        label={WORDS.what}
        options={[
          ['energy', WORDS.energy],
          ['registers', WORDS.registers],
        ]}
        value={input.by}
        onChange={(by) => set({ by })}
      />
      {input.by === 'energy' ? (
        <Field
          label={WORDS.fields.energy}
          value={input.energy}
          inputMode="decimal"
          hint={WORDS.now(wattHours(bill.energy))}
          problem={problemOf('energy')}
          onInput={(energy) => set({ energy })}
        />
      ) : (
        <>
          {(['meterStart', 'meterStop'] as const).map((name) => (
            <Field
              key={name}
              label={WORDS.fields[name]}
              value={input[name]}
              inputMode="decimal"
              hint={WORDS.staysAs(wattHours(bill[name]))}
              problem={problemOf(name)}
              onInput={(text) => set({ [name]: text })}
            />
          ))}
        </>
      )}
      <Field
        label={WORDS.fields.because}
        value={input.because}
        maxLength={500}
        isLong
        hint={WORDS.becauseHint}
        problem={problemOf('because')}
        onInput={(because) => set({ because })}
      />
      <div class="buttons">
        <button type="button" onClick={onClose}>
          {TEXTS.cancel}
        </button>
        <button type="submit" class="primary">
          {WORDS.check}
        </button>
      </div>
      {confirmed !== undefined && !('problem' in result) && (
        <Confirm
          title={WORDS.confirmTitle}
          verb={WORDS.verb}
          action={action}
          isIncomplete={confirmed.billId !== bill.billId}
          onConfirm={() => void send()}
          onClose={() => setConfirmed(undefined)}
        >
          <p>{WORDS.instead(bill.transaction, bill.station)}</p>
          <dl class="facts">
            <div>
              <dt>{WORDS.before}</dt>
              <dd>
                <del>{wattHours(confirmed.energy)}</del>
              </dd>
            </div>
            <div>
              <dt>{WORDS.after}</dt>
              <dd>
                <strong>{wattHours(result.energy)}</strong>
              </dd>
            </div>
            <div>
              <dt>{WORDS.fields.because}</dt>
              <dd>
                <bdi class="wrapped">{input.because.trim()}</bdi>
              </dd>
            </div>
          </dl>
          {warning !== undefined && (
            <p class="notice" role="alert">
              {warning}
            </p>
          )}
          {confirmed.billId !== bill.billId && <p class="notice">{WORDS.changed(wattHours(bill.energy))}</p>}
        </Confirm>
      )}
    </form>
  );
}

/** Exact: `15.2305 kWh (15230.5 Wh)`. */
function wattHours(text: string | undefined): string {
  const exact = exactEnergy(text);
  return exact === undefined ? TEXTS.unknown : `${exact} (${text} Wh)`;
}

/** Without an answer the correction may be stored: a repetition is safe, as it names the bill that it replaces. */
function explained(error: unknown): unknown {
  if (!(error instanceof ApiProblem) || error.status !== 0) return error;
  return new ApiProblem(0, error.code, WORDS.noAnswer);
}
