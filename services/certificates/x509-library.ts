/**
 * The X.509 library is loaded when it is first needed: it costs a tenth of a second and 20 MB, and a program without certificates
 * needs none of it. It expects the reflection polyfill to be there before it.
 */
import type * as x509 from '@peculiar/x509';

export type X509Library = typeof x509;

let library: Promise<X509Library> | undefined;

export function loadX509(): Promise<X509Library> {
  library ??= import('reflect-metadata').then(() => import('@peculiar/x509'));
  return library;
}
