/** The figures that a person looks at first. */
import type { ComponentChildren } from 'preact';
import { count, duration, rounded } from '../parts/format.ts';
import { linkTo } from '../shell/router.ts';
import { TEXTS } from '../texts.ts';
import { isServing, type Status } from './status.ts';

const WORDS = TEXTS.network.tiles;

export function Tiles({ status: { figures, proxies, processors, cluster } }: { readonly status: Status }) {
  const { stationsConnected, stationsKnown, queueDepth, queueOldestSeconds, storeMemoryShare } = figures;
  const of = cluster?.status;
  return (
    <dl class="net-tiles">
      <Tile
        name={WORDS.stations}
        value={<a href={linkTo(['stations'])}>{count(stationsConnected)}</a>}
        beside={known(stationsKnown, (number) => WORDS.known(count(number)))}
      />
      <Tile
        name={WORDS.transactions}
        value={<a href={linkTo(['transactions'])}>{count(figures.openTransactions)}</a>}
        beside={known(figures.callsOpen, (number) => WORDS.commands(count(number)))}
      />
      <Tile
        name={WORDS.waiting}
        value={count(queueDepth)}
        beside={known(queueOldestSeconds, (seconds) => WORDS.oldest(duration(seconds)))}
      />
      <Tile name={WORDS.inFlight} value={count(figures.inFlight)} beside={WORDS.claimed} />
      <Tile
        name={WORDS.proxies}
        value={count(proxies?.filter(isServing).length)}
        beside={readyOf(of?.proxy)}
      />
      <Tile
        name={WORDS.processors}
        value={count(processors?.filter(isServing).length)}
        beside={readyOf(of?.processor)}
      />
      <Tile
        name={WORDS.memory}
        value={storeMemoryShare === undefined ? TEXTS.unknown : `${rounded(storeMemoryShare * 100)} %`}
        beside={known(figures.storeResponseSeconds, (seconds) => WORDS.response(duration(seconds)))}
      />
      <Tile
        name={WORDS.letters}
        value={<a href={linkTo(['dead-letters'])}>{count(figures.deadLetters)}</a>}
        tone={(figures.deadLetters ?? 0) > 0 ? 'warn' : ''}
      />
    </dl>
  );
}

/** '' while it is unknown. */
const known = (value: number | undefined, said: (value: number) => string): string =>
  value === undefined ? '' : said(value);

/** As Kubernetes reports Pods. */
const readyOf = (pods: { readyReplicas: number; replicas: number } | undefined): string =>
  pods === undefined ? '' : WORDS.ready(count(pods.readyReplicas), count(pods.replicas));

interface TileProps {
  readonly name: string;
  readonly value: ComponentChildren;
  readonly beside?: string;
  readonly tone?: string;
}

function Tile({ name, value, beside = '', tone = '' }: TileProps) {
  return (
    <div class="net-tile">
      <dt>{name}</dt>
      <dd class={`net-value ${tone}`}>{value}</dd>
      <dd class="quiet">{beside}</dd>
    </div>
  );
}
