/**
 * Writes the two sample captures of the sample lab: what its clients send to its VMs in two seconds. Seeded, so that
 * every run writes the same bytes (a test compares them). It shares no code with the engine, so that the samples test
 * the engine's readers.
 *
 * Usage: node scripts/make-sample-captures.mjs [FOLDER]
 * FOLDER is resources/captures unless told otherwise.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { ROOT } from './lib/run.mjs';

/**
 * @typedef {{ mac: string, ip: string, vlan: number }} Station
 * @typedef {{ atMicroseconds: number, bytes: Buffer }} Frame
 * @typedef {{ station: Station, target: Station, random: () => number, sequence: number }} Occasion
 * @typedef {{ weight: number, make: (occasion: Occasion) => Buffer }} TrafficKind
 */

const DURATION_MICROSECONDS = 2_000_000;
/** 2024-05-06 08:00:00 UTC, a Monday morning. */
const START_SECONDS = 1_714_982_400;
const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const UNKNOWN_STATION = '02:00:5e:99:00:01';
const HEADERS_BYTES = 18 + 20 + 8;
const SHORTEST_BYTES = 64;
const LONGEST_BYTES = 1514;

/** @type {Station[]} */
const VMS = [
  { mac: '02:00:5e:10:00:01', ip: '10.0.10.11', vlan: 10 },
  { mac: '02:00:5e:10:00:02', ip: '10.0.10.12', vlan: 10 },
  { mac: '02:00:5e:20:00:01', ip: '10.0.20.11', vlan: 20 },
  { mac: '02:00:5e:20:00:02', ip: '10.0.20.12', vlan: 20 },
];

/**
 * Numbers from 0 to 1, the same for the same seed: a linear congruential generator modulo 2^32,
 * whose high bits are used.
 * @param {number} seed
 */
function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
}

/**
 * @template T
 * @param {readonly T[]} items
 * @param {() => number} random
 */
