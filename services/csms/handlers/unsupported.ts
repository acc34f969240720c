/**
 * The statusInfo of a refusal in 2.x: this CSMS does not support the feature (Part 2, StatusInfoType).
 * @param why the missing feature, for the reader of the station's log
 */
export function unsupported(why: string) {
  return { reasonCode: 'UnsupportedRequest', additionalInfo: why } as const;
}
