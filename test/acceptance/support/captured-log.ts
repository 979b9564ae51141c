// A pino logger whose lines are kept: what an operator would read, field by field.
import { afterEach, expect } from '@jest/globals';
import { pino } from 'pino';
import type { Logger } from '../../../src/logger.js';

/** A line as pino wrote it: level, message, component and fields. */
export type LogLine = Readonly<Record<string, unknown>> & {
  readonly level: string;
  readonly msg: string;
};

/** A logger for one test. */
export interface CapturedLog {
  readonly logger: Logger;
  readonly lines: readonly LogLine[];
  /** Every line with the message. */
  all(message: string): LogLine[];
  /** The only line with the message. */
  one(message: string): LogLine;
}

const logs: CapturedLog[] = [];

afterEach(() => {
  for (const log of logs.splice(0)) {
    expect(log.lines.filter((line) => typeof line['component'] !== 'string')).toEqual([]);
  }
});

/** Makes a logger that takes every level. When the test ends, every line must have had a `component`. */
export function captured(): CapturedLog {
  const log = capturedLog();
  logs.push(log);
  return log;
}

function capturedLog(): CapturedLog {
  const lines: LogLine[] = [];
  const logger = pino(
    {
      level: 'debug',
      base: null,
      timestamp: false,
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write(text: string): void {
        lines.push(JSON.parse(text) as LogLine);
      },
    },
  );
  const all = (message: string): LogLine[] => lines.filter((line) => line.msg === message);
  return {
    logger,
    lines,
    all,
    one(message) {
      const [line, ...more] = all(message);
      if (line === undefined || more.length > 0) {
        throw new Error(
          `${String(all(message).length)} lines "${message}" among ${lines.map((each) => each.msg).join(', ')}`,
        );
      }
      return line;
    },
  };
}
