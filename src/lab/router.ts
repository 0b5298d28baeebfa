/**
 * The lab's contract over oRPC. Launchers serve it to each page's connection. Refusals cross the
 * border as the typed error `REFUSED`; input that breaks the schema is refused as `invalid-value`
 * with the path of the field.
 */
import { implement, ORPCError, ValidationError } from '@orpc/server';

import { refusalErrors, type Refusal } from '../contract/errors';
import { labContract } from '../contract/lab';
import { CONTRACT_VERSION } from '../contract/version';
import { RefusalError, refusalText } from '../shared/refusal-error';
import type { Lab } from './lab';
import { refusal } from './refusals';

export interface LabRouterOptions {
  readonly productVersion: string;
}

/** The handlers of every command of the lab. */
export function labRouter(lab: Lab, options: LabRouterOptions) {
  const os = implement(labContract).use(async ({ next }) => {
    try {
      return await next();
    } catch (error) {
      throw asRefused(error);
    }
  });
  return os.router({
    hello: os.hello.handler(({ input }) => {
      requireVersion(input.contractVersion);
      return { contractVersion: CONTRACT_VERSION, productVersion: options.productVersion };
    }),
    watch: os.watch.handler(({ signal }) => lab.watch(signal)),
    events: os.events.handler(({ input, signal }) => lab.events(input.after, signal)),

    openSampleLab: os.openSampleLab.handler(() => done(lab.whole.openSample())),
    clearLab: os.clearLab.handler(() => done(lab.whole.clear())),

    adapterProfiles: os.adapterProfiles.handler(() => lab.adapters.profiles()),
    createHost: os.createHost.handler(({ input }) => lab.hosts.create(input)),
    deleteHost: os.deleteHost.handler(({ input }) => done(lab.hosts.delete(input))),
    restartHost: os.restartHost.handler(({ input }) => done(lab.hosts.restart(input))),
    setAdapter: os.setAdapter.handler(({ input }) => done(lab.adapters.set(input))),

    adapterEvent: os.adapterEvent.handler(({ input }) => done(lab.adapters.liveThrough(input))),

    createVm: os.createVm.handler(({ input }) => lab.vms.create(input)),
    updateVm: os.updateVm.handler(({ input }) => done(lab.vms.update(input))),
    deleteVm: os.deleteVm.handler(({ input }) => done(lab.vms.delete(input))),
    startVm: os.startVm.handler(({ input }) => done(lab.vms.start(input))),
    stopVm: os.stopVm.handler(({ input }) => done(lab.vms.stop(input))),
    suggestMac: os.suggestMac.handler(() => ({ mac: lab.suggestMac() })),

    addLink: os.addLink.handler(({ input }) => done(lab.links.add(input))),
    startLink: os.startLink.handler(({ input }) => done(lab.links.start(input))),
    stopLink: os.stopLink.handler(({ input }) => done(lab.links.stop(input))),
    removeLink: os.removeLink.handler(({ input }) => done(lab.links.remove(input))),

    migrate: os.migrate.handler(({ input }) => lab.migrations.start(input)),
    setMigrationLimits: os.setMigrationLimits.handler(({ input }) =>
      done(lab.migrations.limit(input)),
    ),
    cancelMigration: os.cancelMigration.handler(({ input }) => {
      lab.migrations.cancel(input);
      return {};
    }),
    evacuateHost: os.evacuateHost.handler(({ input }) => lab.migrations.evacuate(input)),
    preflight: os.preflight.handler(({ input }) => lab.migrations.preflight(input)),
    injectFault: os.injectFault.handler(({ input }) => done(lab.migrations.inject(input))),

    startExperiment: os.startExperiment.handler(({ input }) => lab.experiments.start(input)),
    cancelExperiment: os.cancelExperiment.handler(({ input }) => {
      lab.experiments.cancel(input);
      return {};
    }),

    dismissNotice: os.dismissNotice.handler(({ input }) => {
      lab.notices.dismiss(input.id);
      return {};
    }),
  });
}

/** The answer of a command that has nothing to say. */
async function done(command: Promise<void>): Promise<Record<string, never>> {
  await command;
  return {};
}

function requireVersion(found: number): void {
  if (found === CONTRACT_VERSION) return;
  throw refusal({
    code: 'contract-version',
    what: 'This page does not fit this program.',
    why: `Expected contract version ${CONTRACT_VERSION}, found ${found}.`,
    remedy: 'Reload the page.',
  });
}

/** Refusals and broken input as `REFUSED`; any other error unchanged. */
function asRefused(error: unknown): unknown {
  if (error instanceof RefusalError) return refused(error.refusal);
  if (
    error instanceof ORPCError &&
    error.code === 'BAD_REQUEST' &&
    error.cause instanceof ValidationError
  ) {
    const [issue] = error.cause.issues;
    const field = (issue?.path ?? [])
      .map((part) => String(typeof part === 'object' ? part.key : part))
      .join('.');
    return refused({
      code: 'invalid-value',
      what: field === '' ? 'The request is not valid.' : `${field} is not valid.`,
      why: issue?.message ?? error.message,
      remedy: '',
      field,
    });
  }
  return error;
}

function refused(data: Refusal): ORPCError<'REFUSED', Refusal> {
  const { status } = refusalErrors.REFUSED;
  return new ORPCError('REFUSED', { status, message: refusalText(data), data });
}
