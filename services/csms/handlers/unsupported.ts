/** The refusal inside an answer that 2.x has for what this CSMS cannot do (Part 2, StatusInfoType). */

/** @param why what is missing here, for whoever reads the station's log */
export function unsupported(why: string) {
  return { reasonCode: 'UnsupportedRequest', additionalInfo: why } as const;
}
