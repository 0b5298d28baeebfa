/** Addresses for senders of our own, next to the station that they talk to. */
import {
  ipv4AddressFromNumber,
  ipv4AddressToNumber,
  type Ipv4Address,
} from '../../shared/ipv4-address';

/** The address with host part `host` in the same /24, or the one below where that is the station itself. */
export function neighbourOf(station: Ipv4Address, host: number): Ipv4Address {
  const number = ipv4AddressToNumber(station);
  const network = number - (number % 256);
  const isTaken = network + host === number;
  return ipv4AddressFromNumber(network + host - (isTaken ? 1 : 0));
}
