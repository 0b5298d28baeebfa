import { describe, expect, it } from 'vitest';
import { parseIpv4Address } from '../../../src/shared/ipv4-address';
import { BROADCAST_MAC, parseMacAddress } from '../../../src/shared/mac-address';
import { buildArpRequest } from '../../../src/engine/wire/arp';
import { buildIcmpEchoFrame } from '../../../src/engine/wire/icmp';
import { buildUdpFrame } from '../../../src/engine/wire/udp';
import { decodeFrame } from '../../../src/engine/wire/frame-summary';
import { InlineHost } from '../../support/inline-host';

const CLIENT = parseMacAddress('02:00:5e:cc:00:01');
const WEB = '02:00:5e:10:00:01';
const DB = '02:00:5e:20:00:01';

function udpTo(mac: string, vlan: number | undefined, payloadBytes = 20, sequence = 0): Uint8Array {
  const bytes = new Uint8Array(1600);
  const payload = new Uint8Array(payloadBytes);
  new DataView(payload.buffer).setUint32(0, sequence);
  const length = buildUdpFrame(
    bytes,
    0,
    {
      destination: parseMacAddress(mac),
      source: CLIENT,
      ...(vlan === undefined ? {} : { vlan: { vlanId: vlan } }),
    },
    { source: parseIpv4Address('10.0.10.99'), destination: parseIpv4Address('10.0.10.11') },
    { sourcePort: 5000, destinationPort: 9, payload },
  );
  return bytes.slice(0, length);
}

describe('the data path of a host', () => {
  it('delivers a frame that matches a filter through the NIC’s own queue, without its tag', async () => {
    const host = await InlineHost.create();
    const vm = await host.addVm('web', { mac: WEB, vlan: 10 });
    for (let i = 0; i < 100; i++) host.receive(udpTo(WEB, 10, 20, i));
    host.threads.settle();
    const queueId = host.adapter.switch.queueOf(0)?.queueId ?? 0;
    expect(host.adapter.miniport.modeOf(queueId)).toBe('shared-memory');
    expect(host.adapter.miniport.blockOf(queueId)?.counters().frames).toBe(100);
    expect(vm.ports[0]?.counters().rxFrames).toBe(100);
    expect(vm.snapshot().guest.sunkFrames).toBe(100);
    expect(host.conservation()).toMatchObject({ holds: true, held: 0, delivered: { toVms: 100 } });
  });

  it('answers ARP, ICMP echo and UDP echo from the guest', async () => {
    const host = await InlineHost.create();
    await host.addVm('web', { mac: WEB, vlan: 10, ipv4: '10.0.10.11' });
    const bytes = new Uint8Array(200);
    const sender = {
      senderMac: CLIENT,
      senderIp: parseIpv4Address('10.0.10.99'),
      targetIp: parseIpv4Address('10.0.10.11'),
    };
    host.receive(bytes.slice(0, buildArpRequest(bytes, 0, { ...sender, vlan: { vlanId: 10 } })));
    const ethernet = { destination: parseMacAddress(WEB), source: CLIENT, vlan: { vlanId: 10 } };
    const ip = {
      source: parseIpv4Address('10.0.10.99'),
      destination: parseIpv4Address('10.0.10.11'),
    };
    host.receive(
      bytes.slice(
        0,
        buildIcmpEchoFrame(bytes, 0, ethernet, ip, 'echoRequest', {
          identifier: 7,
          sequence: 1,
          data: new Uint8Array(32),
        }),
      ),
    );
    host.receive(
      bytes.slice(
        0,
        buildUdpFrame(bytes, 0, ethernet, ip, {
          sourcePort: 4000,
          destinationPort: 7,
          payload: new Uint8Array(30),
        }),
      ),
    );
    host.threads.settle();
    const answers = host.sent().map((frame) => decodeFrame(frame));
    expect(answers).toHaveLength(3);
    expect(answers).toMatchObject(
      Array.from({ length: 3 }, () => ({
        source: WEB,
        destination: CLIENT,
        tags: [{ vlanId: 10 }],
      })),
    );
    expect(host.vms[0]?.snapshot().guest).toMatchObject({
      arpReplies: 1,
      echoReplies: 1,
      udpEchoes: 1,
    });
    expect(host.conservation().holds).toBe(true);
  });

  it('lets no frame reach a VM of another VLAN', async () => {
    const host = await InlineHost.create();
    const web = await host.addVm('web', { mac: WEB, vlan: 10 });
    const db = await host.addVm('db', { mac: DB, vlan: 20 });
    host.receive(udpTo(WEB, 20));
    host.receive(udpTo(WEB, undefined));
    host.receive(udpTo(BROADCAST_MAC, 20));
    host.threads.settle();
    expect(web.ports[0]?.counters().rxFrames).toBe(0);
    // The frame to web's address in VLAN 20 is unknown there and floods VLAN 20.
    expect(db.ports[0]?.counters().rxFrames).toBe(2);
    expect(host.conservation()).toMatchObject({ holds: true, dropped: { 'no-port-in-vlan': 1 } });
  });
});
