import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ipv4AddressFromNumber,
  ipv4AddressToNumber,
  isMulticastIpv4,
  parseIpv4Address,
  tryParseIpv4Address,
} from '../../src/shared/ipv4-address';

describe('an IPv4 address', () => {
  it('is a number with the first octet highest', () => {
    expect(ipv4AddressToNumber(parseIpv4Address('10.0.10.11'))).toBe(0x0a000a0b);
    expect(ipv4AddressToNumber(parseIpv4Address('255.255.255.255'))).toBe(0xffffffff);
  });

  it('survives the way through text', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (number) => {
        const text = ipv4AddressFromNumber(number);
        expect(ipv4AddressToNumber(parseIpv4Address(text))).toBe(number);
      }),
    );
  });

  it.each([
    '',
    '10.0.10',
    '10.0.10.11.12',
    '10.0.10.256',
    '10.0.010.11',
    '10.0.10.-1',
    '10.0.10.1 ',
  ])('refuses %j', (text) => {
    expect(tryParseIpv4Address(text)).toBeUndefined();
    expect(() => parseIpv4Address(text)).toThrow(
      expect.objectContaining({ code: 'ipv4-address-invalid', data: { found: text } }),
    );
  });

  it('is a group from 224.0.0.0 to 239.255.255.255', () => {
    const texts = ['223.255.255.255', '224.0.0.0', '239.255.255.255', '240.0.0.0'];
    expect(texts.map(parseIpv4Address).map(isMulticastIpv4)).toEqual([false, true, true, false]);
  });
});
