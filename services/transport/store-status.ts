/** What a process knows of its store beyond whether it answers. Only stores with a login or a marker have it. */

export interface StoreStatus {
  /** Why the store does not let this process in; undefined: it does, or it does not answer at all. */
  readonly problem?: StoreProblem;
  /** Random number of the store's data, 32 bits: another number means that the data were lost. Undefined: not known now. */
  readonly identity?: number;
}

export interface StoreProblem {
  /** `login-refused`: wrong user or password. `prefix-taken`: the keys belong to another cluster. */
  readonly kind: 'login-refused' | 'prefix-taken';
  /** A sentence for an operator, without a secret. */
  readonly message: string;
}

export type ReadStoreStatus = () => StoreStatus;
