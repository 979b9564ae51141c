// The codec of each section of a snapshot; the bytes are described in `docs/snapshot-format.md`.
import { SECTION_NAMES, type SectionName, type SectionRecords } from '../domain/snapshot-records.js';
import {
  actorCodec,
  budgetCodec,
  commandCodec,
  dependencyCodec,
  engineCodec,
  epochCodec,
  grantCodec,
  ledgerCodec,
  prunedCodec,
  roleCodec,
  subscriptionCodec,
  taskCodec,
  tenantCodec,
} from './snapshot-codec-nouns.js';
import type { RecordCodec } from './snapshot-codec-record.js';
import { readRun, writeRun } from './snapshot-codec-run.js';

/** The codec of each section. */
export const SECTION_CODECS: { readonly [N in SectionName]: RecordCodec<SectionRecords[N]> } = {
  epoch: epochCodec,
  tasks: taskCodec,
  runs: { write: writeRun, read: readRun },
  engine: engineCodec,
  dependencies: dependencyCodec,
  budgets: budgetCodec,
  subscriptions: subscriptionCodec,
  actors: actorCodec,
  tenants: tenantCodec,
  roles: roleCodec,
  grants: grantCodec,
  ledger: ledgerCodec,
  commands: commandCodec,
  pruned: prunedCodec,
};

/** The section with this name, if there is one. */
export function sectionNamed(name: string): SectionName | undefined {
  return SECTION_NAMES.find((known) => known === name);
}
