/** What `WireReplayer` gives its thread. Any message starts it; clearing `going` stops it, and it answers. */
export interface ReplayerStart {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  readonly wire: number;
  /** One i32, 1 while it runs. */
  readonly going: SharedArrayBuffer;
}
