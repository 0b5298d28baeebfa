/**
 * Node 18.15, in the oldest Electron that development runs on, lacks the one function that pino 10
 * asks for as it loads. Nobody listens to the channel that it makes. Import this before pino.
 */
import diagnostics from 'node:diagnostics_channel';

if (!Reflect.has(diagnostics, 'tracingChannel')) {
  Reflect.set(diagnostics, 'tracingChannel', () => ({ hasSubscribers: false }));
}
