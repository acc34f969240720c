/** ws-proxies with their stations, and processors with the sentence why there are so many. */
import { count, duration, rounded, when } from '../parts/format.ts';
import { TEXTS } from '../texts.ts';
import { lastRollout } from './moving.ts';
import { Bar, Card, type Fact, Facts, PodName, Scrolled, warnIf } from './parts.tsx';
import { meanOf, type ProxyRow, proxyRows } from './proxies.ts';
import { isDead, isServing, type Status } from './status.ts';

export function Proxies({ status }: { readonly status: Status }) {
  const words = TEXTS.network.proxies;
  const rows = proxyRows(status);
  const hasSides = rows.some(({ side }) => side !== undefined);
  return (
    <Card title={words.title}>
      <p class="net-message">{status.proxies === undefined ? words.unknown : sentenceOf(status, rows)}</p>
      <Strip of={rows} />
      {rows.length > 0 && (
        <Scrolled label={words.list}>
          <table class="net-table">
            <thead>
              <tr>
                <th scope="col">{words.columns.name}</th>
                {hasSides && <th scope="col">{words.columns.side}</th>}
                <th scope="col" class="number">
                  {words.columns.stations}
                </th>
                <td class="net-bar-column" />
                <th scope="col" class="number">
                  {words.columns.deviation}
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <Proxy key={row.id} of={row} hasSides={hasSides} />
              ))}
            </tbody>
          </table>
        </Scrolled>
      )}
      <LastRollout status={status} />
    </Card>
  );
}

function Proxy({ of, hasSides }: { readonly of: ProxyRow; readonly hasSides: boolean }) {
  const { name, side, stations, share, deviation, isSkewed, state } = of;
  const words = TEXTS.network.proxies;
  return (
    <tr>
      <th scope="row" class="net-name" aria-label={name}>
        <PodName of={name} />
      </th>
      {hasSides && (
        <td>{side !== undefined && <span class={`net-side ${side}`}>{words.sides[side]}</span>}</td>
      )}
      <td class="number">{count(stations)}</td>
      <td class="net-bar-column">
        <Bar share={share} tone={isSkewed ? 'warn' : (side ?? '')} />
      </td>
      <td class={`number ${isSkewed ? 'warn' : ''}`}>
        {state === 'serving' ? percent(deviation) : words.states[state]}
      </td>
    </tr>
  );
}

/** With its sign. */
function percent(share: number | undefined): string {
  if (share === undefined) return TEXTS.unknown;
  const whole = Math.round(share * 100);
  return `${whole > 0 ? '+' : whole < 0 ? '−' : '±'}${Math.abs(whole)} %`;
}

function sentenceOf(status: Status, rows: readonly ProxyRow[]): string {
  const words = TEXTS.network.proxies;
  const ofSide = (one: ProxyRow['side']) => rows.filter(({ side }) => side === one).length;
  if (ofSide(undefined) < rows.length) return words.sets(count(ofSide('old')), count(ofSide('new')));
  const mean = meanOf(status);
  if (mean === undefined) return words.none;
  const serving = rows.filter(({ state }) => state === 'serving');
  const sentence = words.mean(count(serving.length), count(Math.round(mean)));
  const [fullest] = serving.toSorted((a, b) => b.stations - a.stations);
  if (serving.length < 2 || fullest === undefined) return `${sentence}.`;
  return `${sentence}; ${words.most(fullest.name, count(fullest.stations), percent(fullest.deviation))}.`;
}

/** More of them are not seen at once in the list. */
const MANY = 10;

/** A bar for each. */
function Strip({ of }: { readonly of: readonly ProxyRow[] }) {
  if (of.length <= MANY) return null;
  return (
    <div class="net-strip" role="img" aria-label={TEXTS.network.proxies.strip}>
      {of.map(({ id, name, stations, share, side = '', isSkewed }) => (
        <div key={id} title={`${name}: ${count(stations)}`}>
          <div class={isSkewed ? 'warn' : side} style={{ height: `${share * 100}%` }} />
        </div>
      ))}
    </div>
  );
}

function LastRollout({ status }: { readonly status: Status }) {
  const rollout = lastRollout(status);
  if (rollout === undefined) return null;
  const { phase, finishedTime, phaseTime, message = '' } = rollout;
  return (
    <p class="quiet net-message">
      {TEXTS.network.moving.last(phase, when(finishedTime ?? phaseTime))} {message}
    </p>
  );
}

export function Processors({ status }: { readonly status: Status }) {
  const words = TEXTS.network.processors;
  const { processors = [] } = status;
  const { autoscaling } = status.cluster?.status ?? {};
  const most = Math.max(1, ...processors.map(({ inFlight }) => inFlight));
  const rows = processors.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return (
    <Card title={words.title}>
      {autoscaling?.reason !== undefined && (
        <p class="net-message">
          <span class="quiet">{words.why}</span> {autoscaling.reason}
        </p>
      )}
      {autoscaling?.ceiling !== undefined && (
        <p class="net-message">
          {words.ceiling(count(autoscaling.ceiling.replicas), autoscaling.ceiling.evidence)}
        </p>
      )}
      <Facts of={factsOf(status)} />
      {rows.length > 0 && (
        <Scrolled label={words.list}>
          <table class="net-table">
            <thead>
              <tr>
                <th scope="col">{words.columns.name}</th>
                <th scope="col">{words.columns.release}</th>
                <th scope="col" class="number">
                  {words.columns.inFlight}
                </th>
                <td class="net-bar-column" />
              </tr>
            </thead>
            <tbody>
              {rows.map((one) => (
                <tr key={one.id}>
                  <th scope="row" class="net-name" aria-label={one.name}>
                    <PodName of={one.name} />
                  </th>
                  <td>{isServing(one) ? (one.release ?? TEXTS.unknown) : stateOf(one)}</td>
                  <td class="number">{count(one.inFlight)}</td>
                  <td class="net-bar-column">
                    <Bar share={one.inFlight / most} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolled>
      )}
    </Card>
  );
}

const stateOf = (process: Parameters<typeof isDead>[0]) =>
  TEXTS.network.proxies.states[isDead(process) ? 'dead' : 'leaving'];

function factsOf(status: Status): readonly Fact[] {
  const { facts } = TEXTS.network.processors;
  const { autoscaling, processor } = status.cluster?.status ?? {};
  const {
    desiredReplicas,
    lastScaleTime,
    lastScaleDirection = '',
    capacityPerReplica,
    inputs = {},
  } = autoscaling ?? {};
  const share = (value: number | undefined) =>
    value === undefined ? TEXTS.unknown : `${Math.round(value * 100)} %`;
  const limits = status.cluster?.processorLimits;
  const { Up, Down, none } = facts.changed;
  const changed = lastScaleDirection === 'Up' ? Up : lastScaleDirection === 'Down' ? Down : none;
  return [
    [facts.ready, count(processor?.readyReplicas ?? status.processors?.filter(isServing).length)],
    [facts.wanted, count(desiredReplicas)],
    [
      facts.limits,
      limits === undefined ? TEXTS.unknown : `${count(limits.minReplicas)} – ${count(limits.maxReplicas)}`,
    ],
    [changed, when(lastScaleTime)],
    [facts.arrivals, rounded(inputs.arrivalsPerSecond)],
    [facts.completed, rounded(inputs.completedPerSecond)],
    [facts.capacity, rounded(capacityPerReplica)],
    [facts.busy, share(inputs.busyShare)],
    [facts.throttled, share(inputs.throttledShare), warnIf((inputs.throttledShare ?? 0) > 0.1)],
    [facts.handler, duration(inputs.handlerSeconds)],
  ];
}
