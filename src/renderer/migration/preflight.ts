/** Pre-flight of one or more VMs together: for each host, what speaks for and against it as their target. */
import type { PreflightCheck, PreflightTarget } from '../../contract/lab';
import type { HostConfig, VmConfig } from '../../contract/model';
import { MIB } from '../../shared/units';
import { formatCount, plural } from '../format/format';

/** A VM and what the lab found for it; undefined while it is being checked. */
export interface CheckedVm {
  readonly vm: VmConfig;
  readonly targets: readonly PreflightTarget[] | undefined;
}

/** One check as it came out for one VM, or for all of them alike. */
export interface Finding {
  /** Left out when it holds for all chosen VMs. */
  readonly vmName?: string;
  readonly result: PreflightCheck['result'];
  readonly reason: string;
  readonly remedy: string;
}

export interface CheckRow {
  readonly check: string;
  readonly title: string;
  /** The worst of its findings. */
  readonly result: PreflightCheck['result'];
  readonly findings: readonly Finding[];
}

export interface Target {
  readonly host: HostConfig;
  readonly isPossible: boolean;
  /** First reason against it; empty when it is possible. */
  readonly blocker: string;
  /** What to do about it. */
  readonly remedy: string;
  readonly warnings: number;
  readonly rows: readonly CheckRow[];
}

const BADNESS = { pass: 0, warning: 1, fail: 2 } as const;

/** Every host of the lab, in its order: impossible ones too. Empty while a VM is still being checked. */
export function targetsOf(
  checked: readonly CheckedVm[],
  hosts: readonly HostConfig[],
  freeBytesOf: (hostId: string) => number,
): Target[] {
  if (checked.length === 0 || checked.some(({ targets }) => !targets)) return [];
  return hosts.map((host) => {
    const rows = withSum(rowsFor(host, checked), host, checked, freeBytesOf(host.id));
    const failed = rows.find(({ result }) => result === 'fail');
    const finding = failed?.findings.find(({ result }) => result === 'fail');
    return {
      host,
      isPossible: !failed,
      blocker: finding?.reason ?? '',
      remedy: finding?.remedy ?? '',
      warnings: rows.filter(({ result }) => result === 'warning').length,
      rows,
    };
  });
}

function rowsFor(host: HostConfig, checked: readonly CheckedVm[]): CheckRow[] {
  const rows = new Map<string, { title: string; findings: Finding[] }>();
  for (const { vm, targets } of checked) {
    for (const check of checksFor(vm, host, targets ?? [])) {
      const row = rows.get(check.check) ?? { title: check.title, findings: [] };
      const { result, reason, remedy } = check;
      row.findings.push({ vmName: vm.name, result, reason, remedy });
      rows.set(check.check, row);
    }
  }
  return [...rows].map(([check, { title, findings }]) => ({
    check,
    title,
    result: worst(findings),
    findings: joined(findings, checked.length),
  }));
}

type AnyCheck = Pick<PreflightCheck, 'title' | 'result' | 'reason' | 'remedy'> & {
  readonly check: string;
};

function checksFor(
  vm: VmConfig,
  host: HostConfig,
  targets: readonly PreflightTarget[],
): readonly AnyCheck[] {
  const found = targets.find(({ hostId }) => hostId === host.id);
  if (found) return found.checks;
  return [
    {
      check: 'other-host',
      title: 'Another host',
      result: 'fail',
      reason: vm.hostId === host.id ? `${vm.name} is on ${host.name} already.` : 'It is new here.',
      remedy: 'Choose another host.',
    },
  ];
}

/** Findings that are alike for all VMs become one. */
function joined(findings: readonly Finding[], vmCount: number): Finding[] {
  const [first] = findings;
  if (!first) return [];
  const isAlike = findings.every(
    ({ result, reason, remedy }) =>
      result === first.result && reason === first.reason && remedy === first.remedy,
  );
  if (isAlike && findings.length === vmCount) {
    const { result, reason, remedy } = first;
    return [{ result, reason, remedy }];
  }
  return [...findings];
}

function worst(findings: readonly Finding[]): PreflightCheck['result'] {
  return findings.reduce<PreflightCheck['result']>(
    (bad, { result }) => (BADNESS[result] > BADNESS[bad] ? result : bad),
    'pass',
  );
}

/** Each VM may fit alone, and all of them together not. */
function withSum(
  rows: CheckRow[],
  host: HostConfig,
  checked: readonly CheckedVm[],
  freeBytes: number,
): CheckRow[] {
  const needed = checked.reduce((sum, { vm }) => sum + vm.memoryMiB * MIB, 0);
  const memory = rows.find(({ check }) => check === 'memory');
  if (checked.length < 2 || memory?.result === 'fail' || !(needed > freeBytes)) return rows;
  const sum: CheckRow = {
    check: 'memory-sum',
    title: 'Memory for all',
    result: 'fail',
    findings: [
      {
        result: 'fail',
        reason: `Together the ${plural(checked.length, 'VM')} need ${formatCount(needed / MIB)} MiB; ${formatCount(freeBytes / MIB)} MiB of ${host.name} are free.`,
        remedy: 'Choose fewer VMs, or more than one target, one after the other.',
      },
    ],
  };
  const at = memory ? rows.indexOf(memory) + 1 : rows.length;
  return [...rows.slice(0, at), sum, ...rows.slice(at)];
}
