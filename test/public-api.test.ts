// The public face, name by name: a diff of this file is the diff of the API. The lists are pinned by hand; values are
// compared with what loads, types with what the doors say, and with the names that readers will search for.
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { exportedElements, filesUnder, readSource } from './support/source.js';

interface Door {
  readonly file: string;
  readonly values: readonly string[];
  readonly types: readonly string[];
}

const DOORS: Readonly<Record<string, Door>> = {
  pawl: {
    file: 'src/index.ts',
    values: [
      'DEFAULT_LIMITS',
      'ERROR_CODES',
      'EVENT_TYPES',
      'EventStream',
      'HandlerContext',
      'Orchestrator',
      'PawlError',
      'RUN_STATES',
      'RunView',
      'TaskView',
      'TerminalError',
      'VERSION',
      'decodePayload',
      'defineTask',
      'encodePayload',
      'isPawlError',
      'isTerminal',
      'isValidTransition',
      'journalMachine',
      'openOrchestrator',
      'orchestratorMachine',
      'payloadText',
      'runMachine',
      'sweepContinuedRuns',
      'validTransitions',
    ],
    types: [
      'ActorRecord',
      'AnyTaskDefinition',
      'AttemptRecord',
      'AttemptResult',
      'Backoff',
      'BackoffInput',
      'BudgetAllocation',
      'BudgetRecord',
      'CancelTaskOptions',
      'Changed',
      'CheckReport',
      'Clock',
      'CloseOptions',
      'CommandOptions',
      'CommandRecord',
      'Commit',
      'CommitHeader',
      'CommitOrigin',
      'Constraints',
      'ConstraintsInput',
      'DependencyRecord',
      'EngineRecord',
      'ErrorCode',
      'ErrorData',
      'ErrorRecord',
      'EventFields',
      'EventType',
      'EventsOptions',
      'GrantRecord',
      'Handler',
      'HistoryEntry',
      'IdSource',
      'IdleReason',
      'IdleReasonKind',
      'IdleReport',
      'InspectOption',
      'Jitter',
      'JournalBackend',
      'JsonValue',
      'KeyHold',
      'LeaseRecord',
      'LedgerRecord',
      'Limits',
      'LiveActorsOption',
      'LogFields',
      'Logger',
      'MetadataInput',
      'Misfire',
      'OrchestratorOptions',
      'Overlap',
      'PawlEvent',
      'Payload',
      'PayloadLimits',
      'Policy',
      'PolicyInput',
      'PruneArgs',
      'Pruned',
      'PublicProjections',
      'RandomSource',
      'ReasonOptions',
      'RejectedSnapshot',
      'RepairPolicy',
      'RepairReport',
      'Retried',
      'RetryRunOptions',
      'RoleRecord',
      'RunMachineContext',
      'RunMachineEvent',
      'RunRecord',
      'RunState',
      'Safety',
      'SignalRecord',
      'StartReport',
      'StartupRecoveryContext',
      'StepRecord',
      'Submission',
      'SubmitItem',
      'SubmitManyOptions',
      'SubmitOptions',
      'SubmitOutcome',
      'SubscriptionFilter',
      'SubscriptionRecord',
      'SweepReport',
      'TaskCounts',
      'TaskDefinition',
      'TaskMetadata',
      'TaskOrType',
      'TaskRecord',
      'TaskSpec',
      'TenantRecord',
      'TimerHandle',
      'WaitRecord',
      'WaitSpec',
    ],
  },
  'pawl/journal': {
    file: 'src/journal/index.ts',
    values: [
      'AppendTelemetry',
      'InstrumentedWalWriter',
      'PawlError',
      'SNAPSHOT_FORMAT_VERSION',
      'SNAPSHOT_SCHEMA_VERSION',
      'SnapshotLoader',
      'SnapshotWriter',
      'WalReader',
      'WalWriter',
      'dump',
      'isPawlError',
      'loadProjectionFromStorage',
      'makeSnapshot',
      'openJournal',
      'openWalReader',
      'openWalWriter',
      'repair',
      'salvage',
      'snapshotDirectory',
      'stats',
      'validateSnapshot',
      'verify',
      'verifySnapshots',
    ],
    types: [
      'AppendCounts',
      'CheckedSnapshot',
      'Commit',
      'CommitHeader',
      'CommitOrigin',
      'CorruptionReason',
      'DamagedPlace',
      'DumpOptions',
      'DumpedEvent',
      'ErrorCode',
      'EventType',
      'JournalHandle',
      'JournalOptions',
      'JournalRepair',
      'LoadProjectionOptions',
      'LogStats',
      'PawlEvent',
      'RecoveryBootstrap',
      'RecoveryObservations',
      'RecoveryStage',
      'RejectedSnapshot',
      'RepairOptions',
      'RepairPolicy',
      'RepairReport',
      'SalvageOptions',
      'SalvageReport',
      'SegmentStats',
      'SequenceRange',
      'Snapshot',
      'SnapshotCounts',
      'SnapshotDirectoryOptions',
      'SnapshotFileOptions',
      'SnapshotHeader',
      'SnapshotInfo',
      'SnapshotRule',
      'SnapshotSections',
      'VerifiedLog',
      'WalAppender',
      'WalCommitHeader',
      'WalCorruption',
    ],
  },
  'pawl/testing': {
    file: 'src/testing/index.ts',
    values: [
      'FaultyStorage',
      'ManualClock',
      'MemoryBackend',
      'SimulatedErrno',
      'given',
      'seededRandom',
      'testOrchestrator',
    ],
    types: [
      'Decided',
      'EventDraft',
      'Expected',
      'Fault',
      'FaultPlan',
      'FaultyStorageOptions',
      'GivenCommit',
      'GivenOptions',
      'GivenState',
      'ManualClockOptions',
      'QuietProbe',
      'StorageOperation',
      'TestOrchestrator',
      'TestOrchestratorOptions',
      'WhenDecided',
    ],
  },
};

