/** Which stations are recorded (docs/recorder.md): clients change it, ws-proxies read it. */

/** Record: station → JSON of StoredRecording. One that has ended is removed with the next change. */
export const RECORDINGS = 'recordings';
/** Record: `revision` changes with every change of the recordings; `key` is the random key of the pseudonyms. */
export const RECORDER = 'recorder';
/** Recordings at once. */
export const MOST_RECORDINGS = 100;
/** How long a recording lasts; minutes. */
export const RECORDING_MINUTES = { default: 15, most: 24 * 60 } as const;

export interface StoredRecording {
  /** ms since 1970 */
  readonly since: number;
  readonly until: number;
  /** Who started it, such as the name of an access token. */
  readonly by: string;
}

/** Those that run at `now`, by station. An entry that cannot be read counts as ended. */
export function runningRecordings(
  stored: Readonly<Record<string, string>> | undefined,
  now: number,
): ReadonlyMap<string, StoredRecording> {
  const all = Object.entries(stored ?? {}).map(([station, text]) => [station, readRecording(text)] as const);
  return new Map(
    all.flatMap(([station, one]) => (one !== undefined && one.until > now ? [[station, one] as const] : [])),
  );
}

function readRecording(text: string): StoredRecording | undefined {
  try {
    const { since, until, by } = JSON.parse(text) as Partial<StoredRecording>;
    return typeof since === 'number' && typeof until === 'number'
      ? { since, until, by: String(by) }
      : undefined;
  } catch {
    return undefined;
  }
}
