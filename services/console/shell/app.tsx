/** The frame of every page: navigation, who is signed in, the banner, and the page of the address. */
import { useEffect, useRef } from 'preact/hooks';
import { caller } from '../api/caller.ts';
import { api, read } from '../api/client.ts';
import { followEvents } from '../api/events.ts';
import { usePolled } from '../api/polled.ts';
import { signOut, token } from '../api/token.ts';
import { TEXTS } from '../texts.ts';
import { Banner } from './banner.tsx';
import { Login } from './login.tsx';
import { componentOf, PAGES, pageOf } from './pages.tsx';
import { linkTo, place } from './router.ts';
import { setTheme, theme, THEMES } from './theme.ts';

/** Who is signed in changes seldom; ms. */
const STATUS_EVERY = 30_000;

export function App() {
  const page = pageOf(place.value);
  const Page = page === undefined ? undefined : componentOf(page);
  const main = useRef<HTMLElement>(null);
  const address = place.value.parts.join('/');
  const before = useRef(address);
  useEffect(() => {
    document.title = [place.peek().parts[1], page && TEXTS.pages[page], TEXTS.product]
      .filter(Boolean)
      .join(' – ');
    // A screen reader begins to read at the new page; the first one is announced by the browser.
    if (before.current !== address) main.current?.focus();
    before.current = address;
  }, [address, page]);
  const access = token.value;
  useEffect(() => {
    if (access === '') return undefined;
    const over = new AbortController();
    followEvents(over.signal).catch((error: unknown) => console.warn('events', error));
    return () => over.abort();
  }, [access]);
  return (
    <>
      <a
        class="skip"
        href="#content"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {TEXTS.skip}
      </a>
      <header class="top">
        <strong>{TEXTS.product}</strong>
        <nav aria-label={TEXTS.navigation}>
          {PAGES.map((name) => (
            <a key={name} href={linkTo([name])} aria-current={name === page ? 'page' : undefined}>
              {TEXTS.pages[name]}
            </a>
          ))}
        </nav>
        <Tools />
      </header>
      <Banner />
      <main id="content" tabIndex={-1} ref={main}>
        {access !== '' && Page !== undefined && <Page place={place.value} />}
        {Page === undefined && <p class="empty">{TEXTS.notFound}</p>}
      </main>
      <Login />
    </>
  );
}

function Tools() {
  const status = usePolled((signal) => read(api.GET('/v1/status', { signal })), STATUS_EVERY, []);
  const you = status.value.value?.you;
  useEffect(() => void (caller.value = you), [you]);
  return (
    <div class="tools">
      <label>
        <span class="only-read">{TEXTS.theme.label}</span>
        <select
          value={theme.value}
          onChange={(event) => setTheme(THEMES.find((one) => one === event.currentTarget.value) ?? 'auto')}
        >
          {THEMES.map((one) => (
            <option key={one} value={one}>
              {TEXTS.theme[one]}
            </option>
          ))}
        </select>
      </label>
      {you !== undefined && <span class="you">{TEXTS.login.as(you.name, you.scope)}</span>}
      {token.value !== '' && (
        <button type="button" onClick={signOut}>
          {TEXTS.login.signOut}
        </button>
      )}
    </div>
  );
}
