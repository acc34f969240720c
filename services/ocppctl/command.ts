/**
 * What a command of ocppctl is: data. The command line, the help, the completions and the check of docs/ocppctl.md are derived
 * from it. A command gets everything that it uses, so that it reads no process state.
 */
import type { Api } from './api-client.ts';
import type { ConfigFile } from './config-file.ts';
import type { ClusterReference, Kubectl } from './kubectl.ts';

export interface Argument {
  /** In upper case, as the help shows it. */
  readonly name: string;
  readonly optional?: boolean;
  /** Words that complete it. */
  readonly oneOf?: readonly string[];
}

export interface Option {
  readonly name: string;
  readonly short?: string;
  /** Placeholder of its value; omitted for a flag. */
  readonly value?: string;
  readonly doc: string;
  readonly oneOf?: readonly string[];
  /** The least and the most of a whole number. */
  readonly whole?: readonly [least: number, most: number];
  readonly multiple?: boolean;
}

export interface Command {
  /** One to three words, such as `dead-letters unreadable list`. */
  readonly name: string;
  /** Heading in the help. */
  readonly group: string;
  readonly args: readonly Argument[];
  readonly options: readonly Option[];
  /** One line, a sentence without its period. */
  readonly summary: string;
  /** Further lines of its help. */
  readonly details?: readonly string[];
  /** Least scope of the token; omitted for a command that does not use the API. */
  readonly scope?: 'read' | 'command' | 'admin';
  readonly run: (run: Run) => Promise<void>;
}

/** The values of options, checked. */
export interface Options {
  readonly text: (name: string) => string | undefined;
  readonly texts: (name: string) => readonly string[];
  readonly number: (name: string) => number | undefined;
  readonly flag: (name: string) => boolean;
}

export interface Terminal {
  /** Writes a line to standard output. */
  readonly write: (line: string) => void;
  /** Writes text to standard output as it is. */
  readonly paint: (text: string) => void;
  /** Writes a line to standard error. */
  readonly note: (line: string) => void;
  readonly input: () => Promise<string>;
  /** A line of standard input, which a terminal does not show. */
  readonly secret: (prompt: string) => Promise<string>;
  /** Of standard output; undefined where that is no terminal. */
  readonly size: () => { readonly columns: number; readonly rows: number } | undefined;
  /** ms since 1970 */
  readonly now: () => number;
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly stopped: AbortSignal;
}

export interface Run {
  readonly args: readonly string[];
  readonly options: Options;
  readonly isJson: boolean;
  readonly terminal: Terminal;
  /** Connects on its first request. */
  readonly api: Api;
  /** The same for what a command does after Ctrl-C. */
  readonly afterStop: Api;
  readonly config: ConfigFile;
  /** An API at another place than the options say. */
  readonly apiAt: (url: string, token: string) => Api;
  readonly kubectl: Kubectl;
  /** Of --cluster, --namespace, --context and --kubeconfig; undefined without them. */
  readonly cluster: ClusterReference | undefined;
}
