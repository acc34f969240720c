/** One token: its form, and what removes it. What was typed stays until it is stored. */
import { useState } from 'preact/hooks';
import { refusalOf } from '../api/caller.ts';
import { ApiProblem, api, read } from '../api/client.ts';
import { ActionButton, Confirm, useAction } from '../parts/action.tsx';
import { Field, SelectField } from '../parts/field.tsx';
import { when } from '../parts/format.ts';
import { Panel } from '../parts/panel.tsx';
import { Problem } from '../parts/problem.tsx';
import { linkTo } from '../shell/router.ts';
import { TEXTS } from '../texts.ts';
import { EraseDialog } from './erase.tsx';
import {
  endOf,
  findToken,
  inputOf,
  isSame,
  judgedToken,
  NEW_TOKEN,
  STATUSES,
  type Token,
  type TokenInput,
} from './tokens.ts';

const WORDS = TEXTS.tokens;

export interface TokenPanelProps {
  /** Undefined: a new one. */
  readonly token: Token | undefined;
  readonly onClose: () => void;
  /** @param now undefined: it was deleted @param text the outcome */
  readonly onChanged: (token: string, now: Token | undefined, text: string) => void;
}

export function TokenPanel({ token, onClose, onChanged }: TokenPanelProps) {
  const [input, setInput] = useState<TokenInput>(token === undefined ? NEW_TOKEN : inputOf(token));
  const [wasTried, setTried] = useState(false);
  const [asked, setAsked] = useState<'delete' | 'erase' | undefined>(undefined);
  /** The entry that is replaced: as it was opened, or as it was found later. */
  const [known, setKnown] = useState(token);
  const [isChanged, setChanged] = useState(false);
  const saving = useAction();
  const deleting = useAction();
  const refusal = refusalOf('admin');
  const result = judgedToken(input);
  const problemOf = (field: keyof TokenInput) =>
    wasTried && 'problem' in result && result.field === field ? result.problem : undefined;
  const field = (name: keyof TokenInput, hint?: string) => ({
    label: WORDS.fields[name],
    value: input[name],
    hint,
    problem: problemOf(name),
    isFixed: refusal !== undefined,
    onInput: (text: string) => setInput({ ...input, [name]: text }),
  });
  const save = () =>
    saving.run(async () => {
      if ('problem' in result) return;
      const path = { token: result.token };
      const now = await findToken(result.token);
      if (!isSame(now, known)) {
        setKnown(now);
        return setChanged(true);
      }
      setChanged(false);
      const stored = await read(api.PUT('/v1/tokens/{token}', { params: { path }, body: result.body }));
      onChanged(stored.token, stored, WORDS.saved(endOf(stored.token)));
    });
  const remove = (one: string) =>
    deleting.run(async () => {
      await read(api.DELETE('/v1/tokens/{token}', { params: { path: { token: one } } })).catch(goneIsDone);
      onChanged(one, undefined, WORDS.deleted(endOf(one)));
    });
  const expiry = input.expiry.trim();
  return (
    <Panel title={token === undefined ? WORDS.newTitle : WORDS.title(endOf(token.token))} onClose={onClose}>
      {token?.problem !== undefined && <p class="problem">{WORDS.problem(token.problem)}</p>}
      <form
        class="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if (!('problem' in result) && refusal === undefined) void save();
        }}
      >
        <Field
          {...field('token', WORDS.hints.token)}
          isFixed={token !== undefined || refusal !== undefined}
        />
        <SelectField
          label={WORDS.fields.status}
          value={input.status}
          options={STATUSES.map((one) => [one, one])}
          onInput={(status) => setInput({ ...input, status })}
        />
        <Field
          {...field(
            'expiry',
            expiry === '' || Number.isNaN(Date.parse(expiry))
              ? WORDS.hints.expiry
              : WORDS.hints.expiryHere(when(expiry)),
          )}
          placeholder="2027-01-31T23:59:59Z"
          maxLength={40}
        />
        <Field {...field('parent', WORDS.hints.parent)} />
        <Field {...field('type', WORDS.hints.type)} maxLength={20} />
        <SelectField
          label={WORDS.fields.concurrent}
          value={input.concurrent}
          options={[
            ['', WORDS.concurrentDefault],
            ['Accept', WORDS.concurrent.Accept],
            ['Reject', WORDS.concurrent.Reject],
          ]}
          onInput={(concurrent) => setInput({ ...input, concurrent })}
        />
        <Field {...field('maxEnergyWh', WORDS.hints.limit)} inputMode="decimal" />
        <Field {...field('maxDurationSeconds', WORDS.hints.limit)} inputMode="numeric" />
        {isChanged && (
          <p class="notice" role="alert">
            {known === undefined ? WORDS.wasDeleted : WORDS.wasChanged(known.status)}
          </p>
        )}
        <Problem of={saving.problem} />
        {refusal !== undefined && <p class="quiet">{refusal}</p>}
        <div class="buttons">
          <button
            type="submit"
            class="primary"
            aria-disabled={refusal !== undefined || saving.isBusy}
            title={refusal}
          >
            {saving.isBusy ? TEXTS.busy : isChanged ? WORDS.saveAnyway : WORDS.save}
          </button>
        </div>
      </form>
      {token !== undefined && (
        <>
          <p>
            <a href={linkTo(['transactions'], { token: token.token })}>{WORDS.open}</a>
            {' · '}
            <a href={linkTo(['transactions'], { token: token.token, state: 'closed' })}>{WORDS.closed}</a>
          </p>
          <div class="buttons start">
            <ActionButton refusal={refusal} kind="danger" onClick={() => setAsked('delete')}>
              {WORDS.delete}
            </ActionButton>
            <ActionButton refusal={refusal} kind="danger" onClick={() => setAsked('erase')}>
              {WORDS.erase.button}
            </ActionButton>
          </div>
          {asked === 'delete' && (
            <Confirm
              title={WORDS.deleteTitle}
              verb={WORDS.delete}
              isDangerous
              action={deleting}
              onConfirm={() => void remove(token.token)}
              onClose={() => setAsked(undefined)}
            >
              <p>
                <bdi class="wrapped">{token.token}</bdi>
              </p>
              <p>{WORDS.deleteWhat}</p>
            </Confirm>
          )}
          {asked === 'erase' && <EraseDialog token={token.token} onClose={() => setAsked(undefined)} />}
        </>
      )}
    </Panel>
  );
}

function goneIsDone(error: unknown): void {
  if (!(error instanceof ApiProblem) || error.code !== 'no-such-token') throw error;
}
