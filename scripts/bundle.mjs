// Bundles src into the few files that the package is loaded from: one a door, and the chunks that doors share, in ESM
// and in CommonJS. A class is in one chunk, so it is the same through every door; what a door does not need is not in a
// chunk that it loads. Comments go, names and lines stay, so that a stack trace can be read.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { rollup } from '@rollup/wasm-node';
import ts from 'typescript';

/** @typedef {{ root: string, format: 'es' | 'cjs', into: string, entries: string[], cache?: import('@rollup/wasm-node').RollupCache | undefined }} Bundle */

/** What a chunk that several doors share is called, by a module that is in it. */
const CHUNKS = [
  { module: 'errors', name: 'core' },
  { module: 'open-orchestrator', name: 'engine' },
];
/** A chunk smaller than this goes into another one: a file costs more than reading what is in it. */
const LEAST_CHUNK_BYTES = 4_096;

/** The options for one file after another. @param {string} root @returns {ts.CompilerOptions} */
function compilerOptions(root) {
  const file = path.join(root, 'tsconfig.json');
  const { config } = /** @type {{ config: { compilerOptions: object } }} */ (
    ts.readConfigFile(file, (name) => readFileSync(name, 'utf8'))
  );
  const { target } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root).options;
  if (target === undefined) throw new Error('tsconfig.json names no target.');
  return { target, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true, removeComments: true };
}

/** Finds the sources of what `.js` names and takes their types off. @param {string} root @returns {import('@rollup/wasm-node').Plugin} */
function typescript(root) {
  const options = compilerOptions(root);
  return {
    name: 'typescript',
    resolveId: (id, importer) => {
      if (importer === undefined) return id;
      if (!id.startsWith('.')) return { id, external: true };
      return path.resolve(path.dirname(importer), id.replace(/\.js$/, '.ts'));
    },
    transform: (text, file) => ({
      code: ts.transpileModule(text, { fileName: file, compilerOptions: options }).outputText,
      map: null,
    }),
  };
}

/** @param {string} sources @param {{ moduleIds: string[] }} chunk */
function nameOf(sources, { moduleIds }) {
  const known = CHUNKS.find(({ module }) => moduleIds.includes(path.join(sources, `${module}.ts`)));
  return `shared/${known?.name ?? '[name]'}.js`;
}

/**
 * Writes one format, and returns what the next one need not do again.
 * @param {Bundle} bundle
 */
export async function bundle({ root, format, into, entries, cache }) {
  const sources = path.join(root, 'src');
  const build = await rollup({
    input: Object.fromEntries(entries.map((name) => [name, path.join(sources, `${name}.ts`)])),
    plugins: [typescript(root)],
    cache: cache ?? true,
    treeshake: { moduleSideEffects: 'no-external' },
    logLevel: 'warn',
    // A warning is a cycle, a name that is not there or a chunk that imports itself.
    onLog: (level, log, handle) => {
      handle(level === 'warn' ? 'error' : level, log);
    },
  });
  await build.write({
    dir: path.join(root, into),
    format,
    chunkFileNames: (chunk) => nameOf(sources, chunk),
    experimentalMinChunkSize: LEAST_CHUNK_BYTES,
    minifyInternalExports: false,
    hoistTransitiveImports: false,
    externalLiveBindings: false,
    exports: 'named',
    esModule: true,
    interop: 'auto',
    generatedCode: { preset: 'es2015', symbols: false },
  });
  await build.close();
  return build.cache;
}
