/** What the network depends on, and what goes out of it: Redis, rates, webhooks, the bill sink. */
import { count, duration, rounded, when } from '../parts/format.ts';
import { Problem } from '../parts/problem.tsx';
import type { ApiProblem } from '../api/client.ts';
import { linkTo } from '../shell/router.ts';
import { TEXTS } from '../texts.ts';
import { Card, type Fact, Facts, warnIf } from './parts.tsx';
import { conditionOf, type Status, type Webhook } from './status.ts';

export function Redis({ status }: { readonly status: Status }) {
  const words = TEXTS.network.redis;
  const { figures, cluster } = status;
  const { storeMemoryShare: share, storeResponseSeconds } = figures;
  const store = cluster?.status.store;
  const reasons = ['Degraded', 'RedisReady'].map((type) => conditionOf(status, type)?.reason);
  const isKnown = reasons.some((reason) => reason !== undefined);
  /** What conditions say; unknown without any. */
  const said = (reason: string, bad: string, good: string): readonly [string, 'bad'?] =>
    reasons.includes(reason) ? [bad, 'bad'] : [isKnown ? good : TEXTS.unknown];
  const memory = share === undefined ? TEXTS.unknown : `${rounded(share * 100)} %`;
  const facts: readonly Fact[] = [
    [words.memory, memory, warnIf((share ?? 0) > 0.7)],
    [words.response, duration(storeResponseSeconds)],
    [words.login, ...said('LoginRefused', words.refused, words.accepted)],
    [words.prefix, ...said('PrefixTaken', words.taken, words.own)],
    store?.lost === undefined
      ? [words.data, store === undefined ? TEXTS.unknown : words.same]
      : [words.data, words.lost(when(store.lost.since)), 'bad'],
    [words.certificate, when(store?.certificateNotAfter)],
  ];
  return (
    <Card title={words.title}>
      <Facts of={facts} />
    </Card>
  );
}

const RATES = ['handshakes', 'boots', 'closes'] as const;

export function Storms({ status: { rates } }: { readonly status: Status }) {
  const words = TEXTS.network.rates;
  const used = RATES.flatMap((name) => {
    const use = rates?.[name];
    return use === undefined ? [] : [{ name, ...use }];
  });
  return (
    <Card title={words.title}>
      {used.length === 0 && (
        <p class="quiet net-message">{rates === undefined ? TEXTS.unknown : words.none}</p>
      )}
      {used.length > 0 && (
        <table class="net-table">
          <thead>
            <tr>
              <th scope="col">{words.columns.name}</th>
              {(['demand', 'limit', 'leased', 'waiting'] as const).map((column) => (
                <th key={column} scope="col" class="number">
                  {words.columns[column]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {used.map(({ name, demand, limit, leased, waiting }) => (
              <tr key={name}>
                <th scope="row">{words.names[name]}</th>
                <td class={`number ${name !== 'closes' && demand > limit ? 'warn' : ''}`}>
                  {rounded(demand)}
                </td>
                <td class="number">{rounded(limit)}</td>
                <td class="number">{rounded(leased)}</td>
                <td class={`number ${name !== 'closes' && (waiting ?? 0) > 0 ? 'warn' : ''}`}>
                  {count(waiting)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

export interface OutProps {
  readonly status: Status;
  readonly webhooks: readonly Webhook[] | undefined;
  readonly problem: ApiProblem | undefined;
}

export function Out({ status, webhooks, problem }: OutProps) {
  const words = TEXTS.network.out;
  const letters = status.figures.deadLetters;
  const billing = status.cluster?.status.billing;
  const sink =
    billing === undefined
      ? status.cluster === undefined
        ? TEXTS.unknown
        : words.noSink
      : TEXTS.network.tiles.ready(count(billing.readyReplicas), count(billing.replicas));
  const isSinkDown = billing !== undefined && billing.readyReplicas < billing.replicas;
  return (
    <Card title={words.title}>
      <Facts
        of={[
          [words.sink, sink, warnIf(isSinkDown)],
          [
            TEXTS.network.tiles.letters,
            <a href={linkTo(['dead-letters'])}>{count(letters)}</a>,
            warnIf((letters ?? 0) > 0),
          ],
        ]}
      />
      <Problem of={problem} />
      {webhooks?.length === 0 && <p class="quiet net-message">{words.none}</p>}
      {webhooks !== undefined && webhooks.length > 0 && <Webhooks of={webhooks} />}
    </Card>
  );
}

function Webhooks({ of }: { readonly of: readonly Webhook[] }) {
  const { columns, states } = TEXTS.network.out;
  return (
    <table class="net-table">
      <thead>
        <tr>
          <th scope="col">{columns.name}</th>
          <th scope="col">{columns.state}</th>
          <th scope="col" class="number">
            {columns.lag}
          </th>
          <th scope="col" class="number">
            {columns.parked}
          </th>
          <th scope="col" class="number">
            {columns.letters}
          </th>
        </tr>
      </thead>
      <tbody>
        {of.map(({ name, url, state, lagSeconds, parked, deadLetters }) => (
          <tr key={name}>
            <th scope="row" class="net-name" title={url}>
              {name}
            </th>
            <td>
              <span class={`badge ${state === 'down' ? 'bad' : state === 'delivering' ? 'good' : ''}`}>
                {states[state]}
              </span>
            </td>
            <td class="number">{lagSeconds === 0 ? TEXTS.network.out.onTime : duration(lagSeconds)}</td>
            <td class="number">{count(parked)}</td>
            <td class={`number ${deadLetters > 0 ? 'warn' : ''}`}>{count(deadLetters)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
