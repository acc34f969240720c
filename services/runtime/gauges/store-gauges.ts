/** The gauges of what a process knows of its store beyond the queue. The operator reads them. */
import { Gauge, type Registry } from 'prom-client';
import { METRIC } from '../../contract.ts';

/** As StoreStatus has them. */
export interface StoreFigures {
  readonly problem?: { readonly kind: 'login-refused' | 'prefix-taken' };
  readonly identity?: number;
}

/** @param read what is known now; an unknown identity has no sample */
export function createStoreGauges(registry: Registry, read: () => StoreFigures | undefined): void {
  const gauge = (name: string, help: string, value: (store: StoreFigures) => number | undefined) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const now = value(read() ?? {});
        if (now === undefined) this.remove();
        else this.set(now);
      },
    });
  const is = (kind: string) => (store: StoreFigures) => (store.problem?.kind === kind ? 1 : 0);
  gauge(METRIC.storeLoginRefused, '1 while Redis refuses the login of this process', is('login-refused'));
  gauge(METRIC.storePrefixTaken, '1 while the keys in Redis belong to another cluster', is('prefix-taken'));
  gauge(METRIC.storeIdentity, 'Random number of the data in Redis (global)', ({ identity }) => identity);
}
