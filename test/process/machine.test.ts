// A campaign that the machine does not let run fails with everything that is missing, after installing what it may.
import { describe, expect, it } from '@jest/globals';
import { requireOf, type Machine } from './harness/machine.js';

const NEEDS = { tools: ['strace', 'xfs_io', 'mkfs.xfs'], mounts: true, fileSystems: ['ext4', 'xfs'] };

/** A machine that has everything, but for what is said; what is installed is there afterwards. */
function machine(
  lacks: Partial<Machine> & { readonly tools?: readonly string[]; readonly offline?: boolean },
): {
  machine: Machine;
  installed: string[];
} {
  const { tools = [], offline = false, ...rest } = lacks;
  const installed: string[] = [];
  const here: Machine = {
    hasTool: (name) => !tools.includes(name) || (!offline && installed.length > 0),
    install: (packages) => installed.push(...packages),
    isRoot: () => true,
    canMount: () => true,
    hasLoopDevices: () => true,
    knowsFileSystem: () => true,
    canTrace: () => true,
    ...rest,
  };
  return { machine: here, installed };
}

describe('what a campaign needs of the machine', () => {
  it('is asked for nothing when it is there', () => {
    const { machine: here, installed } = machine({});
    requireOf(here, NEEDS);
    expect(installed).toEqual([]);
  });

  it('is installed, each package once', () => {
    const { machine: here, installed } = machine({ tools: ['xfs_io', 'mkfs.xfs', 'strace'] });
    requireOf(here, NEEDS);
    expect(installed).toEqual(['strace', 'xfsprogs']);
  });

  it('is named when it could not be installed', () => {
    const { machine: here } = machine({ tools: ['xfs_io'], offline: true });
    expect(() => {
      requireOf(here, NEEDS);
    }).toThrow('nothing was tried. Missing: xfs_io (package xfsprogs).');
  });

  it('is not installed by somebody else than root, and everything is named at once', () => {
    const { machine: here, installed } = machine({
      tools: ['strace'],
      isRoot: () => false,
      hasLoopDevices: () => false,
      knowsFileSystem: (name) => name === 'ext4',
    });
    expect(() => {
      requireOf(here, NEEDS);
    }).toThrow(
      'Missing: strace (package strace), root, to mount file systems, loop devices (/dev/loop-control), the file system xfs in the kernel.',
    );
    expect(installed).toEqual([]);
  });

  it('includes a mount namespace of its own', () => {
    const { machine: here } = machine({ canMount: () => false });
    expect(() => {
      requireOf(here, NEEDS);
    }).toThrow('the right to make a mount namespace');
    requireOf(here, { tools: [] });
  });

  it('includes the right to trace', () => {
    const { machine: here } = machine({ canTrace: () => false });
    expect(() => {
      requireOf(here, { tools: ['strace'], tracing: true });
    }).toThrow('Missing: the right to trace processes (ptrace).');
    requireOf(here, NEEDS);
  });
});
