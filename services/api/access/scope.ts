/** What an access token permits: each scope includes the ones before it. */
export const SCOPES = ['read', 'command', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export const includes = (given: Scope, needed: Scope): boolean =>
  SCOPES.indexOf(given) >= SCOPES.indexOf(needed);
