// The transform of the suites while a mutant is tried: types taken off, one source changed before. It is light, since
// the suites are started once for each mutant, and what is not changed is kept by jest from one start to the next.
import { createHash } from 'node:crypto';
import { sourceToTranspile } from './apply.mjs';

const VERSION = '1';

/** @param {string} text @param {string} file */
async function processAsync(text, file) {
  const { default: ts } = await import('typescript');
  const { outputText } = ts.transpileModule(sourceToTranspile(text, file), {
    fileName: file,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      inlineSourceMap: true,
    },
  });
  return { code: outputText };
}

/** @param {string} text @param {string} file */
function getCacheKey(text, file) {
  return createHash('sha256')
    .update(`${VERSION}\n${file}\n${sourceToTranspile(text, file)}`)
    .digest('hex')
    .slice(0, 32);
}

export default { processAsync, getCacheKey };
