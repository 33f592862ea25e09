import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { openWorkspace, readServiceAccountKey, type Workspace } from '#libs/google';
import { configToken, Problem, type Config } from '#libs/platform';
import { QuotaGovernor } from '#libs/quota';

/** No call of the API is allowed to outlive a person's patience. */
const callTimeoutMs = 30_000;

/** The way to Google, opened when it is first needed: the API runs without credentials. */
export class GoogleDoor implements OnApplicationShutdown {
  private opened: Workspace | undefined;

  constructor(
    @Inject(configToken) private readonly config: Config,
    private readonly permits: QuotaGovernor,
  ) {}

  /** @throws Problem `google-not-configured`, naming the variable. */
  workspace(): Workspace {
    const { google } = this.config;
    if (google.credentialsFile === undefined) {
      throw new Problem('google-not-configured', 'BASCULE_GOOGLE_CREDENTIALS is not set on the server.');
    }
    this.opened ??= openWorkspace({
      apiRoot: google.apiRoot,
      credentials: readServiceAccountKey(google.credentialsFile),
      admins: google.admins,
      customer: google.customer,
      canary: google.canary,
      permits: this.permits,
      callTimeoutMs,
      connections: 16,
    });
    return this.opened;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.opened?.close();
  }
}

@Global()
@Module({ providers: [GoogleDoor], exports: [GoogleDoor] })
export class GoogleModule {}
