/** The statusInfo of refusals in 2.x (Part 2, StatusInfoType). */

/** Longest additionalInfo in 2.0.1. */
const LONGEST_INFO = 512;

/**
 * This CSMS does not support the feature.
 * @param why the missing feature, for the reader of the station's log
 */
export function unsupported(why: string) {
  return infoOf('UnsupportedRequest', why);
}

/** @param reasonCode of the appendices of Part 2; at most 20 characters */
export function infoOf(reasonCode: string, why: string) {
  return { reasonCode, additionalInfo: why.slice(0, LONGEST_INFO) };
}
