/** The spec of a Pod whose ports are taken on this machine, with other port numbers. */
import { PLACE } from '../../../services/contract.ts';
import type { Container, PodSpec, Probe } from '../kinds.ts';

type Writable<T> = T extends object ? { -readonly [K in keyof T]: Writable<T[K]> } : T;

/**
 * `mapping` holds wanted → given port. Changes container ports, probes by number, the variables that contract.ts names, and
 * `--port` and `--tls-port` in the arguments. References by port name follow.
 */
export function withPorts(spec: PodSpec, mapping: ReadonlyMap<number, number>): PodSpec {
  if ([...mapping].every(([wanted, given]) => wanted === given)) return spec;
  const changed = structuredClone(spec) as Writable<PodSpec>;
  for (const container of changed.containers) remap(container, (port) => mapping.get(port) ?? port);
  return changed;
}

function remap(container: Writable<Container>, given: (port: number) => number): void {
  const inText = (text: string) => (/^\d+$/.test(text) ? String(given(Number(text))) : text);
  for (const port of container.ports ?? []) port.containerPort = given(port.containerPort);
  for (const variable of container.env ?? []) {
    if (variable.value === undefined) continue;
    if (PLACE.ports.includes(variable.name)) variable.value = inText(variable.value);
    if (variable.name === PLACE.listeners) variable.value = inListeners(variable.value, given);
  }
  const { args = [] } = container;
  for (const [index, arg] of args.entries()) {
    if (args[index - 1] === '--port' || args[index - 1] === '--tls-port') args[index] = inText(arg);
  }
  for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe]) {
    remapProbe(probe, given);
  }
}

function remapProbe(probe: Writable<Probe> | undefined, given: (port: number) => number): void {
  const target = probe?.httpGet ?? probe?.tcpSocket;
  if (typeof target?.port === 'number') target.port = given(target.port);
}

/** `9001/v16,9002/lab`, or JSON */
function inListeners(text: string, given: (port: number) => number): string {
  if (text.startsWith('[')) {
    const listeners = JSON.parse(text) as { readonly port: number }[];
    return JSON.stringify(listeners.map((one) => Object.assign(one, { port: given(one.port) })));
  }
  return text.replaceAll(/(?<=^|,)\d+(?=\/)/g, (port) => String(given(Number(port))));
}
