/** A replay as text: a table, and every decision of the operator as a sentence. */
import type { Figures } from './figures.ts';
import type { Recording } from './recording.ts';
import type { Replay } from './replay.ts';

export function reportOf(recording: Recording, replay: Replay): string {
  const { figures, own } = replay;
  const blind = recording.blind.filter(Boolean).length;
  const hours = (recording.seconds / 3600).toFixed(1);
  const lines = [
    `${hours} h from ${timeOf(recording, 0)}, ${blind} s of them without metrics; a busy processor handles ${rounded(replay.capacity)}/s.`,
    '',
    '| scaled by | most processors | late, s | greatest age, s | pod-minutes | changes |',
    '|---|---|---|---|---|---|',
    row('operator', figures.own),
    row(`HPA, ${replay.hpaTarget} per processor`, figures.hpa),
    recordedRow(recording),
    '',
    ...own.changes.map(
      ({ second, from, to, why }) => `${timeOf(recording, second)} ${from} -> ${to}: ${why}`,
    ),
    ...(own.changes.length === 0 ? ['The operator changes nothing.'] : []),
  ];
  return lines.join('\n');
}

const row = (name: string, figures: Figures) =>
  `| ${[
    name,
    figures.peakReplicas,
    figures.lateSeconds,
    rounded(figures.oldestSeconds),
    Math.round(figures.podMinutes),
    figures.changes,
  ].join(' | ')} |`;

/** A sample says nothing of the time between two samples, so no time is late. */
function recordedRow({ recorded }: Recording): string {
  let podSeconds = 0;
  let [changes, most, oldest] = [0, 0, 0];
  for (const [index, { second, replicas, oldestSeconds }] of recorded.entries()) {
    const before = recorded[index - 1];
    podSeconds += (second - (before?.second ?? second)) * replicas;
    if (before !== undefined && before.replicas !== replicas) changes += 1;
    most = Math.max(most, replicas);
    oldest = Math.max(oldest, oldestSeconds);
  }
  return `| recorded | ${most} | unknown | ${rounded(oldest)} | ${Math.round(podSeconds / 60)} | ${changes} |`;
}

const timeOf = ({ begin }: Recording, second: number) =>
  `${new Date(begin + second * 1000).toISOString().slice(0, 19)}Z`;
const rounded = (value: number) => Number(value.toPrecision(3));
