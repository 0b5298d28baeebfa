/** Touches as many mebibytes as its argument says, and ends. */
const MIB = 2 ** 20;
const PAGE_BYTES = 4096;

const bytes = new Uint8Array(Number(process.argv[2]) * MIB);
for (let at = 0; at < bytes.length; at += PAGE_BYTES) bytes[at] = 1;
