/** Any action as a form that is made from its schema, and the commands that this page sent. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { usePolled } from '../../api/polled.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { Problem } from '../../parts/problem.tsx';
import { TEXTS } from '../../texts.ts';
import { Section } from '../facts.tsx';
import { type Faults, faultsIn } from '../form/faults.ts';
import type { GroupField } from '../form/fields.ts';
import type { Target } from './daily.tsx';
import { faultText, GroupFields } from './fields.tsx';
import { isAsking } from './outcome.ts';
import { actionsOf, formOfAction, PROTOCOLS, type Protocol } from './schemas.ts';
import { isBeingSent, sendCommand } from './sent.ts';
import { SentList } from './sent-list.tsx';
import { choose, chosenFor, formKey, inView, payloadIn, type, type Typed, typedIn } from './typed.ts';

const WORDS = TEXTS.station.commands;
/** Minutes for which a command may wait. */
const KEEP = [15, 60, 720, 1440, 10_080];

export function CommandPanel({ target }: { readonly target: Target }) {
  const { id, reader } = target;
  const { action, protocol: chosen } = chosenFor(id);
  const protocol = target.protocol ?? chosen;
  const actions = usePolled(() => actionsOf(protocol), 0, [protocol]);
  const list = actions.value.value ?? [];
  const found = list.find((one) => one.action === action);
  return (
    <Section title={WORDS.title}>
      <div class="station-halves">
        <div class="station-stack">
          {reader !== undefined && <p class="station-notice">{WORDS.readOnly(reader)}</p>}
          <div class="filters">
            {target.protocol === undefined && (
              <label>
                {WORDS.version}{' '}
                <select
                  value={protocol}
                  onChange={(event) => {
                    const wanted = event.currentTarget.value;
                    choose(id, { protocol: PROTOCOLS.find((one) => one === wanted) ?? protocol });
                  }}
                >
                  {PROTOCOLS.map((one) => (
                    <option key={one} value={one}>
                      {one}
                    </option>
                  ))}
                </select>
              </label>
            )}
            <label>
              {WORDS.action}{' '}
              <select
                value={action}
                disabled={reader !== undefined}
                onChange={(event) => choose(id, { action: event.currentTarget.value })}
              >
                <option value="">{WORDS.choose}</option>
                {list.map((one) => (
                  <option key={one.action} value={one.action}>
                    {one.action}
                  </option>
                ))}
              </select>
            </label>
          </div>
          <Problem of={actions.problem.value} onRetry={actions.refresh} />
          {found !== undefined && reader === undefined && (
            <ActionForm
              key={formKey(id, protocol, action)}
              target={target}
              protocol={protocol}
              action={action}
              isQueueable={found.queueable}
            />
          )}
        </div>
        <SentList station={id} canSend={reader === undefined} />
      </div>
    </Section>
  );
}

interface ActionProps {
  readonly target: Target;
  readonly protocol: Protocol;
  readonly action: string;
  readonly isQueueable: boolean;
}

function ActionForm(props: ActionProps) {
  const { protocol, action } = props;
  const form = usePolled(() => formOfAction(protocol, action), 0, [protocol, action]);
  const found = form.value.value;
  if (found !== undefined) return <FormOf {...props} form={found} />;
  return form.problem.value === undefined ? (
    <p class="quiet">{TEXTS.loading}</p>
  ) : (
    <Problem of={form.problem.value} onRetry={form.refresh} />
  );
}

