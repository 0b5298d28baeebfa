import { describe, expect, it } from 'vitest';

import { OID_CODES, OID_FORMS } from '../../../src/engine/ndis/oid';
import {
  NDIS_STATUS_VALUES,
  NdisStatusError,
  formatNdisStatus,
  invalidParameter,
} from '../../../src/engine/ndis/status';
import { RefusalError } from '../../../src/shared/refusal-error';
import { tableBelow } from '../ndis/reference-table';

const KINDS: Readonly<Record<string, string>> = { Q: 'query', S: 'set', M: 'method' };
const rows = tableBelow('### 9.1').map(([code = '', name = '', kind = '', handler = '']) => ({
  code: Number(code),
  oid: `OID_RECEIVE_FILTER_${name.split(' ')[0] ?? ''}`,
  kind: KINDS[kind],
  handler,
}));

describe('§9.1 the OID table', () => {
  it('§9.1 rules 1 to 14: there is each form of the reference, in its order', () => {
    expect(OID_FORMS.map(({ oid, kind }) => ({ oid, kind }))).toEqual(
      rows.map(({ oid, kind }) => ({ oid, kind })),
    );
  });

  it('§9.1 rule 15: has the codes of the reference', () => {
    expect(OID_FORMS.map(({ oid }) => OID_CODES[oid])).toEqual(rows.map(({ code }) => code));
  });

  it('§9.2 rules 2 and 3: lets six forms through to the miniport and answers the rest', () => {
    const reaching = OID_FORMS.filter((form) => form.handler === 'miniport');
    expect(reaching).toHaveLength(6);
    const named = rows.filter(
      ({ handler, oid }) => handler.includes('miniport') && !oid.endsWith('MOVE_FILTER'),
    );
    expect(reaching.map(({ oid }) => oid)).toEqual(named.map(({ oid }) => oid));
  });
});

describe('NdisStatusError', () => {
  const refusal = new NdisStatusError(
    'OID_RECEIVE_FILTER_FREE_QUEUE',
    invalidParameter('queueId', '1 or more', '0'),
  );

  it('says which request, which member, what was expected and what was found', () => {
    expect(refusal).toBeInstanceOf(RefusalError);
    expect(refusal.refusal).toEqual({
      code: 'ndis-status',
      what: 'OID_RECEIVE_FILTER_FREE_QUEUE was refused with NDIS_STATUS_INVALID_PARAMETER.',
      why: 'queueId: expected 1 or more, found 0.',
      remedy: '',
      field: 'queueId',
    });
  });

  it('prints a status with its value', () => {
    expect(formatNdisStatus('NDIS_STATUS_RESOURCES')).toBe('NDIS_STATUS_RESOURCES (0xc000009a)');
    expect(formatNdisStatus('NDIS_STATUS_SUCCESS')).toBe('NDIS_STATUS_SUCCESS (0x00000000)');
    expect(new Set(Object.values(NDIS_STATUS_VALUES)).size).toBe(
      Object.keys(NDIS_STATUS_VALUES).length,
    );
  });
});
