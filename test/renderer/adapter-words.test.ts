import { describe, expect, it } from 'vitest';
import { ADAPTER_EVENTS, ADAPTER_STATES, DEFAULT_ADAPTER_PROFILE } from '../../src/contract/vmq';
import { nextAdapterState } from '../../src/engine/ndis/adapter-state';
import { EVENT_WORDS, profileWords, whyNotEvent } from '../../src/renderer/format/adapter-words';

describe('whyNotEvent', () => {
  it('allows in each state exactly what the engine allows', () => {
    for (const event of ADAPTER_EVENTS)
      for (const state of ADAPTER_STATES)
        expect(whyNotEvent(event, state) === '', `${event} while ${state}`).toBe(
          nextAdapterState(state, event) !== 'illegal',
        );
  });

  it('says in which states it would be possible', () => {
    expect(whyNotEvent('halt', 'halted')).toBe(
      'It is halted; it must be running or paused or removed.',
    );
  });
});

describe('EVENT_WORDS', () => {
  it('says of every event what it takes away and what stays', () => {
    const taking = ADAPTER_EVENTS.filter((event) => EVENT_WORDS[event].goes !== '');
    expect(taking).toEqual(['pause', 'reset', 'halt', 'surprise-removal']);
    expect(ADAPTER_EVENTS.every((event) => EVENT_WORDS[event].stays !== '')).toBe(true);
  });
});

describe('profileWords', () => {
  it('names what tells adapters apart', () => {
    expect(profileWords(DEFAULT_ADAPTER_PROFILE)).toBe(
      'NDIS 6.30, 10 Gbit/s, 64 VM queues, 256 filters, 64 vectors, filters by VLAN',
    );
    const old = { ...DEFAULT_ADAPTER_PROFILE, lookaheadSplit: { minBytes: 14, maxBytes: 128 } };
    expect(profileWords({ ...old, vlanFiltering: false })).toContain(
      'no VLAN filtering, lookahead split',
    );
  });
});
