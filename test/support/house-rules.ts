// The house rules as functions from sources to breaches, one line each with its place, so that the tidy test can
// also show each rule a text that breaks it.
import path from 'node:path';
import ts from 'typescript';
import {
  commentsOf,
  exportedElements,
  importsOf,
  nodesOf,
  placeOf,
  resolveImport,
  type SourceFile,
} from './source.js';

/** What a folder of src may import; `src/*.ts` are sorted in by name, the rest of them being the `engine`. */
type Layer =
  | 'base'
  | 'domain'
  | 'machines'
  | 'projections'
  | 'decisions'
  | 'journal'
  | 'recovery'
  | 'middle'
  | 'engine'
  | 'outside';

const BASE = ['base', 'domain'] as const;
const BELOW_RECOVERY = [...BASE, 'machines', 'projections', 'decisions', 'journal'] as const;

const MAY_IMPORT: Readonly<Record<Layer, readonly Layer[]>> = {
  base: ['base'],
  domain: BASE,
  machines: [...BASE, 'machines'],
  projections: [...BASE, 'machines', 'projections'],
  decisions: [...BASE, 'machines', 'projections', 'decisions'],
  journal: [...BASE, 'machines', 'journal'],
  recovery: [...BELOW_RECOVERY, 'recovery'],
  middle: [...BELOW_RECOVERY, 'recovery', 'middle'],
  engine: [...BELOW_RECOVERY, 'recovery', 'middle', 'engine'],
  outside: [...BELOW_RECOVERY, 'recovery', 'middle', 'engine', 'outside'],
};

const BASE_FILES = ['errors', 'clock', 'host-clock', 'logger'];
const MIDDLE = ['commands', 'scheduling', 'execution', 'observe'];

/** Files of src/journal that may read projections: recovery, loading a projection, the offline tools, and the door. */
const RECOVERY =
  /^src\/journal\/(recovery[\w-]*|load-projection[\w-]*|offline-[\w-]*|snapshot-projection[\w-]*|index)\.ts$/;

/** The layer of a file of src. */
export function layerOf(file: string): Layer {
  const [, folder = '', name] = file.split('/');
  if (name === undefined) {
    const base = folder.replace(/\.ts$/, '');
    if (BASE_FILES.includes(base)) return 'base';
    return base === 'options' ? 'middle' : 'engine';
  }
  if (folder === 'journal') return RECOVERY.test(file) ? 'recovery' : 'journal';
  if (MIDDLE.includes(folder)) return 'middle';
  if (folder === 'cli' || folder === 'testing') return 'outside';
  return folder in MAY_IMPORT ? (folder as Layer) : 'engine';
}

/** Imports against the direction of the layers. */
export function importsAgainstTheFlow(source: SourceFile): string[] {
  const layer = layerOf(source.path);
  return importsOf(source).flatMap(({ specifier, line }) => {
    const target = resolveImport(source.path, specifier);
    if (target === undefined) return [];
    const refused = !MAY_IMPORT[layer].includes(layerOf(target));
    return refused
      ? [`${source.path}:${String(line)} (${layer}) imports ${target} (${layerOf(target)})`]
      : [];
  });
}

