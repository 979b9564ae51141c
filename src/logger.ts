// The logger that is injected: the four levels Pawl uses, in pino's order of arguments, so that a pino logger
// fits as it is. Without one nothing is written anywhere.

/** Fields of a line; payloads and tokens never appear in them. */
export type LogFields = Readonly<Record<string, unknown>>;

/** What Pawl needs of a logger; pino's fits. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

const drop = (): void => undefined;

/** Writes nothing. */
export const silentLogger: Logger = Object.freeze({ debug: drop, info: drop, warn: drop, error: drop });

/** A logger that adds fields to every line. */
export function withFields(logger: Logger, fields: LogFields): Logger {
  if (logger === silentLogger) return logger;
  return {
    debug: (more, message) => {
      logger.debug({ ...fields, ...more }, message);
    },
    info: (more, message) => {
      logger.info({ ...fields, ...more }, message);
    },
    warn: (more, message) => {
      logger.warn({ ...fields, ...more }, message);
    },
    error: (more, message) => {
      logger.error({ ...fields, ...more }, message);
    },
  };
}
