/**
 * The queue hues as colour-blind eyes see them: simulated after Machado, Oliveira and Fernandes (2009),
 * compared in CIELAB. Figures are of the tokens as shipped, in both themes.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

type Triple = readonly [number, number, number];
type Matrix = readonly [Triple, Triple, Triple];

const css = readFileSync(new URL('../../src/renderer/styles/tokens.css', import.meta.url), 'utf8');

function token(name: string, theme: 'light' | 'dark'): Triple {
  const value = new RegExp(
    `${name}: var\\(--on-light, (#\\w{6})\\) var\\(--on-dark, (#\\w{6})\\)`,
  ).exec(css);
  const hex = value?.[theme === 'light' ? 1 : 2] ?? '';
  return [1, 3, 5].map((at) =>
    linear(Number.parseInt(hex.slice(at, at + 2), 16) / 255),
  ) as unknown as Triple;
}

function linear(value: number): number {
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

const EYES: Readonly<Record<string, Matrix>> = {
  full: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

function times(matrix: Matrix, [r, g, b]: Triple): Triple {
  return matrix.map(([x, y, z]) =>
    Math.min(1, Math.max(0, x * r + y * g + z * b)),
  ) as unknown as Triple;
}

function lab(rgb: Triple): Triple {
  const [x, y, z] = times(
    [
      [0.4124, 0.3576, 0.1805],
      [0.2126, 0.7152, 0.0722],
      [0.0193, 0.1192, 0.9505],
    ],
    rgb,
  );
  const root = (value: number): number =>
    value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116;
  const [fx, fy, fz] = [root(x / 0.9505), root(y), root(z / 1.089)];
  return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)];
}

function distance(a: Triple, b: Triple): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

function contrast(a: Triple, b: Triple): number {
  const luminance = ([r, g, b2]: Triple): number => 0.2126 * r + 0.7152 * g + 0.0722 * b2;
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

const names = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => `--queue-${String(number)}`);
const themes = ['light', 'dark'] as const;

describe('queue hues', () => {
  for (const theme of themes) {
    for (const [eye, matrix] of Object.entries(EYES)) {
      it(`stay apart in the ${theme} theme for ${eye} sight`, () => {
        const seen = names.map((name) => ({ name, lab: lab(times(matrix, token(name, theme))) }));
        const close = seen.flatMap((a, index) =>
          seen.slice(index + 1).flatMap((b) => {
            const apart = distance(a.lab, b.lab);
            return apart < (eye === 'full' ? 28 : 12.5)
              ? [`${a.name} ${b.name} ${apart.toFixed(1)}`]
              : [];
          }),
        );
        expect(close).toEqual([]);
      });
    }

    it(`have a contrast of at least 2.8 to 1 with the surface in the ${theme} theme`, () => {
      const surface = token('--surface', theme);
      const weak = names.filter((name) => contrast(token(name, theme), surface) < 2.8);
      expect(weak).toEqual([]);
    });

    it(`leave text readable in the ${theme} theme`, () => {
      const surface = token('--surface', theme);
      const weak = ['--text', '--text-soft', '--text-faint', '--state-bad', '--accent'].filter(
        (name) => contrast(token(name, theme), surface) < 4.5,
      );
      expect(weak).toEqual([]);
    });
  }
});
