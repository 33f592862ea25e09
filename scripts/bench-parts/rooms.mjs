import { rmSync } from 'node:fs';
import { Laboratory } from '../laboratory/index.mjs';

/** Runs one measurement in a laboratory of its own, and leaves nothing behind. */
export async function inLaboratory(name, work) {
  const lab = new Laboratory(`.bascule/bench/${name}`);
  try {
    return await work(lab);
  } finally {
    await lab.stop();
    rmSync(lab.home, { recursive: true, force: true });
  }
}