function FormOf({
  target,
  protocol,
  action,
  isQueueable,
  form,
}: ActionProps & { readonly form: GroupField }) {
  const { id, isConnected } = target;
  const key = formKey(id, protocol, action);
  const typed = typedIn(key, form);
  const { keepMinutes } = chosenFor(id);
  const [isChecked, setChecked] = useState(false);
  const [asks, setAsks] = useState<(() => void) | undefined>(undefined);
  const element = useRef<HTMLFormElement>(null);
  const read = payloadIn(form, typed);
  const faults: Faults = 'payload' in read ? faultsIn(form, read.payload) : new Map();
  const isWrong = 'fault' in read || faults.size > 0;

  const isBusy = isBeingSent(id, 'commands', action);

  const submit = () => {
    if (isBusy) return;
    setChecked(true);
    if (!('payload' in read) || isWrong) return focusFault(element.current);
    const isKept = isQueueable && keepMinutes > 0;
    const options = {
      ...(target.protocol === undefined && { protocol }),
      ...(isKept && { queueable: true, timeToLive: keepMinutes * 60 }),
      ...(isQueueable && !isKept && { queueable: false }),
    };
    const go = () => {
      setAsks(undefined);
      setChecked(false);
      sendCommand(id, { path: 'commands', body: { action, payload: read.payload, ...options } });
    };
    if (isAsking(action)) go();
    else setAsks(() => go);
  };

  return (
    <form
      ref={element}
      class="command-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div class="choices" role="group" aria-label={WORDS.view}>
        {(['form', 'json'] as const).map((view) => (
          <button
            key={view}
            type="button"
            aria-pressed={typed.view === view}
            onClick={() => type(key, inView(form, typed, view))}
          >
            {view === 'form' ? WORDS.asForm : WORDS.asJson}
          </button>
        ))}
      </div>
      {typed.view === 'form' ? (
        form.members.size === 0 ? (
          <p class="quiet">{WORDS.noFields}</p>
        ) : (
          <GroupFields
            group={form}
            draft={typed.draft}
            path=""
            faults={faults}
            isChecked={isChecked}
            onChange={(draft) => type(key, { ...typed, draft })}
          />
        )
      ) : (
        <JsonText
          typed={typed}
          faults={faults}
          read={read}
          onChange={(text) => type(key, { ...typed, text })}
        />
      )}
      {isQueueable ? (
        <label>
          {WORDS.offline}{' '}
          <select
            value={keepMinutes}
            onChange={(event) => choose(id, { keepMinutes: Number(event.currentTarget.value) })}
          >
            <option value={0}>{WORDS.now_}</option>
            {KEEP.map((minutes) => (
              <option key={minutes} value={minutes}>
                {WORDS.later} {WORDS.keepFor(minutes)}
              </option>
            ))}
          </select>
        </label>
      ) : (
        <p class="quiet">{WORDS.neverLater}</p>
      )}
      {!isConnected && !(isQueueable && keepMinutes > 0) && <p class="station-notice">{WORDS.isOffline}</p>}
      <div class="choices">
        {/* It keeps the focus. */}
        <button type="submit" class="primary" aria-disabled={isBusy}>
          {isBusy ? TEXTS.station.outcome.sending : WORDS.send}
        </button>
        <span class="form-fault" role="status">
          {isChecked && faults.size > 0 && WORDS.faults(faults.size)}
        </span>
      </div>
      {asks !== undefined && (
        <Confirm target={target} action={action} onSend={asks} onClose={() => setAsks(undefined)} />
      )}
    </form>
  );
}

interface JsonProps {
  readonly typed: Typed;
  readonly faults: Faults;
  readonly read: ReturnType<typeof payloadIn>;
  readonly onChange: (text: string) => void;
}

function JsonText({ typed, faults, read, onChange }: JsonProps) {
  const reason = 'fault' in read ? read.fault : undefined;
  return (
    <>
      <label class="json-text">
        <span class="only-read">{WORDS.payload}</span>
        <textarea
          value={typed.text}
          rows={Math.min(24, Math.max(6, typed.text.split('\n').length + 1))}
          spellcheck={false}
          aria-invalid={reason !== undefined || faults.size > 0}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      </label>
      <ul class="form-faults" role="status">
        {reason !== undefined && (
          <li class="form-fault">{reason === 'not-an-object' ? WORDS.noObject : WORDS.noJson(reason)}</li>
        )}
        {[...faults].slice(0, 20).map(([path, fault]) => (
          <li key={path} class="form-fault">
            <code>{path}</code> {faultText(fault)}
          </li>
        ))}
      </ul>
    </>
  );
}

interface ConfirmProps {
  readonly target: Target;
  readonly action: string;
  readonly onSend: () => void;
  readonly onClose: () => void;
}

function Confirm({ target: { id, open }, action, onSend, onClose }: ConfirmProps) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), []);
  return (
    <Dialog title={WORDS.confirm(action)} onClose={onClose}>
      <p class="station-notice">
        {WORDS.real(action, id)} {open.length > 0 && WORDS.isCharging(open.length)}
      </p>
      <div class="choices">
        <button type="button" class="primary" ref={button} onClick={onSend}>
          {WORDS.send}
        </button>
        <button type="button" onClick={onClose}>
          {TEXTS.cancel}
        </button>
      </div>
    </Dialog>
  );
}

/** After the faults are drawn. */
function focusFault(form: HTMLFormElement | null): void {
  requestAnimationFrame(() =>
    requestAnimationFrame(() => form?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()),
  );
}
