// Writes docs/durability-mutants.md: what is taken out, where, and which test fails without it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** @typedef {import('../test/mutation/ledger.mjs').Mutant} Mutant */

const PAGE = 'docs/durability-mutants.md';
const UNTRIED = 'not tried yet';
const TABLE = '| mutant | file | taken out | caught by |';

/** Writes a row for each mutant; one that was not tried here keeps what the page says of it.
 * @param {readonly Mutant[]} ledger @param {(mutant: Mutant) => string | undefined} caughtBy */
export function writePage(ledger, caughtBy) {
  const page = readFileSync(PAGE, 'utf8');
  const head = page.slice(0, page.indexOf(TABLE));
  const rows = ledger.map((mutant) => {
    const found = caughtBy(mutant);
    return `${beginOf(mutant)}${found === undefined ? (saidOf(mutant) ?? UNTRIED) : cell(found)} |`;
  });
  writeFileSync(PAGE, `${head}${TABLE}\n|---|---|---|---|\n${rows.join('\n')}\n`);
}

/** The suite that caught it when the page was written, if one did. @param {Mutant} mutant @returns {string[]} */
export function caughtBefore(mutant) {
  const suite = /^`([^`]+)`/.exec(saidOf(mutant) ?? '')?.[1];
  return suite !== undefined && existsSync(suite) ? [suite] : [];
}

/** @param {Mutant} mutant */
function beginOf({ id, file, out }) {
  return `| ${id} | ${file.replace('src/journal/', '')} | ${out} | `;
}

/** The last cell of its row, when there is one for the mutant as it is. @param {Mutant} mutant */
function saidOf(mutant) {
  const begin = beginOf(mutant);
  const row = readFileSync(PAGE, 'utf8')
    .split('\n')
    .find((line) => line.startsWith(begin));
  return row?.slice(begin.length, -2);
}

/** @param {string} found */
function cell(found) {
  const [suite = '', ...title] = found.split(' › ');
  if (title.length === 0) return UNTRIED;
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
  const fits = titles.filter((text) => /%[sdifjop]|\$\w/.test(text) && patternOf(text).test(title));
  return fits.sort((left, right) => right.length - left.length)[0] ?? title;
}

/** @param {string} text */
function patternOf(text) {
  const escaped = text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/%[sdifjop]|\\\$\w+/g, '.*')}$`);
}
