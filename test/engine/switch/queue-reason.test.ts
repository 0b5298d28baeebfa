import { describe, expect, it } from 'vitest';
import { NO_QUEUE_RULES } from '../../../src/contract/vmq';
import { explainNoQueue, type QueueObstacle } from '../../../src/engine/switch/queue-reason';

const scarce = { queueCount: 4, weight: 20, lightest: { name: 'db-01', weight: 30 } };
const OBSTACLES: readonly QueueObstacle[] = [
  { rule: 'asked-for-none' },
  { rule: 'vmq-off' },
  { rule: 'slow-link', linkSpeedGbps: 1 },
  { rule: 'all-taken', ...scarce },
  { rule: 'filters-taken', needed: 2, filterCount: 16 },
  { rule: 'taken-by-heavier', ...scarce },
  { rule: 'no-vlan-filtering', vlanId: 10 },
  { rule: 'filter-cleared' },
  { rule: 'thread-lost' },
  { rule: 'migrating' },
  { rule: 'port-down' },
  { rule: 'adapter-down', state: 'halted' },
  { rule: 'refused', message: 'no processor 99.' },
];

describe('the reason why a NIC has no queue', () => {
  it('names NIC, rule and remedy for every rule', () => {
    expect(OBSTACLES.map(({ rule }) => rule)).toEqual([...NO_QUEUE_RULES]);
    for (const obstacle of OBSTACLES) {
      const { rule, text, remedy } = explainNoQueue(obstacle, 'web-01 (02:00)', 'nic-a');
      expect(rule).toBe(obstacle.rule);
      expect(text).toMatch(/^web-01 \(02:00\) (has no queue|uses the default queue): .+\.$/);
      expect(remedy).toMatch(/^[A-Z].+\.$/);
    }
  });

  it('says who is lightest, and that only a heavier one may take a queue', () => {
    const { text, remedy } = explainNoQueue({ rule: 'all-taken', ...scarce }, 'web-01', 'nic-a');
    expect(text).toBe(
      'web-01 has no queue: all 4 queues of nic-a are taken. The lightest that has one is db-01 with weight 30; ' +
        'this one has weight 20, and only a heavier one may take a queue.',
    );
    expect(remedy).toContain('Raise its weight above 30');
  });

  it('does not tell to raise a weight above the highest', () => {
    const lightest = { name: 'db-01', weight: 100 };
    const { remedy } = explainNoQueue(
      { rule: 'all-taken', ...scarce, lightest },
      'web-01',
      'nic-a',
    );
    expect(remedy).toContain('Lower the weight of another VM');
  });
});
