// Writes docs/durability-mutants.md: what is taken out, where, and which test fails without it.
import { readFileSync, writeFileSync } from 'node:fs';

/** @typedef {import('../test/mutation/ledger.mjs').Mutant} Mutant */

const PAGE = 'docs/durability-mutants.md';
const TABLE = '| mutant | file | taken out | caught by |';

/** @param {readonly Mutant[]} ledger @param {(mutant: Mutant) => string} caughtBy */
export function writePage(ledger, caughtBy) {
  const page = readFileSync(PAGE, 'utf8');
  const head = page.slice(0, page.indexOf(TABLE));
  const rows = ledger.map((mutant) => {
    const { id, file, out } = mutant;
    return `| ${id} | ${file.replace('src/journal/', '')} | ${out} | ${cell(caughtBy(mutant))} |`;
  });
  writeFileSync(PAGE, `${head}${TABLE}\n|---|---|---|---|\n${rows.join('\n')}\n`);
}

/** @param {string} found */
function cell(found) {
  const [suite = '', ...title] = found.split(' › ');
  if (title.length === 0) return found === '' ? 'not tried yet' : found;
  return `\`${suite}\` › ${titleInSource(suite, title.join(' › ')).replaceAll('|', '\\|')}`;
}

/** The title as it stands in the suite, where a table of cases may fill it in. @param {string} suite @param {string} title */
function titleInSource(suite, title) {
  const literals = readFileSync(suite, 'utf8').matchAll(/'((?:[^'\\\n]|\\.)+)'|"([^"\n]+)"/g);
  const titles = Array.from(
    literals,
    ([, single, double]) => double ?? (single ?? '').replaceAll("\\'", "'"),
  );
  if (titles.includes(title)) return title;
  const fits = titles.filter((text) => /%[sidj]|\$\w/.test(text) && patternOf(text).test(title));
  return fits.sort((left, right) => right.length - left.length)[0] ?? title;
}

/** @param {string} text */
function patternOf(text) {
  const escaped = text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/%[sidj]|\\\$\w+/g, '.*')}$`);
}
