/**
 * The classic capture format of libpcap (draft-ietf-opsawg-pcap): one header, then records.
 *
 *      0       4      6      8         12       16        20        24
 *     +-------+------+------+---------+--------+---------+---------+
 *     | magic | major| minor| (time zone, accuracy: 0)   | snaplen | link |   file header
 *     +-------+------+------+---------+--------+---------+---------+
 *     | seconds      | fraction       | captured length  | original length | frame …   record
 *     +--------------+----------------+------------------+-----------------+------…
 *      0              4                8                  12                16
 *
 * The magic number shows the byte order of everything and the unit of the fraction.
 */

/** Length of the file header. */
export const PCAP_FILE_HEADER_BYTES = 24;
/** Length of a record's header. */
export const PCAP_RECORD_HEADER_BYTES = 16;

/** The magic number of files whose fractions are microseconds. */
export const PCAP_MAGIC_MICROSECONDS = 0xa1b2c3d4;
/** The magic number of files whose fractions are nanoseconds. */
export const PCAP_MAGIC_NANOSECONDS = 0xa1b23c4d;

/** The one version of the format that is in use. */
export const PCAP_VERSION = { major: 2, minor: 4 } as const;

/** Offsets in the file header. */
export const PCAP_HEADER_OFFSET = {
  magic: 0,
  major: 4,
  minor: 6,
  snapLength: 16,
  link: 20,
} as const;

/** Offsets in a record. */
export const PCAP_RECORD_OFFSET = {
  seconds: 0,
  fraction: 4,
  capturedLength: 8,
  originalLength: 12,
} as const;

/** In the link field: set if bits 28 to 31 hold the length of the check sequence. */
export const PCAP_LINK_HAS_FCS_LENGTH = 0x0400_0000;
