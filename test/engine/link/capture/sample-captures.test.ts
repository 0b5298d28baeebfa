import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../../../src/engine/link/capture/open-capture';
import { readDestinationMac } from '../../../../src/engine/wire/ethernet';
import type { FrameSummary } from '../../../../src/engine/wire/frame-summary';
import { decodeFrame } from '../../../../src/engine/wire/frame-summary';
import { readVlanId } from '../../../../src/engine/wire/vlan';
import type { CaptureCounts } from '../../../support/independent-capture-reader';
import { countCapture } from '../../../support/independent-capture-reader';
import { REPOSITORY_ROOT } from '../../../support/repository';
import { makeTemporaryFolder } from '../../../support/temporary-folder';

const SAMPLES = ['sample-office.pcapng', 'sample-web.pcap'] as const;
const VMS = [
  '02:00:5e:10:00:01/10',
  '02:00:5e:10:00:02/10',
  '02:00:5e:20:00:01/20',
  '02:00:5e:20:00:02/20',
];

function samplePath(name: string): string {
  return join(REPOSITORY_ROOT, 'resources/captures', name);
}

/** The same counts as the independent reader's, through the engine's reader. */
async function countWithEngine(path: string): Promise<CaptureCounts> {
  const counts: CaptureCounts = { frames: 0, bytes: 0, byDestination: new Map(), durationNs: 0n };
  await readCapture(
    path,
    (timestampNs, bytes, offset, length) => {
      const vlanId = readVlanId(bytes, offset, length);
      const key = `${readDestinationMac(bytes, offset)}/${vlanId}`;
      const count = counts.byDestination.get(key) ?? { frames: 0, bytes: 0 };
      counts.byDestination.set(key, { frames: count.frames + 1, bytes: count.bytes + length });
      counts.frames += 1;
      counts.bytes += length;
      counts.durationNs = BigInt(timestampNs);
    },
    { timestampOrigin: 'first-frame', chunkBytes: 1000 },
  );
  return counts;
}

async function summariesOf(path: string): Promise<FrameSummary[]> {
  const summaries: FrameSummary[] = [];
  await readCapture(path, (_, bytes, offset, length) =>
    summaries.push(decodeFrame(bytes, offset, length)),
  );
  return summaries;
}

/** Kinds of all layers, and every checksum that does not hold. */
function layersOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = 'kind' in value && typeof value.kind === 'string' ? [value.kind] : [];
  const wrong = 'isChecksumValid' in value && value.isChecksumValid === false ? ['wrong-sum'] : [];
  return [...own, ...wrong, ...Object.values(value).flatMap((part: unknown) => layersOf(part))];
}

describe.each(SAMPLES)('%s', (name) => {
  it('has the same frames for two readers that share no code', async () => {
    const counts = await countWithEngine(samplePath(name));
    expect(counts).toEqual(countCapture(readFileSync(samplePath(name))));
  });

  it('has frames for every VM of the sample lab and some for nobody, within about two seconds', () => {
    const { byDestination, frames, durationNs } = countCapture(readFileSync(samplePath(name)));
    const keys = [...byDestination.keys()];
    expect(keys).toEqual(expect.arrayContaining(VMS));
    expect(keys.filter((key) => key.startsWith('02:00:5e:99'))).not.toEqual([]);
    expect(keys.filter((key) => key.startsWith('ff:'))).not.toEqual([]);
    expect(keys.filter((key) => key.startsWith('01:00:5e'))).not.toEqual([]);
    expect(frames).toBeGreaterThan(200);
    expect(Number(durationNs)).toBeGreaterThan(1.8e9);
    expect(Number(durationNs)).toBeLessThanOrEqual(2e9);
  });

  it('holds whole ARP, ICMP and UDP frames with valid checksums, from 64 to 1514 bytes', async () => {
    const summaries = await summariesOf(samplePath(name));
    const kinds = new Set(summaries.flatMap(layersOf));
    const lengths = summaries.map((frame) => (frame.kind === 'ethernet' ? frame.lengthBytes : 0));
    expect([...kinds].sort()).toEqual(['arp', 'ethernet', 'icmp', 'ipv4', 'udp']);
    expect(Math.min(...lengths)).toBe(64);
    expect(Math.max(...lengths)).toBe(1514);
  });

  it('is below 40 KB', () => {
    expect(readFileSync(samplePath(name)).length).toBeLessThan(40_000);
  });
});

describe('make-sample-captures', () => {
  it('writes the samples that are in the repository', () => {
    const folder = makeTemporaryFolder('samples');
    const script = join(REPOSITORY_ROOT, 'scripts/make-sample-captures.mjs');
    execFileSync(process.execPath, [script, folder.path]);
    const isSame = SAMPLES.map((name) =>
      readFileSync(join(folder.path, name)).equals(readFileSync(samplePath(name))),
    );
    folder.remove();
    expect(isSame).toEqual([true, true]);
  });
});
