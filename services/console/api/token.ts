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
