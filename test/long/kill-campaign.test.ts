// Kills of a loaded orchestrator, many seeds: 1 000 of them in the whole. What they met is printed and kept under
// `test-results/`; a seed that fails is printed by its name.
import { describe, expect, it } from '@jest/globals';
import { OPEN_STATES, addMet, nothingMet } from '../process/campaigns/kill-lives.js';
import { killCampaign, type KillReport } from '../process/harness/kill-campaign.js';
import { recordResult } from '../process/harness/results.js';

const CYCLES = 50;
const SEEDS = Array.from({ length: 20 }, (_, index) => 1_000 + index);
const TEST_LIMIT_MS = 900_000;

const reports: KillReport[] = [];

describe('a loaded engine that is killed at random moments', () => {
  it.each(SEEDS)(
    'loses nothing and repeats nothing, seed %i',
    async (seed) => {
      const report = await killCampaign(CYCLES, seed);
      reports.push(report);
      process.stdout.write(`kills: ${JSON.stringify(report)}\n`);
    },
    TEST_LIMIT_MS,
  );

  it('was killed a thousand times, in every state that a kill can meet, in rotation, in snapshots and at its start', () => {
    const met = nothingMet();
    for (const report of reports) addMet(met, report.met);
    const sum = (pick: (report: KillReport) => number): number =>
      reports.reduce((total, report) => total + pick(report), 0);
    const durationMs = sum((report) => report.durationMs);
    const cycles = sum((report) => report.cycles);
    recordResult('kills', {
      cycles,
      acknowledged: sum((report) => report.acknowledged),
      lost: sum((report) => report.lost),
      recognisedAgain: sum((report) => report.recognisedAgain),
      settledBySweeps: sum((report) => report.settledBySweeps),
      met,
      seeds: reports.map((report) => report.seed),
      durationMs,
      cyclesAMinute: Math.round((cycles * 60_000) / durationMs),
    });
    expect(cycles).toBe(CYCLES * SEEDS.length);
    for (const state of OPEN_STATES) expect(met.runs[state]).toBeGreaterThan(0);
    expect(Math.min(met.startUp, met.rotation, met.snapshot)).toBeGreaterThan(0);
  });
});
