/** The engine process's entry with engines that move no frames. Bundled and started by tests. */
import { serveProcess } from '../../../src/engine-host/serve-process';
import { FakeFabric, FakeHost } from './fake-engines';

serveProcess({ createHost: () => new FakeHost(), createFabric: () => new FakeFabric() });