/** Cycles of files that import each other, types included; each as the way around it. */
export function importCycles(sources: readonly SourceFile[]): string[] {
  const targets = new Map(sources.map((source) => [source.path, localImports(source)]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, way: readonly string[]): void => {
    const at = way.indexOf(file);
    if (at >= 0) cycles.push([...way.slice(at), file].join(' → '));
    if (at >= 0 || done.has(file)) return;
    for (const target of targets.get(file) ?? []) visit(target, [...way, file]);
    done.add(file);
  };
  for (const source of sources) visit(source.path, []);
  return cycles;
}

function localImports(source: SourceFile): string[] {
  return importsOf(source).flatMap(({ specifier }) => resolveImport(source.path, specifier) ?? []);
}

const PACKAGES: Readonly<Record<string, RegExp>> = {
  rxjs: /^src\//,
  'crc-32': /^src\/journal\//,
  // Version 6 will differ: xstate stays where machines are written and where they are shown.
  xstate: /^src\/(machines|observe)\//,
};

/** Imports of packages that do not belong there, and of Node outside the host implementations. */
export function foreignImports(source: SourceFile): string[] {
  return importsOf(source).flatMap(({ specifier, line, names }) => {
    if (specifier.startsWith('.')) return specifier.endsWith('.js') ? [] : [`${specifier} lacks its .js`];
    const name = specifier.split('/')[0] ?? '';
    // Node sees no names in this CommonJS package: a named import would work in the tests only.
    if (specifier === 'crc-32' && names.length > 0) return [`${source.path} imports names from crc-32`];
    const fine = specifier.startsWith('node:')
      ? isHost(source.path) || isPureNode(specifier, names)
      : (PACKAGES[name]?.test(source.path) ?? false);
    return fine ? [] : [`${source.path}:${String(line)} imports ${specifier}`];
  });
}

/** Buffers, digests, checksums and joined paths are computed; they touch nothing of the machine. */
const PURE_NODE: Readonly<Record<string, readonly string[]>> = {
  'node:buffer': ['Buffer', 'isAscii', 'isUtf8'],
  'node:crypto': ['createHash', 'hash', 'Hash'],
  'node:path': ['basename', 'dirname', 'join'],
  'node:zlib': ['crc32'],
};

function isPureNode(specifier: string, names: readonly string[]): boolean {
  const pure = PURE_NODE[specifier] ?? [];
  return names.length > 0 && names.every((name) => pure.includes(name));
}

function isHost(file: string): boolean {
  return /\/host-[\w-]+\.ts$/.test(file) || file.startsWith('src/cli/');
}

const HOST_GLOBALS = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'performance',
  'process',
  'fetch',
  'require',
];
const HOST_MEMBERS = ['Date.now', 'Math.random', 'crypto.randomUUID', 'crypto.getRandomValues'];

/** Calls of the host's time, chance and process outside its own implementations. */
export function hostCalls(source: SourceFile): string[] {
  if (isHost(source.path)) return [];
  return nodesOf(source.tree).flatMap((node) => {
    const used = hostCall(node);
    return used === undefined ? [] : [`${placeOf(source, node)} uses ${used}`];
  });
}

function hostCall(node: ts.Node): string | undefined {
  if (ts.isNewExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'Date') {
    return 'new Date';
  }
  if (ts.isPropertyAccessExpression(node)) {
    const member = node.getText();
    return HOST_MEMBERS.find((name) => member === name || member === `globalThis.${name}`);
  }
  if (!ts.isIdentifier(node) || !HOST_GLOBALS.includes(node.text)) return undefined;
  const { parent } = node;
  const isName =
    (ts.isPropertyAccessExpression(parent) &&
      parent.name === node &&
      parent.expression.getText() !== 'globalThis') ||
    (ts.isPropertyAssignment(parent) && parent.name === node) ||
    ts.isMethodDeclaration(parent) ||
    ts.isMethodSignature(parent) ||
    ts.isPropertySignature(parent);
  return isName ? undefined : node.text;
}

/** A file that does not open with one to six lines of comment that say what it guarantees. */
export function missingHeader(source: SourceFile): string[] {
  const first = source.lines.findIndex((line) => !line.startsWith('//') && !line.startsWith('#!'));
  const shebang = source.lines[0]?.startsWith('#!') === true ? 1 : 0;
  const header = (first < 0 ? source.lines.length : first) - shebang;
  return header >= 1 && header <= 6 ? [] : [`${source.path} opens with ${String(header)} lines of comment`];
}

/** A file with too many lines. */
export function longFile(source: SourceFile, limit: number): string[] {
  const { length } = source.lines;
  return length > limit ? [`${source.path} has ${String(length)} lines, more than ${String(limit)}`] : [];
}

