// The fast suites: everything under test/ but test/long. Transpile only; types are checked by `npm run types`.
import { createDefaultEsmPreset } from 'ts-jest';

export default {
  ...createDefaultEsmPreset({ tsconfig: 'tsconfig.json' }),
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/long/'],
  moduleNameMapper: {
    '^pawl$': '<rootDir>/src/index.ts',
    '^pawl/(journal|testing)$': '<rootDir>/src/$1/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  maxWorkers: 2,
  // A guard against hanging, not a measure: a loaded machine must not fail a test.
  testTimeout: 600_000,
  // What a suite has loaded is never let go of: a worker that has grown is replaced before its collector is all it does.
  // With 768 MB the suites of damaged logs took a fifth longer, and three times as long late in a run.
  workerIdleMemoryLimit: '400MB',
};
