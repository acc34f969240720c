/** OCPP's security profiles (1.6 security whitepaper §2; 2.0.1 Part 2, A00): 0 none, 1 HTTP Basic, 2 TLS and HTTP Basic, 3 mutual TLS. */
export const SECURITY_PROFILES = [0, 1, 2, 3] as const;
export type SecurityProfile = (typeof SECURITY_PROFILES)[number];

/** A profile as stored, a digit; undefined for other texts. */
export const readProfile = (text: string | undefined): SecurityProfile | undefined =>
  SECURITY_PROFILES.find((profile) => String(profile) === text);
