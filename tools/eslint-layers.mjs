/** ESLint rule that judges each import by the dependency rule in tools/layers.mjs. */
import { relative, sep } from 'node:path';

import { judgeImport } from './layers.mjs';

/** @type {import('eslint').Rule.RuleModule} */
const allowedImports = {
  meta: { type: 'problem', schema: [], messages: { refused: '{{reason}}' } },
  create(context) {
    const file = relative(context.cwd, context.filename).split(sep).join('/');

    /** @param {{ source?: import('estree').Expression | null | undefined }} node */
    function check({ source }) {
      if (source?.type !== 'Literal' || typeof source.value !== 'string') return;
      const reason = judgeImport(file, source.value);
      if (reason !== null) context.report({ node: source, messageId: 'refused', data: { reason } });
    }

    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};

export const layersPlugin = { rules: { 'allowed-imports': allowedImports } };
