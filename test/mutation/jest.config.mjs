// The fast suites on code in which PAWL_MUTANT names what is left out; see scripts/run-mutants.mjs.
import path from 'node:path';

export default {
  rootDir: path.resolve(import.meta.dirname, '../..'),
  testEnvironment: '<rootDir>/test/mutation/environment.mjs',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '<rootDir>/test/mutation/transform.mjs' },
  moduleNameMapper: {
    '^pawl$': '<rootDir>/src/index.ts',
    '^pawl/(journal|testing)$': '<rootDir>/src/$1/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  testTimeout: 30_000,
};
