import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_ADAPTER_PROFILE,
  adapterProfileSchema,
  offeredQueues,
  queueWeight,
  type AdapterProfile,
} from '../../src/contract/vmq';

const FOLDER = join(import.meta.dirname, '../../resources/adapters');
const shipped = readdirSync(FOLDER).map((file) => ({
  file,
  profile: adapterProfileSchema.parse(JSON.parse(readFileSync(join(FOLDER, file), 'utf8'))),
}));

/** Paths of the rules that a profile breaks. */
function faults(part: Partial<AdapterProfile>): string[] {
  const parsed = adapterProfileSchema.safeParse({ ...DEFAULT_ADAPTER_PROFILE, ...part });
  return parsed.success ? [] : parsed.error.issues.map(({ path }) => path.join('.'));
}

describe('an adapter profile', () => {
  it('is shipped for a 10 GbE of NDIS 6.20 with lookahead split, a faster 6.30 one and a slow one', () => {
    expect(shipped.map(({ file }) => file)).toEqual(
      shipped.map(({ profile }) => `${profile.id}.json`),
    );
    const [dynamic, lookahead, office] = shipped.map(({ profile }) => profile);
    expect(dynamic).toMatchObject({ ndisRevision: '6.30', linkSpeedGbps: 25 });
    expect(lookahead).toMatchObject({
      ndisRevision: '6.20',
      linkSpeedGbps: 10,
      lookaheadSplit: { minBytes: 64, maxBytes: 128 },
    });
    expect(office?.linkSpeedGbps).toBeLessThan(10);
  });

  it('has a filter for each queue', () => {
    expect(faults({ numReceiveFilters: 64 })).toEqual([]);
    expect(faults({ numReceiveFilters: 63 })).toEqual(['numReceiveFilters']);
  });

  it('§6.6 rule 4: has as many interrupt vectors as its queues need: each its own up to 16, and 16 above', () => {
    expect(faults({ msixVectors: 16 })).toEqual([]);
    expect(faults({ msixVectors: 15 })).toEqual(['msixVectors']);
    expect(faults({ numQueues: 8, msixVectors: 8 })).toEqual([]);
    expect(faults({ numQueues: 8, msixVectors: 7 })).toEqual(['msixVectors']);
  });

  it('has a vector for every queue where vectors cannot be shared', () => {
    const old = { ndisRevision: '6.20', dynamicAffinity: false, vectorCoalescing: false } as const;
    expect(faults({ ...old, numQueues: 20, msixVectors: 20 })).toEqual([]);
    expect(faults({ ...old, numQueues: 20, msixVectors: 19 })).toEqual(['msixVectors']);
  });

  it('moves queues and shares vectors from NDIS 6.30 on, and not before', () => {
    expect(faults({ dynamicAffinity: false })).toEqual(['dynamicAffinity']);
    expect(faults({ vectorCoalescing: false, msixVectors: 64 })).toEqual(['vectorCoalescing']);
    expect(faults({ ndisRevision: '6.20' })).toEqual(['dynamicAffinity', 'vectorCoalescing']);
  });

  it('splits frames on NDIS 6.20 alone, within a range', () => {
    const lookaheadSplit = { minBytes: 64, maxBytes: 128 };
    expect(faults({ lookaheadSplit })).toEqual(['lookaheadSplit']);
    const old = { ndisRevision: '6.20', dynamicAffinity: false, vectorCoalescing: false } as const;
    expect(faults({ ...old, lookaheadSplit })).toEqual([]);
    expect(faults({ ...old, lookaheadSplit: { minBytes: 129, maxBytes: 128 } })).toEqual([
      'lookaheadSplit',
    ]);
  });

  it('limits the queues that an adapter offers', () => {
    const profile = { ...DEFAULT_ADAPTER_PROFILE, numQueues: 7 };
    expect(offeredQueues({ queueCount: 16, profile })).toBe(7);
    expect(offeredQueues({ queueCount: 4, profile })).toBe(4);
    expect(offeredQueues({ queueCount: 64 })).toBe(64);
  });
});

describe('the weight of a queue request', () => {
  it('is 100 when nothing is said, and 0 when no queue is wanted', () => {
    expect(queueWeight({ mode: 'automatic' })).toBe(100);
    expect(queueWeight({ mode: 'processor', weight: 30 })).toBe(30);
    expect(queueWeight({ mode: 'automatic', weight: 0 })).toBe(0);
    expect(queueWeight({ mode: 'none' })).toBe(0);
  });
});
