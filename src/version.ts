// The version of this package, as `EpochStarted` records it; a test keeps it equal to package.json.

/** Version of the package. */
export const VERSION = '0.1.0';
