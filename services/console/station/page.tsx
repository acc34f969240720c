/** One station: what is known of it, what it does now, its messages, and what may be sent to it. */
import { useEffect, useMemo } from 'preact/hooks';
import { api, read } from '../api/client.ts';
import { usePolled } from '../api/polled.ts';
import { Problem } from '../parts/problem.tsx';
import { Time } from '../parts/time.tsx';
import { linkTo } from '../shell/router.ts';
import { TEXTS } from '../texts.ts';
import { Charging } from './charging/charging.tsx';
import { useCharging } from './charging/transactions.ts';
import { CommandPanel } from './commands/panel.tsx';
import { Daily } from './commands/daily.tsx';
import { Connectors, Facts } from './facts.tsx';
import { History } from './history.tsx';
import { Live } from './live/live.tsx';
import { LiveFrames } from './live/recording.ts';
import { useStation } from './station.ts';

const WORDS = TEXTS.station;
/** Who is signed in changes seldom; ms. */
const STATUS_EVERY = 60_000;

export function StationPage({ id }: { readonly id: string }) {
  const { value, problem, refresh } = useStation(id);
  const status = usePolled((signal) => read(api.GET('/v1/status', { signal })), STATUS_EVERY, []);
  const frames = useMemo(() => new LiveFrames(id), [id]);
  const charging = useCharging(id, frames);
  const station = value.value;
  const you = status.value.value?.you;
  // Until the scope is known, the API says what is not permitted.
  const reader = you?.scope === 'read' ? you.name : undefined;
  useEffect(() => () => frames.clear(), [frames]);
  if (station === undefined) {
    const isUnknown = problem.value?.code === 'no-such-station';
    return (
      <div class="page">
        <Head id={id} />
        {isUnknown ? <p class="empty">{WORDS.gone}</p> : <Problem of={problem.value} onRetry={refresh} />}
        {problem.value === undefined && <p class="empty">{TEXTS.loading}</p>}
      </div>
    );
  }
  const { connected, connection, disconnectedAt, protocol, connectors } = station;
  const open = charging.shown.value.filter(({ transaction }) => transaction.state === 'open');
  const target = { id, protocol, isConnected: connected, connectors, open, reader };
  return (
    <div class="page station">
      <Head id={id}>
        <span class={`badge ${connected ? 'good' : 'idle'}`}>
          {connected ? WORDS.states.connected : WORDS.states.offline}
        </span>
        <span class="quiet">
          <Time at={connected ? connection?.since : disconnectedAt} />
        </span>
        <Daily target={target} />
      </Head>
      <Problem of={problem.value} onRetry={refresh} />
      <div class="station-top">
        <div class="station-stack">
          <Facts station={station} />
          <Connectors station={station} />
        </div>
        <Charging charging={charging} target={target} />
      </div>
      <CommandPanel target={target} />
      <Live station={id} frames={frames} reader={reader} />
      <History id={id} />
    </div>
  );
}

function Head({ id, children }: { readonly id: string; readonly children?: preact.ComponentChildren }) {
  return (
    <div class="station-head">
      <nav aria-label={TEXTS.pages.stations}>
        <a href={linkTo(['stations'])}>{WORDS.all}</a> <span aria-hidden="true">/</span>
      </nav>
      <h1>{id}</h1>
      {children}
    </div>
  );
}
