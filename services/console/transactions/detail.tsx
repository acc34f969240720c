/** One transaction with all its facts, and its bills. */
import { useEffect, useState } from 'preact/hooks';
import { refusalOf } from '../api/caller.ts';
import { listen } from '../api/events.ts';
import { usePolled } from '../api/polled.ts';
import { ActionButton, Outcome } from '../parts/action.tsx';
import { type Fact, Facts } from '../parts/facts.tsx';
import { when } from '../parts/format.ts';
import { Problem } from '../parts/problem.tsx';
import { linkTo } from '../shell/router.ts';
import { TEXTS } from '../texts.ts';
import { type Found, findBills } from './bills.ts';
import { CorrectionForm } from './correction-form.tsx';
import { exactEnergy } from './decimal.ts';
import type { Transaction } from './list.ts';
import { meaningOf, Notes } from './notes.tsx';

const WORDS = TEXTS.transactions;

/** The energy of an open one changes; a bill does so with an event only. ms */
const EVERY = 10_000;
const EVERY_OF_BILLS = 60_000;

interface DetailProps {
  readonly station: string;
  readonly transaction: string;
}

export function TransactionDetail({ station, transaction }: DetailProps) {
  const [every, setEvery] = useState(EVERY);
  const found = usePolled((over) => findBills(station, transaction, over), every, [station, transaction]);
  const { refresh } = found;
  const [isCorrecting, setCorrecting] = useState(false);
  const [outcome, setOutcome] = useState('');
  useEffect(
    () =>
      listen({
        onEvents(events) {
          const isOfThis = events.some(
            (event) => event.station === station && event.fields['transactionId'] === transaction,
          );
          if (isOfThis) refresh();
        },
      }),
    [station, transaction],
  );
  const value = found.value.value;
  const state = value?.newest.state;
  useEffect(() => setEvery(state === 'closed' ? EVERY_OF_BILLS : EVERY), [state]);
  return (
    <div class="page">
      <p class="path">
        <a href={linkTo(['transactions'])}>{TEXTS.pages.transactions}</a>
      </p>
      <div class="title">
        <h1>{WORDS.title(transaction)}</h1>
        {value !== undefined && <State of={value.newest} />}
      </div>
      <Problem of={found.problem.value} onRetry={refresh} />
      {value === undefined && found.problem.value === undefined && <p class="quiet">{TEXTS.loading}</p>}
      {value !== undefined && (
        <>
          <section class="card">
            <Facts of={factsOf(value.newest)} />
          </section>
          <section class="card">
            <div class="title">
              <h2>{WORDS.bills}</h2>
              {!isCorrecting && value.newest.state === 'closed' && (
                <ActionButton
                  refusal={refusalToCorrect(value)}
                  onClick={() => {
                    setOutcome('');
                    setCorrecting(true);
                  }}
                >
                  {WORDS.correct}
                </ActionButton>
              )}
            </div>
            <Outcome text={outcome} />
            {refusalToCorrect(value) !== undefined && value.newest.state === 'closed' && (
              <p class="quiet">{refusalToCorrect(value)}</p>
            )}
            {isCorrecting && value.newest.state === 'closed' && (
              <CorrectionForm
                bill={value.newest}
                onReadAgain={refresh}
                onClose={() => setCorrecting(false)}
                onDone={(text) => {
                  setOutcome(text);
                  setCorrecting(false);
                  refresh();
                }}
              />
            )}
            <Bills of={value} />
          </section>
        </>
      )}
    </div>
  );
}

const refusalToCorrect = ({ isKnown }: Found): string | undefined =>
  isKnown ? refusalOf('admin') : WORDS.tooOld;

function State({ of }: { readonly of: Transaction }) {
  if (of.state === 'open') return <span class="badge busy">{WORDS.open}</span>;
  return <span class="badge">{of.kind === undefined ? WORDS.closed : WORDS.kinds[of.kind]}</span>;
}

function factsOf(one: Transaction): readonly Fact[] {
  const names = WORDS.facts;
  const wattHours = (text: string | undefined) => text !== undefined && text !== '' && `${text} Wh`;
  const time = (text: string | undefined) => text !== undefined && <time title={text}>{when(text)}</time>;
  return (
    [
      [names.station, <a href={linkTo(['stations', one.station])}>{one.station}</a>],
      [names.connector, one.connector],
      [names.evse, one.evse],
      [names.token, one.token],
      [names.authorization, one.authorization],
      [names.protocol, one.protocol],
      [names.startedAt, time(one.startedAt)],
      [names.stoppedAt, time(one.stoppedAt)],
      [names.reason, one.reason],
      [names.energy, exactEnergy(one.energy)],
      [names.meterStart, wattHours(one.meterStart)],
      [names.meterStop, wattHours(one.meterStop)],
      [names.lastMeter, wattHours(one.lastMeter)],
      [names.lastMeterAt, time(one.lastMeterAt)],
      [names.chargingState, one.chargingState],
      [names.notes, one.notes === undefined ? undefined : <Notes of={one} />],
      [names.notesMean, meaningOf(one.notes)],
      [names.gaps, one.gaps],
      [names.remoteStartId, one.remoteStartId],
      [names.reservationId, one.reservationId],
      [names.heardAt, time(one.heardAt)],
      [names.recordedAt, time(one.recordedAt)],
    ] satisfies readonly Fact[]
  ).map(([name, value]): Fact => [name, value === false ? undefined : value]);
}

/** The newest first: what counts is at the top. */
function Bills({ of: { newest, chain, isWhole } }: { readonly of: Found }) {
  if (newest.state === 'open') return <p class="quiet">{WORDS.noBill}</p>;
  return (
    <>
      <ol class="chain">
        {chain.map((bill, place) => (
          <li key={bill.billId} class={place === 0 ? undefined : 'replaced'}>
            <strong>{exactEnergy(bill.energy) ?? TEXTS.unknown}</strong>{' '}
            {bill.kind !== undefined && <span class="badge">{WORDS.kinds[bill.kind]}</span>}{' '}
            <span>{place === 0 ? WORDS.counts : WORDS.replaced}</span>{' '}
            <span class="quiet">
              {when(bill.recordedAt)} · <code>{bill.billId}</code>
            </span>
            {bill.correctedBy !== undefined && (
              <p>
                {WORDS.by(bill.correctedBy)} <bdi class="wrapped">{bill.correctedBecause}</bdi>
              </p>
            )}
            <p class="quiet">
              {WORDS.registers(bill.meterStart ?? TEXTS.unknown, bill.meterStop ?? TEXTS.unknown)}
            </p>
          </li>
        ))}
      </ol>
      {!isWhole && <p class="quiet">{WORDS.chainBegins}</p>}
    </>
  );
}
