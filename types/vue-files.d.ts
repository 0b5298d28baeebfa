/**
 * What the linter's compiler believes about component files, which it cannot read. The type check uses vue-tsc,
 * which reads them and ignores this.
 */
declare module '*.vue' {
  import type { DefineComponent } from 'vue';

  const component: DefineComponent<Record<string, unknown>>;
  export default component;
}