/** Functions with too many lines. */
export function longFunctions(source: SourceFile, limit: number): string[] {
  return nodesOf(source.tree).flatMap((node) => {
    if (!ts.isFunctionLike(node)) return [];
    const lines = node.getText().split('\n').length;
    return lines > limit ? [`${placeOf(source, node)} has a function of ${String(lines)} lines`] : [];
  });
}

/** File names that are not kebab-case. */
export function oddNames(files: readonly string[]): string[] {
  return files.filter((file) => !/^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/.test(path.posix.basename(file)));
}

/** Exported declarations without a doc comment. */
export function undocumentedExports(source: SourceFile): string[] {
  return source.tree.statements.flatMap((statement) => {
    const exported =
      ts.canHaveModifiers(statement) &&
      (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    if (!exported || isLaterOverload(statement, source)) return [];
    const documented = ts.getJSDocCommentsAndTags(statement).some((doc) => ts.isJSDoc(doc));
    return documented ? [] : [`${placeOf(source, statement)} exports without a doc comment`];
  });
}

function isLaterOverload(statement: ts.Statement, source: SourceFile): boolean {
  if (!ts.isFunctionDeclaration(statement)) return false;
  const before = source.tree.statements[source.tree.statements.indexOf(statement) - 1];
  return (
    before !== undefined && ts.isFunctionDeclaration(before) && before.name?.text === statement.name?.text
  );
}

/** `export *` and default exports: every name is exported by name. */
export function unnamedExports(source: SourceFile): string[] {
  return source.tree.statements.flatMap((statement) => {
    const star = ts.isExportDeclaration(statement) && statement.exportClause === undefined;
    const renamed =
      ts.isExportDeclaration(statement) &&
      exportedElements(statement).some((element) => element.name.text === 'default');
    return star || renamed || ts.isExportAssignment(statement)
      ? [`${placeOf(source, statement)} exports without a name`]
      : [];
  });
}

/** Casts that switch the compiler off: to `any`, or through `unknown`. */
export function blindCasts(source: SourceFile): string[] {
  return nodesOf(source.tree).flatMap((node) => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) return [`${placeOf(source, node)} says any`];
    if (!ts.isAsExpression(node) || !ts.isAsExpression(node.expression)) return [];
    const through = node.expression.type.kind === ts.SyntaxKind.UnknownKeyword;
    return through ? [`${placeOf(source, node)} casts through unknown`] : [];
  });
}

const SILENCERS =
  /eslint-(disable|enable)|@ts-(ignore|nocheck|expect-error)|prettier-ignore|istanbul ignore|c8 ignore/;
const LEFT_OVER = /\b(TODO|FIXME|XXX|HACK)\b/;

/** Comments that silence a check or leave work for later. */
export function silencersAndLeftOvers(source: SourceFile): string[] {
  return commentsOf(source).flatMap(({ text, line }) => {
    const found = SILENCERS.exec(text) ?? LEFT_OVER.exec(text);
    return found === null ? [] : [`${source.path}:${String(line)} says ${found[0]}`];
  });
}

const TEST_WORDS = ['it', 'test', 'describe'];
const OFF_WORDS = ['skip', 'only', 'todo', 'failing', 'fails', 'skipIf'];
const ALIASES = ['xit', 'xtest', 'xdescribe', 'fit', 'fdescribe', 'pending'];

/** Tests that are switched off, or that switch the others off. */
export function switchedOffTests(source: SourceFile): string[] {
  return nodesOf(source.tree).flatMap((node) => {
    const off =
      (ts.isPropertyAccessExpression(node) &&
        OFF_WORDS.includes(node.name.text) &&
        TEST_WORDS.includes(node.expression.getText().split('.')[0] ?? '')) ||
      (ts.isCallExpression(node) &&
        ts.isIdentifier(node.expression) &&
        ALIASES.includes(node.expression.text));
    return off ? [`${placeOf(source, node)} is ${node.getText().split('(')[0] ?? ''}`] : [];
  });
}
