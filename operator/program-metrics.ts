/** Metrics of the whole process: its version, and whether it leads. */
import { Gauge, type Registry } from 'prom-client';

/** Version of the program: build.ts inserts it. */
declare const BUILD_VERSION: string | undefined;

const VERSION = typeof BUILD_VERSION === 'string' ? BUILD_VERSION : 'dev';

export function showProgram(registry: Registry, leading: () => boolean): void {
  const registers = [registry];
  const leader: Gauge = new Gauge({
    name: 'ocpp_operator_leader',
    help: '1 while this process holds the Lease and reconciles, else 0',
    registers,
    collect: () => leader.set(leading() ? 1 : 0),
  });
  new Gauge({
    name: 'ocpp_operator_build_info',
    help: 'Always 1; the labels have the versions',
    labelNames: ['version', 'node'],
    registers,
  }).set({ version: VERSION, node: process.version }, 1);
}
