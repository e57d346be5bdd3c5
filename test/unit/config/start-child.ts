// Loads a configuration for every message, as a daemon's start does: two of these at once are two starts at once.
import { loadConfig } from '../../../config/load.ts';

process.on('message', async ({ file, home }: { file: string; home: string }) => {
  try {
    const { publicKey, written } = await loadConfig({ file, home, create: true });
    process.send!({ publicKey, written });
  } catch (error) {
    process.send!({ error: String(error) });
  }
});
process.send!('ready');
