// Redraws the diagram of docs/states.md from the built run machine.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { replaceDiagram } from './render-states.mjs';

const built = new URL('../dist/esm/index.js', import.meta.url);
const { runMachine } = /** @type {typeof import('../src/index.js')} */ (await import(built.href));
const page = fileURLToPath(new URL('../docs/states.md', import.meta.url));
writeFileSync(page, replaceDiagram(readFileSync(page, 'utf8'), runMachine));
