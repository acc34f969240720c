/** The whole network: what is wrong in the first sentence, and why in the cards below it. */
import { usePolled } from '../api/polled.ts';
import { when } from '../parts/format.ts';
import { TEXTS } from '../texts.ts';
import { Out, Redis, Storms } from './around.tsx';
import { Charts } from './charts.tsx';
import { findingsOf } from './findings.ts';
import { Headline } from './headline.tsx';
import { joined } from './history.ts';
import { Moving } from './moving-card.tsx';
import type { Condition, Status } from './status.ts';
import { Tiles } from './tiles.tsx';
import { readHistory, readStatus, readWebhooks, watched } from './watch.ts';
import { Processors, Proxies } from './work.tsx';

/** ms */
const EVERY = { status: 2000, webhooks: 10_000, history: 30_000 };

export function NetworkPage() {
  const status = usePolled(readStatus, EVERY.status, []);
  const webhooks = usePolled(readWebhooks, EVERY.webhooks, []);
  const stored = usePolled(readHistory, EVERY.history, []);
  const { recent, polled, openedAt } = watched.value;
  const now = status.value.value;
  const findings = findingsOf(recent, webhooks.value.value);
  const { source, series = {}, why = stored.problem.value?.message } = stored.value.value ?? {};
  const history = joined(series, polled);
  return (
    <div class="page net">
      <div class="net-title">
        <h1>{TEXTS.pages.network}</h1>
        {now?.cluster !== undefined && <Name of={now.cluster} />}
      </div>
      <Headline
        findings={now === undefined ? [] : findings}
        knows={knows(now)}
        at={now === undefined ? undefined : status.at.value}
        problem={status.problem.value}
      />
      {now !== undefined && (
        <>
          <Tiles status={now} />
          <div class="net-cards">
            <Moving status={now} polled={polled} />
            <Proxies status={now} />
            <Processors status={now} />
          </div>
          <div class="net-cards three">
            <Redis status={now} />
            <Storms status={now} />
            <Out status={now} webhooks={webhooks.value.value} problem={webhooks.problem.value} />
          </div>
          <Charts history={history} isHour={source === 'prometheus'} openedAt={openedAt} why={why} />
          <Conditions of={now.cluster?.status.conditions ?? []} />
        </>
      )}
    </div>
  );
}

function knows(status: Status | undefined) {
  if (status?.cluster !== undefined) return 'all';
  return Object.keys(status?.figures ?? {}).length > 0 ? 'figures' : 'nothing';
}

interface Cluster {
  readonly name: string;
  readonly namespace?: string;
  readonly status: { readonly phase?: string; readonly image?: string };
}

function Name({ of: { name, namespace, status } }: { readonly of: Cluster }) {
  const full = namespace === undefined ? name : `${namespace}/${name}`;
  return (
    <>
      <span class="net-name">{full}</span>
      <span class="quiet">{status.phase}</span>
      <span class="quiet net-name">{status.image}</span>
    </>
  );
}

function Conditions({ of }: { readonly of: readonly Condition[] }) {
  if (of.length === 0) return null;
  const { title, columns } = TEXTS.network.conditions;
  return (
    <details class="card">
      <summary>{title(String(of.length))}</summary>
      <div class="net-conditions" role="region" aria-label={title(String(of.length))} tabIndex={0}>
        <table class="net-table">
          <thead>
            <tr>
              {Object.values(columns).map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {of.map(({ type, status, reason, lastTransitionTime, message }) => (
              <tr key={type}>
                <th scope="row">{type}</th>
                <td>{status}</td>
                <td>{reason}</td>
                <td>{when(lastTransitionTime)}</td>
                <td class="net-message">{message}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
