import 'reflect-metadata';
import {
  adoptBootstrapToken,
  ConfigError,
  layFoundation,
  loadConfig,
  prepareServers,
  runProcess,
  shortReason,
} from '#libs/platform';
import { createApi } from './application.js';

await runProcess(async () => {
  const foundation = layFoundation('api', loadConfig(), { poolSize: 20 });
  const { config, ledger, log } = foundation;
  await prepareServers(foundation);
  if (config.bootstrapToken !== undefined) await adoptBootstrapToken(ledger.db, config.bootstrapToken);
  const app = await createApi(foundation);
  try {
    await app.listen({ host: config.host, port: config.port });
  } catch (error) {
    throw new ConfigError([`BASCULE_PORT: cannot listen on ${config.host}:${config.port} (${shortReason(error)})`]);
  }
  const address = app.getHttpServer().address();
  log.info('listening', { port: typeof address === 'object' && address !== null ? address.port : config.port });
});
