/**
 * The entry point: what every Transport and every Gateway must do, under any test runner.
 *
 * ```ts
 * transportConformance(test, 'mine', createHarness, { lacks: { calls: 'the broker has no shared records' } });
 * ```
 * Pass `test.serial` of AVA if only one harness can run at a time. Stations speak OCPP-J text through a ClientTransport.
 */
import { calls } from './calls.ts';
import { connections } from './connections.ts';
import { deliveries } from './deliveries.ts';
import { effects } from './effects.ts';
import { facts } from './facts.ts';
import { frames, sessions } from './gateway.ts';
import type { GatewayHarness, TransportHarness } from './harness.ts';
import { load } from './load.ts';
import { rollouts, selfTests } from './rollouts.ts';
import { rates } from './rates.ts';
import { state } from './state.ts';
import { type Lacks, registerSuite, type TestRunner } from './suite.ts';

export type { GatewayHarness, TransportHarness } from './harness.ts';
export type { Lacks, TestRunner } from './suite.ts';

const TRANSPORT = { deliveries, effects, facts, connections, calls, state, load };
const GATEWAY = { sessions, frames, rates, rollouts, selfTests };

export type TransportPart = keyof typeof TRANSPORT;
export type GatewayPart = keyof typeof GATEWAY;

export function transportConformance(
  test: TestRunner,
  name: string,
  createHarness: () => Promise<TransportHarness>,
  { lacks = {} }: { readonly lacks?: Lacks<TransportPart> } = {},
): void {
  registerSuite({ test, name, createHarness, parts: TRANSPORT, lacks });
}

/** For transports whose stations connect through a Gateway; those with sockets of their own have none. */
export function gatewayConformance(
  test: TestRunner,
  name: string,
  createHarness: () => Promise<GatewayHarness>,
  { lacks = {} }: { readonly lacks?: Lacks<GatewayPart> } = {},
): void {
  registerSuite({ test, name, createHarness, parts: GATEWAY, lacks });
}
