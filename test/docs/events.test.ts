// docs/events.md names every event with its fields and every log line, and nothing else; so does the code.
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { EVENT_TYPES } from '../../src/domain/events.js';
import { ENGINE_EVENT_CODECS } from '../../src/journal/event-codecs-engine.js';
import { ATTEMPT_EVENT_CODECS } from '../../src/journal/event-codecs-attempt.js';
import { NOUN_EVENT_CODECS } from '../../src/journal/event-codecs-noun.js';
import { RUN_EVENT_CODECS } from '../../src/journal/event-codecs-run.js';
import { codeSpans, readPage, tableRows } from '../support/pages.js';
import { nodesOf, readSource, sourcesUnder, type SourceFile } from '../support/source.js';

const page = readPage('docs/events.md');
const format = readPage('docs/journal-format.md');

const events = tableRows(page, ['event', 'fields', 'when']).map(([name = '', fields = '', when = '']) => ({
  name: String(codeSpans(name)[0]),
  fields: codeSpans(fields),
  when,
}));

/** The fields of each event in `EventFields`, optional ones with a question mark. */
const declared = new Map(
  nodesOf(readSource('src/domain/events.ts').tree)
    .filter((node) => ts.isInterfaceDeclaration(node) && node.name.text === 'EventFields')
    .flatMap((node) => (ts.isInterfaceDeclaration(node) ? [...node.members] : []))
    .flatMap((member): [string, string[]][] => {
      if (!ts.isPropertySignature(member) || member.type === undefined) return [];
      return [[member.name.getText(), fieldsOf(member.type)]];
    }),
);

function fieldsOf(type: ts.TypeNode): string[] {
  if (!ts.isTypeLiteralNode(type)) return [];
  return type.members.flatMap((field) =>
    field.name === undefined ? [] : [field.name.getText() + (field.questionToken === undefined ? '' : '?')],
  );
}

describe('the events of docs/events.md', () => {
  it('are those of the union, in its order', () => {
    expect(events.map((event) => event.name)).toEqual([...EVENT_TYPES]);
  });

  it.each(events)('$name has the fields of its type', ({ name, fields }) => {
    expect(declared.has(name)).toBe(true);
    expect(fields).toEqual(declared.get(name));
  });

  it('have as many fields as are written', () => {
    const codecs = {
      ...ENGINE_EVENT_CODECS,
      ...RUN_EVENT_CODECS,
      ...ATTEMPT_EVENT_CODECS,
      ...NOUN_EVENT_CODECS,
    };
    const written = EVENT_TYPES.map((type) => [type, codecs[type].fields]);
    expect(events.map((event) => [event.name, event.fields.length])).toEqual(written);
  });

  it('have the fields of the format page, in the order on disk', () => {
    let before: string[] = [];
    const onDisk = tableRows(format, ['code', 'event', 'fields']).map(([code, name, fields = '']) => {
      if (fields !== 'the same')
        before = fields === '' ? [] : fields.split(', ').map((field) => String(field.split(' ')[0]));
      return [Number(code), name, ...before];
    });
    expect(onDisk).toEqual(events.map((event, code) => [code, event.name, ...event.fields]));
  });

  it('are marked as not decided yet when nothing decides them, and only then', () => {
    const made = new Set(sourcesUnder('src').filter(decides).flatMap(madeIn));
    const marked = events.filter((event) => event.when.startsWith('Not yet')).map((event) => event.name);
    expect(marked).toEqual(EVENT_TYPES.filter((type) => !made.has(type)));
  });
});

function decides(source: SourceFile): boolean {
  return !/^src\/(journal|projections|observe|testing)\//.test(source.path);
}

/** The values of `type` in object literals. */
function madeIn(source: SourceFile): string[] {
  return nodesOf(source.tree).flatMap((node) => {
    if (!ts.isPropertyAssignment(node) || node.name.getText() !== 'type') return [];
    return ts.isStringLiteral(node.initializer) ? [node.initializer.text] : [];
  });
}

interface LogLine {
  readonly level: string;
  readonly component: string;
  readonly message: string;
  readonly fields: readonly string[];
  /** True when fields come from a value and not from the line itself. */
  readonly spread: boolean;
}

const LEVELS = ['debug', 'info', 'warn', 'error'];

/** A file that is handed its logger by this one logs under the same component. */
const HANDED: Readonly<Record<string, string>> = {
  'src/execution/attempt-times.ts': 'handler',
  'src/journal/recovery-snapshot.ts': 'recovery',
};

const logged = sourcesUnder('src').flatMap((source) =>
  nodesOf(source.tree).flatMap((node) => {
    const line = logLine(node, componentOf(source));
    return line === undefined ? [] : [line];
  }),
);

function componentOf(source: SourceFile): string {
  const [, name] = /withFields\([^{]*\{\s*component: '(\w+)'/.exec(source.text) ?? [];
  return name ?? HANDED[source.path] ?? 'none';
}

function logLine(node: ts.Node, component: string): LogLine | undefined {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return undefined;
  const { name, expression } = node.expression;
  const [given, message] = node.arguments;
  if (!LEVELS.includes(name.text) || !/(^|\.)logger(\(\w*\))?$/.test(expression.getText())) return undefined;
  if (message === undefined || !ts.isStringLiteral(message)) return undefined;
  const literal = given !== undefined && ts.isObjectLiteralExpression(given) ? given.properties : undefined;
  const named = (literal ?? []).filter((property) => !ts.isSpreadAssignment(property));
  const own = named.find((property) => property.name?.getText() === 'component');
  return {
    level: name.text,
    component: own === undefined ? component : own.getText().replace(/^component: '(\w+)'$/, '$1'),
    message: message.text,
    fields: named
      .flatMap((property) => property.name?.getText() ?? [])
      .filter((field) => field !== 'component'),
    spread: named.length !== literal?.length,
  };
}

const lines = tableRows(page, ['level', 'component', 'message', 'fields', 'when']).map(
  ([level = '', component = '', message = '', fields = '']) => ({
    level,
    component,
    message,
    fields: codeSpans(fields),
  }),
);

const keyOf = (line: Pick<LogLine, 'level' | 'component' | 'message'>): string =>
  `${line.level} ${line.component} ${line.message}`;

describe('the log lines of docs/events.md', () => {
  it('are those of the code, each once, and no others', () => {
    expect(lines.map(keyOf).sort()).toEqual([...new Set(logged.map(keyOf))].sort());
    expect(new Set(lines.map(keyOf)).size).toBe(lines.length);
  });

  it.each(logged)('$component: $message has its fields', (line) => {
    const told = lines.find((each) => keyOf(each) === keyOf(line))?.fields ?? [];
    const names = told.map((field) => field.replace('?', ''));
    expect(names).toEqual(expect.arrayContaining([...line.fields]));
    const untold = names.filter((name) => !line.fields.includes(name));
    expect(line.spread ? [] : untold).toEqual([]);
  });
});
