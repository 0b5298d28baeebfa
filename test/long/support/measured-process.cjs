/**
 * The entry of engine processes as it was built, with one addition: at SIGUSR2 the process collects
 * garbage and writes one line of JSON about itself to standard error.
 */
const { writeSync } = require('node:fs');
const path = require('node:path');
const { setFlagsFromString } = require('node:v8');
const { createContext, runInContext } = require('node:vm');

const STANDARD_ERROR = 2;

setFlagsFromString('--expose-gc');
// A context that is made after the flag was set has the function.
const context = createContext();

process.on('SIGUSR2', () => {
  runInContext('gc()', context);
  const { heapUsed, external } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  const measured = { pid: process.pid, heapUsed, external, resources };
  writeSync(STANDARD_ERROR, `${JSON.stringify({ measured })}\n`);
});

require(path.join(__dirname, '../../../out/main/engine-host.js'));