function pick(items, random) {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

/** @param {string} mac */
function macOctets(mac) {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}

/** @param {string} ip */
function ipOctets(ip) {
  return Buffer.from(ip.split('.').map(Number));
}

/** @param {number[]} values */
function uint16s(...values) {
  const bytes = Buffer.alloc(2 * values.length);
  values.forEach((value, index) => bytes.writeUInt16BE(value, 2 * index));
  return bytes;
}

/** @param {Buffer} bytes */
function checksum(bytes) {
  const even = Buffer.concat([bytes, Buffer.alloc(bytes.length % 2)]);
  let sum = 0;
  for (let at = 0; at < even.length; at += 2) sum += even.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/**
 * A tagged frame, filled with zeros to 64 bytes.
 * @param {string} destination
 * @param {Station} from
 * @param {number} etherType
 * @param {Buffer} payload
 */
function taggedFrame(destination, from, etherType, payload) {
  const addresses = [macOctets(destination), macOctets(from.mac)];
  const frame = Buffer.concat([...addresses, uint16s(0x8100, from.vlan, etherType), payload]);
  return Buffer.concat([frame, Buffer.alloc(Math.max(0, SHORTEST_BYTES - frame.length))]);
}

/**
 * @param {Station} from
 * @param {string} toIp
 * @param {number} protocol
 * @param {number} identification
 * @param {Buffer} payload
 */
function ipv4Packet(from, toIp, protocol, identification, payload) {
  const start = uint16s(0x4500, 20 + payload.length, identification, 0x4000, 0x4000 + protocol);
  const addresses = Buffer.concat([ipOctets(from.ip), ipOctets(toIp)]);
  const sum = checksum(Buffer.concat([start, addresses]));
  return Buffer.concat([start, uint16s(sum), addresses, payload]);
}

/**
 * @param {Station} from
 * @param {string} toIp
 * @param {readonly [number, number]} ports
 * @param {Buffer} data
 */
function udpDatagram(from, toIp, [sourcePort, destinationPort], data) {
  const length = 8 + data.length;
  const pseudoHeader = Buffer.concat([ipOctets(from.ip), ipOctets(toIp), uint16s(17, length)]);
  const header = uint16s(sourcePort, destinationPort, length);
  const sum = checksum(Buffer.concat([pseudoHeader, header, data])) || 0xffff;
  return Buffer.concat([header, uint16s(sum), data]);
}

/**
 * Data that is neither constant nor random, so that a shifted copy shows.
 * @param {number} length
 * @param {number} start
 */
function countingData(length, start) {
  return Buffer.from(Array.from({ length }, (_, index) => (start + index) & 0xff));
}

/** @param {Occasion} occasion */
function arpRequest({ station, target }) {
  const fixed = uint16s(1, 0x0800, 0x0604, 1);
  const sender = [macOctets(station.mac), ipOctets(station.ip)];
  const packet = Buffer.concat([fixed, ...sender, Buffer.alloc(6), ipOctets(target.ip)]);
  return taggedFrame(BROADCAST, station, 0x0806, packet);
}

/** @param {Occasion} occasion */
function arpReply({ station, target }) {
  const fixed = uint16s(1, 0x0800, 0x0604, 2);
  const sender = [macOctets(station.mac), ipOctets(station.ip)];
  const packet = Buffer.concat([fixed, ...sender, macOctets(target.mac), ipOctets(target.ip)]);
  return taggedFrame(target.mac, station, 0x0806, packet);
}

/** @param {Occasion} occasion */
function ping({ station, target, sequence }) {
  const identifier = macOctets(station.mac).readUInt16BE(4);
  const data = countingData(56, 0x10);
  const sum = checksum(Buffer.concat([uint16s(0x0800, 0, identifier, sequence), data]));
  const message = Buffer.concat([uint16s(0x0800, sum, identifier, sequence), data]);
  return taggedFrame(
    target.mac,
    station,
    0x0800,
    ipv4Packet(station, target.ip, 1, sequence, message),
  );
}

/**
 * A kind of UDP traffic to one port, with frames of the given lengths.
 * @param {number} port
 * @param {readonly number[]} frameLengths
 * @returns {(occasion: Occasion) => Buffer}
 */
function udpTo(port, frameLengths) {
  return ({ station, target, random, sequence }) => {
    const data = countingData(pick(frameLengths, random) - HEADERS_BYTES, sequence);
    const sourcePort = 49_152 + Math.floor(random() * 1000);
    const datagram = udpDatagram(station, target.ip, [sourcePort, port], data);
    const packet = ipv4Packet(station, target.ip, 17, sequence, datagram);
    return taggedFrame(target.mac, station, 0x0800, packet);
  };
}

/**
 * A kind of UDP traffic to an address that is no VM's; `VLAN` in `ip` becomes the VLAN's number.
 * @param {string} mac
 * @param {string} ip
 * @param {number} port
 * @returns {(occasion: Occasion) => Buffer}
 */
function udpElsewhere(mac, ip, port) {
  return (occasion) => {
    const { vlan } = occasion.target;
    const target = { mac, ip: ip.replace('VLAN', String(vlan)), vlan };
    return udpTo(port, [90, 120])({ ...occasion, target });
  };
}

/**
 * Frames at times that come in small bursts, as from people and programs.
 * @param {number} seed
 * @param {number} frameCount
 * @param {readonly TrafficKind[]} kinds
 * @returns {Frame[]}
 */
function makeFrames(seed, frameCount, kinds) {
  const random = seededRandom(seed);
  const weights = kinds.reduce((sum, kind) => sum + kind.weight, 0);
  const gaps = Array.from({ length: frameCount }, () => {
    const isWithinBurst = random() < 0.6;
    return isWithinBurst ? 0.02 + 0.05 * random() : -Math.log(1 - random());
  });
  const total = gaps.reduce((sum, gap) => sum + gap, 0);
  let elapsed = 0;
  return gaps.map((gap, sequence) => {
    elapsed += gap;
    const target = pick(VMS, random);
    const number = 1 + Math.floor(random() * 12);
    const station = {
      mac: `02:00:5e:cc:00:${number.toString(16).padStart(2, '0')}`,
      ip: `10.0.${target.vlan}.${100 + number}`,
      vlan: target.vlan,
    };
    let choice = random() * weights;
    const kind = kinds.find(({ weight }) => (choice -= weight) < 0) ?? pick(kinds, random);
    const atMicroseconds = Math.floor((elapsed / total) * DURATION_MICROSECONDS);
    return { atMicroseconds, bytes: kind.make({ station, target, random, sequence }) };
  });
}

/** A morning in the office: names, files, pings, and what every network chatters. */
const OFFICE = makeFrames(0x0ff1ce, 240, [
  { weight: 8, make: arpRequest },
  { weight: 6, make: arpReply },
  { weight: 20, make: ping },
  { weight: 24, make: udpTo(53, [74, 82, 96]) },
  { weight: 24, make: udpTo(5060, [64, 128, 190]) },
  { weight: 1, make: udpTo(2049, [LONGEST_BYTES]) },
  { weight: 4, make: udpElsewhere('01:00:5e:00:00:fb', '224.0.0.251', 5353) },
  { weight: 3, make: udpElsewhere(BROADCAST, '255.255.255.255', 67) },
  { weight: 3, make: udpElsewhere(UNKNOWN_STATION, '10.0.VLAN.199', 9) },
]);

/** Clients of web servers: many short requests, now and then a long upload. */
const WEB = makeFrames(0x0eb, 250, [
  { weight: 2, make: arpRequest },
  { weight: 4, make: ping },
  { weight: 60, make: udpTo(443, [64, 70, 78, 92]) },
  { weight: 3, make: udpTo(443, [600, 1200, LONGEST_BYTES]) },
  { weight: 1, make: udpElsewhere('01:00:5e:7f:ff:fa', '239.255.255.250', 1900) },
  { weight: 2, make: udpElsewhere(UNKNOWN_STATION, '10.0.VLAN.199', 9) },
]);

/**
 * A pcap file: little-endian, microseconds.
 * @param {readonly Frame[]} frames
 */
function pcapFile(frames) {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262_144, 16);
  header.writeUInt32LE(1, 20);
  const records = frames.flatMap(({ atMicroseconds, bytes }) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(START_SECONDS + Math.floor(atMicroseconds / 1_000_000), 0);
    record.writeUInt32LE(atMicroseconds % 1_000_000, 4);
    record.writeUInt32LE(bytes.length, 8);
    record.writeUInt32LE(bytes.length, 12);
    return [record, bytes];
  });
  return Buffer.concat([header, ...records]);
}

