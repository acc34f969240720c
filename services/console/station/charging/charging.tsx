/** What charges at a station now, with the curve of its meter; what has ended stays, with its bill. */
import { useMemo, useState } from 'preact/hooks';
import { Chart } from '../../parts/chart.tsx';
import { energy } from '../../parts/format.ts';
import { Problem } from '../../parts/problem.tsx';
import { Time } from '../../parts/time.tsx';
import { TEXTS } from '../../texts.ts';
import { FormDialog, type Target } from '../commands/daily.tsx';
import { type Fact, FactList, Section } from '../facts.tsx';
import { energyPoints, powerPoints } from './curves.ts';
import type { ChargingState, Shown, Transaction } from './transactions.ts';

const WORDS = TEXTS.station.charging;

export function Charging({
  charging,
  target,
}: {
  readonly charging: ChargingState;
  readonly target: Target;
}) {
  const shown = charging.shown.value;
  return (
    <Section title={WORDS.title} class="charging">
      <Problem of={charging.problem.value} />
      {shown.length === 0 && <p class="empty">{WORDS.none}</p>}
      {shown.map((one) => (
        <One key={one.transaction.transaction} shown={one} target={target} />
      ))}
    </Section>
  );
}

function One({ shown: { transaction, curve }, target }: { readonly shown: Shown; readonly target: Target }) {
  const [isStopping, setStopping] = useState(false);
  const isOpen = transaction.state === 'open';
  const { lines, power } = useMemo(() => {
    const found = powerPoints(curve);
    const energyLine = { label: WORDS.energy, colour: 1 as const, points: energyPoints(curve) };
    const powerLine = { label: WORDS.power, colour: 2 as const, points: found.points };
    return { lines: [energyLine], power: { ...found, lines: [powerLine] } };
  }, [curve]);
  return (
    <article class="station-transaction" aria-label={WORDS.running(transaction.transaction)}>
      <div class="card-head">
        <h3>{WORDS.running(transaction.transaction)}</h3>
        <span class={`badge ${isOpen ? 'busy' : 'idle'}`}>
          {isOpen ? (transaction.chargingState ?? WORDS.open) : WORDS.ended}
        </span>
        {isOpen && (
          <button
            type="button"
            class="station-end"
            disabled={target.reader !== undefined}
            onClick={() => setStopping(true)}
          >
            {WORDS.stop}
          </button>
        )}
      </div>
      <FactList facts={factsOf(transaction)} />
      {curve.length < 2 ? (
        <p class="quiet">{isOpen && WORDS.waiting}</p>
      ) : (
        <div class="station-curves">
          <Chart title={WORDS.energy} lines={lines} unit="kWh" height={130} fromZero={false} />
          <Chart
            title={power.isMeasured ? WORDS.power : WORDS.averagePower}
            lines={power.lines}
            unit="kW"
            height={130}
          />
        </div>
      )}
      {isStopping && (
        <FormDialog
          form="stop"
          target={target}
          first={{ transaction: transaction.transaction }}
          onClose={() => setStopping(false)}
        />
      )}
    </article>
  );
}

function factsOf(transaction: Transaction): readonly Fact[] {
  const { evse, connector, token, authorization, startedAt, stoppedAt } = transaction;
  const names = WORDS.facts;
  const where = TEXTS.station.connectors.place(
    evse === undefined ? '' : String(evse),
    connector === undefined ? TEXTS.unknown : String(connector),
  );
  const shared: readonly Fact[] = [
    { name: names.place, value: where },
    { name: names.token, value: token && WORDS.token(token, authorization ?? '') },
    { name: names.started, value: <Time at={startedAt} isShort /> },
    { name: names.energy, value: <strong>{energy(transaction.energy)}</strong> },
  ];
  const notes = transaction.notes?.join(', ') ?? '';
  const doubtful: readonly Fact[] = notes === '' ? [] : [{ name: names.notes, value: notes }];
  if (transaction.state === 'open')
    return [...shared, { name: names.register, value: energy(transaction.lastMeter) }, ...doubtful];
  return [
    ...shared,
    { name: names.stopped, value: <Time at={stoppedAt} isShort /> },
    { name: names.reason, value: transaction.reason },
    { name: names.kind, value: transaction.kind },
    ...doubtful,
  ];
}
