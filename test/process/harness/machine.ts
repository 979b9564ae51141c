// What a campaign needs of the machine. What a package manager can give is installed; what is missing then fails the
// test by its name. A campaign that cannot run never passes, and `npm test` needs none of this.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Debian's package of each tool. */
const PACKAGES: Readonly<Record<string, string>> = {
  'mkfs.ext4': 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  xfs_io: 'xfsprogs',
  mount: 'mount',
  umount: 'mount',
  fstrim: 'util-linux',
  losetup: 'mount',
  unshare: 'util-linux',
  strace: 'strace',
};

/** Where tools are, also those of the administrator. */
export const TOOL_PATH = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

/** What a campaign needs. */
export interface Needs {
  readonly tools: readonly string[];
  /** Root, a mount namespace of its own and loop devices. */
  readonly mounts?: boolean;
  readonly fileSystems?: readonly string[];
  /** The right to trace processes of one's own. */
  readonly tracing?: boolean;
}

/** How the machine is asked; tests put something else in its place. */
export interface Machine {
  hasTool(name: string): boolean;
  install(packages: readonly string[]): void;
  isRoot(): boolean;
  canMount(): boolean;
  hasLoopDevices(): boolean;
  knowsFileSystem(name: string): boolean;
  canTrace(): boolean;
}

/** Installs what it can and throws with the name of everything that is missing then. */
export function requireOf(
  machine: Machine,
  { tools, mounts = false, fileSystems = [], tracing = false }: Needs,
): void {
  const lacking = (): string[] => tools.filter((name) => !machine.hasTool(name));
  const packages = lacking().map((name) => PACKAGES[name] ?? name);
  if (packages.length > 0 && machine.isRoot()) machine.install([...new Set(packages)]);
  const missing = lacking().map((name) => `${name} (package ${PACKAGES[name] ?? name})`);
  if (mounts) {
    if (!machine.isRoot()) missing.push('root, to mount file systems');
    else if (!machine.canMount()) missing.push('the right to make a mount namespace (CAP_SYS_ADMIN)');
    if (!machine.hasLoopDevices()) missing.push('loop devices (/dev/loop-control)');
  }
  for (const name of fileSystems)
    if (!machine.knowsFileSystem(name)) missing.push(`the file system ${name} in the kernel`);
  if (tracing && missing.length === 0 && !machine.canTrace())
    missing.push('the right to trace processes (ptrace)');
  if (missing.length === 0) return;
  throw new Error(
    `This machine cannot run this campaign, so nothing was tried. Missing: ${missing.join(', ')}.`,
  );
}

function succeeds(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { env: { PATH: TOOL_PATH }, stdio: 'ignore' }).status === 0;
}

/** The machine we are on. */
export const thisMachine: Machine = {
  hasTool: (name) =>
    TOOL_PATH.split(':').some((folder) => {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    }),
  install(packages) {
    process.stdout.write(`installing ${packages.join(' ')} with apt-get\n`);
    succeeds('apt-get', 'update', '-qq');
    succeeds('apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...packages);
  },
  isRoot: () => process.getuid?.() === 0,
  canMount: () => succeeds('unshare', '--mount', '--propagation', 'private', 'true'),
  hasLoopDevices: () => existsSync('/dev/loop-control'),
  canTrace: () => succeeds('strace', '-f', '-o', '/dev/null', 'true'),
  knowsFileSystem(name) {
    succeeds('modprobe', name);
    return readFileSync('/proc/filesystems', 'utf8').split(/\s+/).includes(name);
  },
};

/** Installs what this machine lacks, or throws with what is missing. */
export function requireMachine(needs: Needs): void {
  requireOf(thisMachine, needs);
}
