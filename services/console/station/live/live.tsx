/** The messages of a station as they come, while it is recorded. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { ApiProblem } from '../../api/client.ts';
import { problemFrom } from '../../api/patience.ts';
import { usePolled } from '../../api/polled.ts';
import { token } from '../../api/token.ts';
import { count, when } from '../../parts/format.ts';
import { Problem } from '../../parts/problem.tsx';
import { TEXTS } from '../../texts.ts';
import { Section } from '../facts.tsx';
import { type Entry, type Kept, matching } from './frames.ts';
import { FrameDetails, FrameList } from './list.tsx';
import { endRecording, type LiveFrames, record, type Recording, recordingOf } from './recording.ts';

const WORDS = TEXTS.station.live;
/** Whether it is recorded is asked so often; ms. */
const EVERY = 10_000;
const MINUTES = [15, 60, 240];

export function Live({
  station,
  frames,
  reader,
}: {
  readonly station: string;
  readonly frames: LiveFrames;
  readonly reader: string | undefined;
}) {
  const polled = usePolled((signal) => recordingOf(station, signal), EVERY, [station]);
  const recording = polled.value.value;
  const isRecorded = recording !== undefined;
  const access = token.value;
  useEffect(() => {
    const over = new AbortController();
    void frames.follow(over.signal, isRecorded);
    return () => over.abort();
  }, [frames, isRecorded, access]);
  const loading = useLoading(frames);
  const mayLoad = polled.at.value !== undefined && !isRecorded && loading.state !== 'done';
  const [paused, setPaused] = useState<Kept | undefined>(undefined);
  const [search, setSearch] = useState('');
  const [stays, setStays] = useState(true);
  const [chosen, setChosen] = useState<Entry | undefined>(undefined);
  const now = frames.kept.value;
  const kept = paused ?? now;
  const shown = useMemo(() => matching(kept.entries, search), [kept, search]);
  const waiting = now.next - kept.next;
  return (
    <Section title={WORDS.title} class="live-card">
      <Recorder station={station} recording={recording} reader={reader} onChange={polled.refresh} />
      <Problem
        of={polled.problem.value ?? frames.problem.value ?? loading.problem}
        onRetry={polled.refresh}
      />
      <div class="filters">
        <label>
          <span class="only-read">{WORDS.search}</span>
          <input
            type="search"
            placeholder={WORDS.search}
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
        <button
          type="button"
          aria-pressed={paused !== undefined}
          onClick={() => setPaused(paused === undefined ? now : undefined)}
        >
          {paused === undefined ? WORDS.pause : WORDS.resume}
        </button>
        {mayLoad && (
          <button type="button" aria-disabled={loading.state === 'busy'} onClick={loading.load}>
            {loading.state === 'busy' ? TEXTS.loading : WORDS.load}
          </button>
        )}
        <button
          type="button"
          onClick={() => {
            frames.clear();
            setPaused(undefined);
            setChosen(undefined);
          }}
        >
          {WORDS.clear}
        </button>
        <label>
          <input
            type="checkbox"
            checked={stays}
            onChange={(event) => setStays(event.currentTarget.checked)}
          />{' '}
          {WORDS.stay}
        </label>
        <p class="quiet" role="status">
          {[
            WORDS.shown(count(shown.length), count(kept.entries.length)),
            waiting > 0 && WORDS.waiting(count(waiting)),
            kept.dropped > 0 && WORDS.dropped(count(kept.dropped)),
          ]
            .filter((one) => one !== false)
            .join(' · ')}
        </p>
      </div>
      <div class="live-panes">
        <FrameList
          entries={shown}
          empty={
            kept.entries.length > 0
              ? WORDS.noMatch
              : isRecorded
                ? WORDS.empty
                : mayLoad
                  ? WORDS.notLoaded
                  : WORDS.nothingKept
          }
          chosen={chosen}
          onChoose={setChosen}
          stays={stays && paused === undefined}
          onStay={setStays}
        />
        <FrameDetails entry={chosen} />
      </div>
    </Section>
  );
}

/** What was recorded before, on request. */
function useLoading(frames: LiveFrames) {
  const [state, setState] = useState<'none' | 'busy' | 'done'>('none');
  const [problem, setProblem] = useState<ApiProblem | undefined>(undefined);
  const load = async () => {
    setState('busy');
    setProblem(undefined);
    try {
      await frames.load();
      setState('done');
    } catch (error) {
      setState('none');
      setProblem(problemFrom(error));
    }
  };
  return { state, problem, load: () => void (state === 'busy' || load()) };
}

interface RecorderProps {
  readonly station: string;
  readonly recording: Recording | undefined;
  readonly reader: string | undefined;
  readonly onChange: () => void;
}

function Recorder({ station, recording, reader, onChange }: RecorderProps) {
  const [minutes, setMinutes] = useState(MINUTES[0] ?? 15);
  const [problem, setProblem] = useState<ApiProblem | undefined>(undefined);
  const run = async (change: Promise<void>) => {
    try {
      await change;
      setProblem(undefined);
    } catch (error) {
      setProblem(problemFrom(error));
    }
    onChange();
  };
  const isOff = reader !== undefined;
  return (
    <>
      <div class="filters">
        {recording === undefined ? (
          <span class="quiet">{WORDS.off}</span>
        ) : (
          <span>
            <span class="badge bad">●</span> {WORDS.runs(when(recording.until), recording.by)}
          </span>
        )}
        <span class="choices station-end">
          <label>
            {WORDS.record}{' '}
            <select
              value={minutes}
              disabled={isOff}
              onChange={(event) => setMinutes(Number(event.currentTarget.value))}
            >
              {MINUTES.map((one) => (
                <option key={one} value={one}>
                  {WORDS.minutes(one)}
                </option>
              ))}
            </select>
          </label>
          <button type="button" disabled={isOff} onClick={() => void run(record(station, minutes))}>
            {recording === undefined ? WORDS.start : WORDS.longer}
          </button>
          {recording !== undefined && (
            <button type="button" disabled={isOff} onClick={() => void run(endRecording(station))}>
              {WORDS.end}
            </button>
          )}
        </span>
      </div>
      <Problem of={problem} />
    </>
  );
}
