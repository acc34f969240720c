/** The one retry loop of the data path: without a limit, as a message that is not acknowledged must not be lost. */

export interface Persistence {
  /** Whether to stop retrying; asked after each failure and after each pause. */
  readonly ended: () => boolean;
  /** Waits before the next attempt. @param failures so far, in a row */
  readonly pause: (failures: number) => Promise<void>;
  /** Called with the 4th failure in a row and each 10th after it, as most outages pass by themselves. */
  readonly report: (error: unknown) => void;
}

/** Runs an action until it succeeds. @returns its result; undefined when it was ended before */
export async function untilDone<T>(
  action: () => Promise<T>,
  { ended, pause, report }: Persistence,
): Promise<T | undefined> {
  for (let failures = 0; ; failures++) {
    try {
      return await action();
    } catch (error) {
      if (ended()) return undefined;
      if (failures % 10 === 3) report(error);
      await pause(failures);
      if (ended()) return undefined;
    }
  }
}
