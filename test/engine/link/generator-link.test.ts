import { describe, expect, it } from 'vitest';

import { BUFFER_SIZE } from '../../../src/engine/kernel/layout';
import {
  writeGeneratorFrames,
  type GeneratorConfig,
} from '../../../src/engine/link/generator-frames';
import { GeneratorLink } from '../../../src/engine/link/generator-link';
import { ipv4HeaderBytes, isIpv4ChecksumValid } from '../../../src/engine/wire/ipv4';
import { isUdpChecksumValid, udpDatagramBytes } from '../../../src/engine/wire/udp';
import { aLinkContext, takeAll, until } from './a-link-context';

function config(options: Partial<GeneratorConfig> = {}): GeneratorConfig {
  return {
    ...{ kind: 'generator', id: 'gen', name: 'gen', plug: { at: 'fabric' } },
    ...{ sourceMac: '02:00:5e:fe:00:01', frameBytes: 64, rate: { mode: 'maximum' }, frames: 0 },
    targets: [{ mac: '02:00:5e:10:00:01', ipv4: '10.0.10.11' }],
    ...options,
  };
}

describe('writeGeneratorFrames', () => {
  it.each([60, 64, 1514])('fills %i bytes with and without a tag', (frameBytes) => {
    const targets = [
      { mac: '02:00:5e:10:00:01', ipv4: '10.0.10.254' },
      { mac: '02:00:5e:10:00:02', vlan: 10 },
    ];
    const bytes = new Uint8Array(2 * BUFFER_SIZE);
    writeGeneratorFrames(bytes, 0, config({ frameBytes, targets }));
    for (const [at, ip] of [
      [0, 14],
      [BUFFER_SIZE, BUFFER_SIZE + 18],
    ] as const) {
      const lengthBytes = at + frameBytes - ip;
      expect(ipv4HeaderBytes(bytes, ip, lengthBytes)).toBe(20);
      expect(isIpv4ChecksumValid(bytes, ip, 20)).toBe(true);
      const datagramBytes = udpDatagramBytes(bytes, ip + 20, lengthBytes - 20);
      expect(datagramBytes).toBe(lengthBytes - 20);
      expect(isUdpChecksumValid(bytes, ip, ip + 20, datagramBytes)).toBe(true);
    }
    // The sender is a neighbour of its target, and never the target itself.
    expect([...bytes.subarray(26, 34)]).toEqual([10, 0, 10, 253, 10, 0, 10, 254]);
  });
});

describe('a generator', () => {
  async function aGenerator(framesPerSecond: number, frames: number) {
    const link = await aLinkContext();
    const templates = link.memory.take(BUFFER_SIZE, 'Templates');
    writeGeneratorFrames(link.memory.u8, templates, config());
    const { linkId, block, inRing } = link.place;
    const order = { linkId, block, inRing, templates, templateCount: 1, frameBytes: 64 };
    const generator = new GeneratorLink(
      link.context,
      { ...order, framesPerSecond, frames },
      link.link,
    );
    return { link, generator };
  }

  it('waits for room and sends exactly what was asked for', async () => {
    const { link, generator } = await aGenerator(Infinity, 20_000);
    await generator.start();
    const frames: Uint8Array[] = [];
    await until(() => {
      frames.push(...takeAll(link));
      return link.signs.at(-1) === 'finished';
    });
    frames.push(...takeAll(link));
    const numbers = frames.map((frame) =>
      Number(new DataView(frame.buffer).getBigUint64(56, true)),
    );
    expect(numbers).toEqual(Array.from({ length: 20_000 }, (_, i) => i));
    expect(link.counts()).toMatchObject({ framesIn: 20_000, bytesIn: 1_280_000 });
  });

  it('keeps its rate', async () => {
    const { link, generator } = await aGenerator(10_000, 2000);
    const start = performance.now();
    await generator.start();
    await until(() => {
      takeAll(link);
      return link.signs.at(-1) === 'finished';
    });
    expect(performance.now() - start).toBeGreaterThan(195);
  });

  it('goes on with the next number after a pause, and starts over after its end', async () => {
    const { link, generator } = await aGenerator(1000, 30);
    await generator.start();
    await until(() => link.counts().framesIn >= 10);
    generator.stop();
    const atPause = link.counts().framesIn;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(link.counts().framesIn).toBe(atPause);
    await generator.start();
    await until(() => link.signs.at(-1) === 'finished');
    expect(link.counts().framesIn).toBe(30);
    await generator.start();
    await until(() => link.counts().framesIn === 60);
    await generator.remove();
  });
});