/**
 * @param {number} type
 * @param {Buffer} body
 */
function pcapngBlock(type, body) {
  const padding = Buffer.alloc((4 - (body.length % 4)) % 4);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(12 + body.length + padding.length);
  const header = Buffer.alloc(4);
  header.writeUInt32LE(type);
  return Buffer.concat([header, length, body, padding, length]);
}

/**
 * A pcapng file: little-endian, one interface with nanoseconds, and its statistics at the end.
 * @param {readonly Frame[]} frames
 */
function pcapngFile(frames) {
  const section = Buffer.from('4d3c2b1a01000000ffffffffffffffff', 'hex');
  // Ethernet, 262144 bytes; if_name "uplink0", if_tsresol 9, end of options.
  const description = Buffer.from('010000000000040002000700', 'hex');
  const name = Buffer.from('uplink0\0', 'latin1');
  const resolution = Buffer.from('090001000900000000000000', 'hex');
  const packets = frames.map(({ atMicroseconds, bytes }) => {
    const ticks = BigInt(START_SECONDS) * 1_000_000_000n + BigInt(atMicroseconds) * 1000n;
    const fixed = Buffer.alloc(20);
    fixed.writeUInt32LE(Number(ticks >> 32n), 4);
    fixed.writeUInt32LE(Number(ticks & 0xffffffffn), 8);
    fixed.writeUInt32LE(bytes.length, 12);
    fixed.writeUInt32LE(bytes.length, 16);
    return pcapngBlock(6, Buffer.concat([fixed, bytes]));
  });
  return Buffer.concat([
    pcapngBlock(0x0a0d0d0a, section),
    pcapngBlock(1, Buffer.concat([description, name, resolution])),
    ...packets,
    pcapngBlock(5, Buffer.alloc(12)),
  ]);
}

const folder = resolve(ROOT, process.argv[2] ?? 'resources/captures');
mkdirSync(folder, { recursive: true });
for (const [name, bytes] of /** @type {const} */ ([
  ['sample-office.pcapng', pcapngFile(OFFICE)],
  ['sample-web.pcap', pcapFile(WEB)],
])) {
  writeFileSync(join(folder, name), bytes);
  process.stdout.write(`${name}: ${bytes.length} bytes\n`);
}
