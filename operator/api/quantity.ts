/** Kubernetes quantities (`512Mi`, `1.5G`) as numbers. */
const FACTOR: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** @throws for a text that is not a quantity; the CRD's schema admits none */
export function quantity(text: string): number {
  const [, digits, suffix] = /^(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(text) ?? [];
  if (digits === undefined) throw new Error(`"${text}" is not a quantity such as 512Mi`);
  return Number(digits) * (FACTOR[suffix ?? ''] ?? Number.NaN);
}
