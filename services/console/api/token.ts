/** The access token of this tab. sessionStorage ends with the tab, and no other origin can read it. */
import { signal } from '@preact/signals';

const KEY = 'ocpp-token';

/** '' without one. */
export const token = signal(sessionStorage.getItem(KEY) ?? '');

/** Whether the API has refused the token since it was last set. */
export const isRefused = signal(false);

export function setToken(text: string): void {
  token.value = text;
  isRefused.value = false;
  if (text === '') sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, text);
}

/** Leaves nothing for the next person: what was typed, sent and read is in the memory of the page. A token that expires keeps it. */
export function signOut(): void {
  setToken('');
  // The address may have a text that was searched for.
  history.replaceState(null, '', location.pathname);
  location.reload();
}

/** As the API takes them. @returns whether it may be an access token; any other text cannot even be sent */
export const isToken = (text: string): boolean => /^[\x21-\x7e]{1,512}$/.test(text);
