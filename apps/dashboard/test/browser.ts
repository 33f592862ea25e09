import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** A real Chromium; scripts/chromium.mjs installs one where there is none. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = places.find((place) => existsSync(place));
  if (executablePath === undefined) throw new Error('no Chromium is installed: run node scripts/chromium.mjs');
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
  return chromium.launch({ executablePath, args: [...args, '--disable-component-update', '--disable-sync'] });
}

/** Keeps the hosts of every request that the pages of a context make. */
export function hostsOf(context: BrowserContext): Set<string> {
  const hosts = new Set<string>();
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol !== 'data:') hosts.add(url.host);
  });
  return hosts;
}

export interface PaleText {
  readonly text: string;
  readonly ratio: number;
}

/** Texts on the page whose contrast with their ground is below WCAG 2.2 AA (success criterion 1.4.3). */
export function paleTexts(page: Page): Promise<PaleText[]> {
  return page.evaluate(() => {
    const channels = (colour: string) => (/[\d.]+/g[Symbol.match](colour) ?? []).map(Number);
    const over = (top: number[], ground: number[]) => {
      const alpha = top[3] ?? 1;
      return [0, 1, 2].map((at) => (top[at] ?? 0) * alpha + (ground[at] ?? 0) * (1 - alpha));
    };
    const groundOf = (element: Element | null): number[] => {
      if (element === null) return [255, 255, 255];
      const own = channels(getComputedStyle(element).backgroundColor);
      return own[3] === 0 ? groundOf(element.parentElement) : over(own, groundOf(element.parentElement));
    };
    const luminance = (colour: number[]) => {
      const [red = 0, green = 0, blue = 0] = colour.map((channel) => {
        const part = channel / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    return [...document.querySelectorAll('body *')].flatMap((element) => {
      const text = [...element.childNodes]
        .filter((node) => node.nodeType === 3)
        .map((node) => node.textContent)
        .join('')
        .trim();
      if (text === '' || element.closest('.unseen, script, style') !== null) return [];
      const style = getComputedStyle(element);
      const ground = groundOf(element);
      const [light, dark] = [luminance(over(channels(style.color), ground)), luminance(ground)].toSorted(
        (a, b) => b - a,
      );
      const ratio = ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
      const size = Number.parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      return ratio < (isLarge ? 3 : 4.5) ? [{ text, ratio: Math.round(ratio * 100) / 100 }] : [];
    });
  });
}
