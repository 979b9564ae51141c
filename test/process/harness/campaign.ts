// Runs a program of `test/process/campaigns` as root in a mount namespace of its own and brings its report. Whatever
// becomes of the test or of the program, the mounts and loop devices are gone with the last process in there.
import { temporaryDirectory } from '../../support/engine.js';
import { Child, builtProgramsRoot, type Build } from './child.js';
import { TOOL_PATH } from './machine.js';

const ALONE = ['unshare', '--mount', '--propagation', 'private', '--'];

/** The report of a campaign; `setup` gets an empty folder as `home` and the programs' folder as `root`. */
export async function reportOf(name: string, setup: object, build: Build = 'as-it-is'): Promise<unknown> {
  const home = await temporaryDirectory();
  const child = new Child(
    name,
    { ...setup, home, root: builtProgramsRoot(build) },
    { folder: 'campaigns', through: ALONE, env: { PATH: TOOL_PATH } },
  );
  return await child.report();
}
