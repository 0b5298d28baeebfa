/**
 * The switch that ends Chromium's own sandbox. Only root needs it: the sandbox refuses to run there. Packages never pass
 * it, and neither do tests and development of any other user.
 */
export const SANDBOX_SWITCH: readonly string[] = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
