// The sources of the project as the tidy test reads them: text and syntax tree, never executed.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

/** Folder of the project. */
export const ROOT = process.cwd();

/** A source file. */
export interface SourceFile {
  /** From the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly tree: ts.SourceFile;
}

/** An import or re-export of another module. */
export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** Names taken from it; empty for a namespace or default import. */
  readonly names: readonly string[];
  readonly typeOnly: boolean;
}

/** Every file under a folder, or nothing when there is no such folder. Generated folders are left out. */
export function filesUnder(folder: string): string[] {
  const absolute = path.join(ROOT, folder);
  if (!existsSync(absolute)) return [];
  return readdirSync(absolute)
    .filter((name) => !['node_modules', 'peers', 'results'].includes(name))
    .flatMap((name) => {
      const inside = path.posix.join(folder, name);
      return statSync(path.join(ROOT, inside)).isDirectory() ? filesUnder(inside) : [inside];
    });
}

/** The sources under a folder. */
export function sourcesUnder(folder: string): SourceFile[] {
  return filesUnder(folder)
    .filter((file) => /\.(ts|mjs|js)$/.test(file))
    .map(readSource);
}

/** Reads one source. */
export function readSource(file: string): SourceFile {
  const text = readFileSync(path.join(ROOT, file), 'utf8');
  return parseSource(file, text);
}

/** Parses a text as the source of a file that need not exist. */
export function parseSource(file: string, text: string): SourceFile {
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  return { path: file, text, lines: text.replace(/\n$/, '').split('\n'), tree };
}

/** Every node of a tree, parents first. */
export function nodesOf(root: ts.Node): ts.Node[] {
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    nodes.push(node);
    ts.forEachChild(node, visit);
  };
  visit(root);
  return nodes;
}

/** `path:line` of a node. */
export function placeOf(source: SourceFile, node: ts.Node): string {
  return `${source.path}:${String(lineOf(source, node))}`;
}

/** What a source imports and re-exports, dynamic imports of literal names included. */
export function importsOf(source: SourceFile): Import[] {
  return nodesOf(source.tree).flatMap((node) => {
    const found = importOf(node);
    return found === undefined ? [] : [{ ...found, line: lineOf(source, node) }];
  });
}

function importOf(node: ts.Node): Omit<Import, 'line'> | undefined {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const bindings = node.importClause?.namedBindings;
    const elements = bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements : [];
    const allTypes = elements.length > 0 && elements.every((element) => element.isTypeOnly);
    return {
      specifier: node.moduleSpecifier.text,
      names: elements.map((element) => (element.propertyName ?? element.name).text),
      typeOnly: node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword || allTypes,
    };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
    const names = exportedElements(node).map((element) => (element.propertyName ?? element.name).text);
    return { specifier: node.moduleSpecifier.text, names, typeOnly: node.isTypeOnly };
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [argument] = node.arguments;
    if (argument !== undefined && ts.isStringLiteral(argument)) {
      return { specifier: argument.text, names: [], typeOnly: false };
    }
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return ts.isStringLiteral(node.argument.literal)
      ? { specifier: node.argument.literal.text, names: [], typeOnly: true }
      : undefined;
  }
  return undefined;
}

/** The names of an `export { … }`. */
export function exportedElements(node: ts.ExportDeclaration): readonly ts.ExportSpecifier[] {
  return node.exportClause !== undefined && ts.isNamedExports(node.exportClause)
    ? node.exportClause.elements
    : [];
}

/** The file of the project that a relative import means. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const target = path.posix.join(path.posix.dirname(from), specifier);
  return target.replace(/\.js$/, '.ts');
}

/** The text of every comment with its line. */
export function commentsOf(source: SourceFile): { text: string; line: number }[] {
  const seen = new Map<number, { text: string; line: number }>();
  for (const node of nodesOf(source.tree)) {
    for (const range of ts.getLeadingCommentRanges(source.text, node.getFullStart()) ?? []) note(range);
    for (const range of ts.getTrailingCommentRanges(source.text, node.getEnd()) ?? []) note(range);
  }
  return [...seen.values()];

  function note(range: ts.CommentRange): void {
    const line = source.tree.getLineAndCharacterOfPosition(range.pos).line + 1;
    seen.set(range.pos, { text: source.text.slice(range.pos, range.end), line });
  }
}

function lineOf(source: SourceFile, node: ts.Node): number {
  return source.tree.getLineAndCharacterOfPosition(node.getStart(source.tree)).line + 1;
}