/** Names that the design promises, and where. */
const PROMISED: readonly (readonly [door: string, names: readonly string[]])[] = [
  [
    'pawl',
    [
      'openOrchestrator',
      'defineTask',
      'PawlError',
      'TerminalError',
      'isPawlError',
      'isValidTransition',
      'validTransitions',
      'isTerminal',
      'runMachine',
      'journalMachine',
      'orchestratorMachine',
    ],
  ],
  [
    'pawl/journal',
    [
      'openJournal',
      'verify',
      'WalWriter',
      'openWalWriter',
      'InstrumentedWalWriter',
      'AppendTelemetry',
      'WalReader',
      'RepairPolicy',
      'WalCorruption',
      'Snapshot',
      'SNAPSHOT_FORMAT_VERSION',
      'SNAPSHOT_SCHEMA_VERSION',
      'validateSnapshot',
      'SnapshotWriter',
      'SnapshotLoader',
      'loadProjectionFromStorage',
      'RecoveryBootstrap',
      'RecoveryObservations',
    ],
  ],
  ['pawl/testing', ['testOrchestrator', 'FaultyStorage', 'given']],
];

function exportsOf(file: string): { values: string[]; types: string[] } {
  const declarations = readSource(file).tree.statements.filter((statement) =>
    ts.isExportDeclaration(statement),
  );
  const names = declarations.flatMap((declaration) =>
    exportedElements(declaration).map((element) => ({
      name: element.name.text,
      isType: declaration.isTypeOnly || element.isTypeOnly,
    })),
  );
  const select = (isType: boolean): string[] =>
    names
      .filter((entry) => entry.isType === isType)
      .map((entry) => entry.name)
      .sort();
  return { values: select(false), types: select(true) };
}

const present = Object.entries(DOORS).filter(
  ([, door]) => door.values.length > 0 || filesUnder('src').includes(door.file),
);

for (const [name, door] of present) {
  describe(name, () => {
    const found = exportsOf(door.file);

    it('exports these values', async () => {
      expect(found.values).toEqual([...door.values].sort());
      const loaded = (await import(`../${door.file.replace(/\.ts$/, '.js')}`)) as object;
      expect(Object.keys(loaded).sort()).toEqual([...door.values].sort());
    });

    it('exports these types', () => {
      expect(found.types).toEqual([...door.types].sort());
    });

    it('does nothing but name its exports', () => {
      const others = readSource(door.file).tree.statements.filter(
        (statement) => !ts.isExportDeclaration(statement),
      );
      expect(others.map((statement) => statement.getText())).toEqual([]);
    });

    it('has what was promised', () => {
      const promised = PROMISED.find(([of]) => of === name)?.[1] ?? [];
      const all = [...found.values, ...found.types];
      expect(promised.filter((wanted) => !all.includes(wanted))).toEqual([]);
    });
  });
}

describe('the doors', () => {
  it('are the ones that package.json opens', () => {
    const opened = Object.keys(manifestExports()).filter((path) => path !== './package.json');
    expect(opened.map((path) => 'pawl' + path.slice(1))).toEqual(Object.keys(DOORS));
  });
});

function manifestExports(): object {
  const tree = ts.readConfigFile('package.json', (file) => ts.sys.readFile(file));
  return (tree.config as { exports: object }).exports;
}
