/** Saves what a chart shows as a picture or as comma-separated values. */
import { readToken } from './palette';

/** The canvases one below the other on the surface's colour. */
export function canvasesToPng(canvases: readonly HTMLCanvasElement[]): string {
  const sheet = document.createElement('canvas');
  sheet.width = Math.max(1, ...canvases.map((canvas) => canvas.width));
  sheet.height = Math.max(
    1,
    canvases.reduce((height, canvas) => height + canvas.height, 0),
  );
  const pen = sheet.getContext('2d');
  if (!pen) return '';
  pen.fillStyle = readToken('--surface');
  pen.fillRect(0, 0, sheet.width, sheet.height);
  let top = 0;
  for (const canvas of canvases) {
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
