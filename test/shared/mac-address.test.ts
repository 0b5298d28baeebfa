import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BROADCAST_MAC,
  formatMacAddress,
  isBroadcastMac,
  isLocallyAdministeredMac,
  isMulticastMac,
  macAddressFromBytes,
  macAddressFromNumbers,
  macAddressToBytes,
  macAddressToNumbers,
  parseMacAddress,
  tryParseMacAddress,
} from '../../src/shared/mac-address';

const sixBytes = fc.uint8Array({ minLength: 6, maxLength: 6 });

describe('a MAC address', () => {
  it('is the same whether it is written with colons, dashes or capitals', () => {
    expect(parseMacAddress('02-00-5E-10-00-01')).toBe(parseMacAddress('02:00:5e:10:00:01'));
  });

  it('is written with dashes and capitals when a dash is asked for', () => {
    expect(formatMacAddress(parseMacAddress('02:00:5e:10:00:01'), '-')).toBe('02-00-5E-10-00-01');
  });

  it.each([
    '',
    '02:00:5e:10:00',
    '02:00:5e:10:00:01:02',
    '02:00-5e:10:00:01',
    '02005e100001',
    '0g:00:5e:10:00:01',
    ' 02:00:5e:10:00:01',
    '02:00:5e:10:00:01\n',
    '2:0:5e:10:0:1',
  ])('refuses %j', (text) => {
    expect(tryParseMacAddress(text)).toBeUndefined();
    expect(() => parseMacAddress(text)).toThrow(
      expect.objectContaining({ code: 'mac-address-invalid', data: { found: text } }),
    );
  });

  it('survives the way through text, bytes and numbers', () => {
    fc.assert(
      fc.property(sixBytes, (bytes) => {
        const address = macAddressFromBytes(bytes);
        const { high, low } = macAddressToNumbers(address);
        expect(macAddressToBytes(parseMacAddress(formatMacAddress(address, '-')))).toEqual(bytes);
        expect(macAddressFromNumbers(high, low)).toBe(address);
        expect(high).toBeLessThanOrEqual(0xffff);
        expect(low).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('puts the first two octets into the high number', () => {
    expect(macAddressToNumbers(parseMacAddress('02:00:5e:10:00:01'))).toEqual({
      high: 0x0200,
      low: 0x5e100001,
    });
  });

  it('refuses to be read beyond the end of its bytes', () => {
    expect(() => macAddressFromBytes(new Uint8Array(8), 3)).toThrow('offset 3, got an array of 8');
    expect(() => macAddressFromBytes(new Uint8Array(8), -1)).toThrow('offset -1');
  });

  it('tells groups, everyone and locally administered stations apart', () => {
    const vm = parseMacAddress('02:00:5e:10:00:01');
    const group = parseMacAddress('01:00:5e:00:00:fb');
    expect([vm, group, BROADCAST_MAC].map(isMulticastMac)).toEqual([false, true, true]);
    expect([vm, group, BROADCAST_MAC].map(isBroadcastMac)).toEqual([false, false, true]);
    expect([vm, group].map(isLocallyAdministeredMac)).toEqual([true, false]);
  });
});
