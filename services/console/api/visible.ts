/**
 * Whether the tab is seen. A stream holds a connection, and over HTTP/1.1 a browser has six of them for one address: tabs that are not seen
 * would take those that others need.
 */

/** Hidden for longer than this, a tab counts as not seen: who only looks at another one loses nothing; ms. */
const PATIENCE = 10_000;

/** Resolves when the document is visible, or the signal aborts. */
export function visible(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const check = () => {
      if (document.hidden && !signal.aborted) return;
      over.abort();
      resolve();
    };
    document.addEventListener('visibilitychange', check, { signal: over.signal });
    signal.addEventListener('abort', check, { signal: over.signal });
    check();
  });
}

/** @param over ends the watching @returns aborts when the document has been hidden for some time */
export function longHidden(over: AbortSignal): AbortSignal {
  const hidden = new AbortController();
  let timer = 0;
  const check = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(() => hidden.abort(), PATIENCE);
  };
  document.addEventListener('visibilitychange', check, { signal: over });
  over.addEventListener('abort', () => clearTimeout(timer), { once: true });
  check();
  return hidden.signal;
}
