/**
 * AVA's TAP report ends in the middle when a test fails with an error whose stack has one line, such as an error reply of Redis: the missing
 * second line is a value that YAML cannot write. Such values are left out here, so that the failure has its name.
 */
import { createRequire } from 'node:module';

const yaml = createRequire(createRequire(import.meta.url).resolve('supertap'))('js-yaml');
const { safeDump } = yaml;
yaml.safeDump = (value) => safeDump(value, { skipInvalid: true });
