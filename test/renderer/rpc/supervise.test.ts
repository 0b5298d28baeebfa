import { describe, expect, it } from 'vitest';
import { ProblemError, connectionClosed } from '../../../src/renderer/rpc/problem';
import { supervise, waitAfter, type ConnectionStatus } from '../../../src/renderer/rpc/supervise';

describe('supervise', () => {
  it('opens the connection again after it ended, and says so', async () => {
    const phases: string[] = [];
    let runs = 0;
    await new Promise<void>((resolve) => {
      const stop = supervise({
        onStatus: (status: ConnectionStatus) => phases.push(status.phase),
        wait: () => Promise.resolve(),
        run: (_, connected) => {
          runs += 1;
          connected();
          if (runs < 3) return Promise.reject(new ProblemError(connectionClosed('the lab')));
          stop();
          resolve();
          return Promise.resolve();
        },
      });
    });
    expect(runs).toBe(3);
    expect(phases.slice(0, 4)).toEqual(['connecting', 'connected', 'waiting', 'connecting']);
  });

  it('gives up when the other side speaks another contract', async () => {
    const problem = {
      code: 'contract-version',
      what: 'Versions differ.',
      why: 'Expected 1, got 2.',
      remedy: '',
    };
    let runs = 0;
    const status = await new Promise<ConnectionStatus>((resolve) => {
      supervise({
        wait: () => Promise.resolve(),
        onStatus: (now) => {
          if (now.phase === 'refused') resolve(now);
        },
        run: () => {
          runs += 1;
          return Promise.reject(new ProblemError(problem));
        },
      });
    });
    expect(status.problem).toEqual(problem);
    expect(runs).toBe(1);
  });

  it('waits longer after each failure, five seconds at most', () => {
    expect([1, 2, 3, 4, 5, 6, 20].map(waitAfter)).toEqual([200, 400, 800, 1600, 3200, 5000, 5000]);
  });
});
