/** A handler that never resolves must not hold its place for ever. */

/** What a handler gets by default; below the time-out of a CALL (30 s), so that the station learns of it. */
export const HANDLER_TIMEOUT_MS = 25_000;

export class HandlerTimeout extends Error {
  override readonly name = 'HandlerTimeout';

  constructor(ms: number) {
    super(
      `the handler was not done within ${ms / 1000} s (OCPP_HANDLER_TIMEOUT); what it says later is ignored`,
    );
  }
}

/** Resolves or rejects as `work` does, unless it takes too long: then what it does later has no effect. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new HandlerTimeout(ms)), ms).unref();
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
