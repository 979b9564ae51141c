// Takes one line of defence out of a source while it is being transpiled; the file on disk is never touched. Which one
// is named by PAWL_MUTANT. Text that is no longer found exactly once is an error, never a mutant that does nothing.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LEDGER } from './ledger.mjs';

/** @typedef {import('./ledger.mjs').Mutant} Mutant */

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** The mutant that the environment names; undefined when it names none. @returns {Mutant | undefined} */
export function chosenMutant() {
  const id = process.env['PAWL_MUTANT'];
  if (id === undefined || id === '') return undefined;
  const found = LEDGER.find((mutant) => mutant.id === id);
  if (found === undefined) throw new Error(`No mutant is called ${id}.`);
  return found;
}

/** How a text is found however it is broken into lines. @param {string} text */
function pattern(text) {
  const words = text.trim().split(/\s+/);
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(escaped.join('\\s+'), 'g');
}

/** The source without what the mutant takes out. @param {string} source @param {Mutant} mutant */
export function mutate(source, mutant) {
  const found = [...source.matchAll(pattern(mutant.find))];
  const [hit] = found;
  if (hit === undefined || found.length > 1) {
    throw new Error(
      `Mutant ${mutant.id}: its text is ${String(found.length)} times in ${mutant.file}, not once; correct its entry in test/mutation.`,
    );
  }
  return source.slice(0, hit.index) + mutant.put + source.slice(hit.index + hit[0].length);
}

/** The source of a file as it is to be transpiled. @param {string} source @param {string} file */
export function sourceToTranspile(source, file) {
  const mutant = chosenMutant();
  if (mutant === undefined || path.resolve(root, file) !== path.join(root, mutant.file)) return source;
  return mutate(source, mutant);
}
