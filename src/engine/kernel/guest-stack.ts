/** The embedded guest's IP stack: ARP, ICMP echo and UDP echo; everything else is sunk. */
import {
  GN_IP,
  GN_MAC_HIGH,
  GN_MAC_LOW,
  G_ARP_REPLIES,
  G_ECHO_REPLIES,
  G_SUNK,
  G_TARGET_IP,
  G_TARGET_KNOWN,
  G_TARGET_MAC_HIGH,
  G_TARGET_MAC_LOW,
  G_UDP_ECHOES,
} from './layout';
import { copyBytes } from './copy';
import { state } from './guest-context';
import { txBuffer, txSend } from './guest-driver';
import { stampProbe } from './probe';
import { bump } from './thread';

export const ETHERTYPE_ARP: u32 = 0x0608; // as little-endian loads see network order
export const ETHERTYPE_IPV4: u32 = 0x0008;
const PORT_ECHO: u32 = 0x0700;

export function setMacs(frame: u32, nic: u32, low: u32, high: u32): void {
  store<u32>(frame, low);
  store<u16>(frame, u16(high), 4);
  store<u32>(frame, load<u32>(nic, GN_MAC_LOW), 6);
  store<u16>(frame, u16(load<u32>(nic, GN_MAC_HIGH)), 10);
}

export function buildArp(frame: u32, nic: u32, operation: u32, low: u32, high: u32, ip: u32): void {
  memory.fill(frame, 0, 60);
  store<u16>(frame, u16(ETHERTYPE_ARP), 12);
  store<u32>(frame, 0x00080100, 14); // Ethernet, IPv4
  store<u16>(frame, 0x0406, 18);
  store<u16>(frame, u16(operation << 8), 20);
  store<u32>(frame, load<u32>(nic, GN_MAC_LOW), 22);
  store<u16>(frame, u16(load<u32>(nic, GN_MAC_HIGH)), 26);
  store<u32>(frame, load<u32>(nic, GN_IP), 28);
  store<u32>(frame, low, 32);
  store<u16>(frame, u16(high), 36);
  store<u32>(frame, ip, 38);
}

export function onArp(nic: u32, frame: u32, length: u32): void {
  if (length < 42 || load<u32>(frame, 14) != 0x00080100 || load<u16>(frame, 18) != 0x0406)
    return sunk();
  const operation = u32(load<u16>(frame, 20)) >> 8;
  const senderLow = load<u32>(frame, 22);
  const senderHigh = u32(load<u16>(frame, 26));
  const senderIp = load<u32>(frame, 28);
  if (operation == 2 && senderIp == load<u32>(state, G_TARGET_IP)) {
    store<u32>(state, senderLow, G_TARGET_MAC_LOW);
    store<u32>(state, senderHigh, G_TARGET_MAC_HIGH);
    store<u32>(state, 1, G_TARGET_KNOWN);
  }
  const ip = load<u32>(nic, GN_IP);
  if (operation != 1 || ip == 0 || load<u32>(frame, 38) != ip) return sunk();
  const reply = txBuffer(nic);
  buildArp(reply, nic, 2, senderLow, senderHigh, senderIp);
  setMacs(reply, nic, senderLow, senderHigh);
  txSend(nic, 60);
  bump(state + G_ARP_REPLIES, 1);
}

export function sunk(): void {
  bump(state + G_SUNK, 1);
}

/** Answers ICMP echo (RFC 792) and UDP echo (RFC 862), probes with an account. Returns false for everything else. */
export function onIpv4(nic: u32, frame: u32, length: u32, now: f64): bool {
  const ip = load<u32>(nic, GN_IP);
  if (length < 34 || load<u8>(frame, 14) != 0x45 || ip == 0 || load<u32>(frame, 30) != ip)
    return false;
  const total = u32(bswap<u16>(load<u16>(frame, 16)));
  if (total < 28 || total + 14 > length) return false;
  const protocol = u32(load<u8>(frame, 23));
  const isEcho = protocol == 1 && load<u8>(frame, 34) == 8;
  const isUdpEcho = protocol == 17 && u32(load<u16>(frame, 36)) == PORT_ECHO;
  if (!isEcho && !isUdpEcho) return false;
  const reply = txBuffer(nic);
  copyBytes(reply, frame, length);
  setMacs(reply, nic, load<u32>(frame, 6), u32(load<u16>(frame, 10)));
  store<u32>(reply, ip, 26);
  store<u32>(reply, load<u32>(frame, 26), 30);
  if (isEcho) {
    store<u8>(reply, 0, 34);
    // RFC 1624: the type falls by 8, so the checksum's high byte rises by 8.
    let sum = u32(bswap<u16>(load<u16>(frame, 36))) + 0x0800;
    sum = (sum & 0xffff) + (sum >>> 16);
    store<u16>(reply, bswap<u16>(u16(sum)), 36);
    bump(state + G_ECHO_REPLIES, 1);
  } else {
    store<u16>(reply, load<u16>(frame, 36), 34);
    store<u16>(reply, load<u16>(frame, 34), 36);
    // RFC 768: the checksum of a changed datagram is left out.
    if (stampProbe(state, reply + 42, total - 28, now)) store<u16>(reply, 0, 40);
    bump(state + G_UDP_ECHOES, 1);
  }
  txSend(nic, length);
  return true;
}
