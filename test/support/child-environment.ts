/** What every program that a test starts inherits: where commands are, and where compiled modules are kept (ava.config.js). */
const NAMES = ['PATH', 'NODE_COMPILE_CACHE'];

export const CHILD_ENVIRONMENT: Readonly<Record<string, string>> = Object.fromEntries(
  NAMES.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);
