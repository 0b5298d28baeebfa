import eslint from '@eslint/js';
import prettier from 'eslint-config-prettier';
import vue from 'eslint-plugin-vue';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

import { layersPlugin } from './tools/eslint-layers.mjs';

export default defineConfig(
  { ignores: ['out/', 'release/', 'coverage/', 'src/engine/kernel/build/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error', noInlineConfig: true } },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  vue.configs['flat/recommended'],
  {
    languageOptions: {
      parserOptions: {
        parser: tseslint.parser,
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: ['.vue'],
      },
    },
    plugins: { layers: layersPlugin },
    rules: {
      'layers/allowed-imports': 'error',
      eqeqeq: 'error',
      // The compiler knows better which names exist, in scripts too (tsconfig/scripts.json has checkJs).
      'no-undef': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  {
    files: ['src/**/*.vue'],
    rules: {
      'vue/block-lang': ['error', { script: { lang: 'ts' } }],
      'vue/component-api-style': ['error', ['script-setup']],
      'vue/multi-word-component-names': ['error', { ignores: ['App'] }],
      'vue/no-v-html': 'error',
    },
  },
  {
    files: ['src/{contract,shared,engine,lab}/**'],
    rules: { 'no-console': 'error' },
  },
  {
    // CommonJS has no other way to load a module.
    files: ['**/*.cjs'],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    // AssemblyScript looks like TypeScript but has its own types, which the kernel's compiler checks: `==` converts
    // nothing there, and numbers may have 64 bits.
    files: ['src/engine/kernel/**/*.ts'],
    ignores: ['src/engine/kernel/layout*.ts'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { parserOptions: { projectService: false } },
    rules: { eqeqeq: 'off', 'no-loss-of-precision': 'off' },
  },
  prettier,
);
