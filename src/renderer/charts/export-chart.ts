/** Saves what a chart shows as a picture or as comma-separated values. */
import { readPixels, readToken } from './palette';

/** Sizes of the type tokens are for one device pixel per pixel. */
const CAPTION_LINES = 1.6;

/** The canvases one below the other on the surface's colour; with more than one, each below its label. */
export function canvasesToPng(canvases: readonly HTMLCanvasElement[]): string {
  const scale = globalThis.devicePixelRatio;
  const typeSize = readPixels('--text-xs') * scale;
  const caption = canvases.length > 1 ? typeSize * CAPTION_LINES : 0;
  const sheet = document.createElement('canvas');
  sheet.width = Math.max(1, ...canvases.map((canvas) => canvas.width));
  sheet.height = Math.max(
    1,
    canvases.reduce((height, canvas) => height + caption + canvas.height, 0),
  );
  const pen = sheet.getContext('2d');
  if (!pen) return '';
  pen.fillStyle = readToken('--surface');
  pen.fillRect(0, 0, sheet.width, sheet.height);
  pen.font = `${typeSize}px ${readToken('--font')}`;
  let top = 0;
  for (const canvas of canvases) {
    if (caption > 0) {
      pen.fillStyle = readToken('--text-soft');
      pen.fillText(canvas.getAttribute('aria-label') ?? '', typeSize, top + typeSize);
      top += caption;
    }
    pen.drawImage(canvas, 0, top);
    top += canvas.height;
  }
  return sheet.toDataURL('image/png');
}

export function saveText(fileName: string, text: string, type: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  saveAddress(fileName, address);
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export function saveAddress(fileName: string, address: string): void {
  const link = document.createElement('a');
  link.href = address;
  link.download = fileName;
  link.click();
}
