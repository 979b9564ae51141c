// Draws the run machine for docs/states.md: the Mermaid diagram and the edges, both read from the machine itself.

/**
 * The part of a machine that is drawn.
 * @typedef {{ key: string, type: string, transitions: ReadonlyMap<string, readonly { target?: readonly { key: string }[] | undefined }[]> }} DrawnState
 * @typedef {{ states: Readonly<Record<string, DrawnState>>, root: { initial: { target: readonly { key: string }[] } } }} DrawnMachine
 */

/**
 * Edges as `[from, to, event]`, in the order in which the machine lists them.
 * @param {DrawnMachine} machine
 * @returns {[from: string, to: string, event: string][]}
 */
export function edgesOf(machine) {
  /** @type {[string, string, string][]} */
  const edges = [];
  for (const state of Object.values(machine.states)) {
    for (const [event, transitions] of state.transitions) {
      for (const transition of transitions) {
        for (const target of transition.target ?? []) edges.push([state.key, target.key, event]);
      }
    }
  }
  return edges;
}

/**
 * A Mermaid `stateDiagram-v2`, fence included.
 * @param {DrawnMachine} machine
 * @returns {string}
 */
export function renderStates(machine) {
  const lines = [
    '```mermaid',
    'stateDiagram-v2',
    ...machine.root.initial.target.map((first) => `    [*] --> ${first.key}`),
  ];
  for (const [from, to, event] of edgesOf(machine)) lines.push(`    ${from} --> ${to}: ${event}`);
  for (const state of Object.values(machine.states)) {
    if (state.type === 'final') lines.push(`    ${state.key} --> [*]`);
  }
  return [...lines, '```'].join('\n');
}

/** Lines between which the diagram stands in the page. */
export const BEGIN = '<!-- drawn from runMachine by `npm run docs:states` -->';
export const END = '<!-- end of the drawing -->';

/**
 * The page with its diagram replaced.
 * @param {string} page
 * @param {DrawnMachine} machine
 * @returns {string}
 */
export function replaceDiagram(page, machine) {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`docs/states.md must hold the lines ${BEGIN} and ${END}`);
  return `${page.slice(0, begin)}${BEGIN}\n${renderStates(machine)}\n${page.slice(end)}`;
}
