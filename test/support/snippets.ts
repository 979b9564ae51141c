// The TypeScript of a page as one module: a block sees what the blocks before it declared, and may declare it anew.
// Type-checked against the sources, with the options of the project.
import path from 'node:path';
import ts from 'typescript';
import type { CodeBlock } from './pages.js';
import { ROOT } from './source.js';

/** A page's blocks, with what they take for granted. */
export interface Snippets {
  readonly page: string;
  readonly blocks: readonly CodeBlock[];
  /** Declarations that the blocks use and do not make. */
  readonly prelude?: string;
}

/** The blocks as one module. */
export function moduleOf({ blocks, prelude = '' }: Snippets): string {
  const imports = new Set(prelude.split('\n').filter(isImport).flatMap(importLines));
  const rest: string[] = [
    prelude
      .split('\n')
      .filter((line) => !isImport(line))
      .join('\n'),
  ];
  for (const { code } of blocks) {
    const lines = code.split('\n');
    for (const line of lines.filter(isImport).flatMap(importLines)) imports.add(line);
    rest.push('{', ...lines.filter((line) => !isImport(line)));
  }
  return [...imports, ...rest, '}'.repeat(blocks.length), 'export {};'].join('\n');
}

function isImport(line: string): boolean {
  return line.startsWith('import ');
}

/** One import a name, so that two blocks may import the same. */
function importLines(line: string): string[] {
  const match = /^import (type )?\{ (.+) \} from '(.+)';$/.exec(line);
  if (match === null) throw new Error(`A snippet imports names on one line, not: ${line}`);
  const [, type = '', names = '', from = ''] = match;
  return names.split(', ').map((name) => `import ${type}{ ${name} } from '${from}';`);
}

/** Sources that were parsed before: they do not change while tests run. */
const parsed = new Map<string, ts.SourceFile | undefined>();

/** What the compiler says about the modules: page and message, one line each. */
export function complaintsAbout(pages: readonly Snippets[]): string[] {
  const texts = new Map(
    pages.map((page, index) => [path.join(ROOT, 'test', `snippets-${String(index)}.ts`), moduleOf(page)]),
  );
  const options = compilerOptions();
  const files = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...files,
    fileExists: (file) => texts.has(file) || files.fileExists(file),
    readFile: (file) => texts.get(file) ?? files.readFile(file),
    getSourceFile: (file, languageVersion) => {
      const text = texts.get(file);
      if (text !== undefined) return ts.createSourceFile(file, text, languageVersion, true);
      if (!parsed.has(file)) parsed.set(file, files.getSourceFile(file, languageVersion));
      return parsed.get(file);
    },
  };
  const program = ts.createProgram([...texts.keys()], options, host);
  return [...texts.keys()].flatMap((file, index) => {
    const source = program.getSourceFile(file);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map((each) => `${pages[index]?.page ?? ''}: ${flat(each.messageText)}`);
  });
}

function flat(message: string | ts.DiagnosticMessageChain): string {
  return ts.flattenDiagnosticMessageText(message, ' ');
}

/** The JavaScript of a block, as an ES module. */
export function javaScriptOf(code: string): string {
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  return ts.transpileModule(code, { compilerOptions }).outputText;
}

function compilerOptions(): ts.CompilerOptions {
  const file = path.join(ROOT, 'tsconfig.json');
  const read = ts.readConfigFile(file, (name) => ts.sys.readFile(name));
  return ts.parseJsonConfigFileContent(read.config, { ...ts.sys, readDirectory: () => [] }, ROOT).options;
}
