import { BullModule, getQueueToken } from '@nestjs/bullmq';
import { Module, type DynamicModule } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { calendarIdsOf, whileRunning, type Ledger } from '#libs/ledger';
import type { Workspace } from '#libs/google';
import {
  allSteps,
  blueprintReader,
  BullLanes,
  drawSealedPasswords,
  EmployeeScopes,
  pauseMigration,
  queueName,
  Settler,
  throwAwayPassword,
  type WorkerProcess,
} from '#libs/migration';
import { lanesPrefix, ledgerToken, openRedis, PlatformModule, throttled, type Foundation } from '#libs/platform';
import { QuotaGovernor } from '#libs/quota';
import { lanes } from '#libs/vocabulary';
import { BatchRunner, workerProcessToken } from './batch-runner.js';
import { CallCounts } from './call-counts.js';
import { CalendarProcessor } from './lanes/calendar.processor.js';
import { DirectoryProcessor } from './lanes/directory.processor.js';
import { GmailProcessor } from './lanes/gmail.processor.js';
import { LicensingProcessor } from './lanes/licensing.processor.js';
import { Ticks } from './ticks.js';

/** Times of the lease protocol, real milliseconds. A call leaves only if the lease outlives its time-out. */
export const leaseTimes = { leaseMs: 45_000, callTimeoutMs: 15_000 } as const;
const batchMaxMs = 60_000;
const employeesSideBySide = 48;

export interface WorkerIdentity {
  readonly name: string;
  readonly slot: number;
}

@Module({})
export class WorkerModule {
  static on(foundation: Foundation, identity: WorkerIdentity, workspace: Workspace, calls: CallCounts): DynamicModule {
    const { config, log, quotas } = foundation;
    const prefix = lanesPrefix(config.redisPrefix);
    const onError = throttled((error: Error) => log.warn('the lanes’ connection to Redis is broken', {}, error));
    const connection = openRedis(config.redisUrl, { name: 'bascule-lanes', onError, waitsForReconnect: true });
    return {
      module: WorkerModule,
      imports: [
        PlatformModule.on(foundation),
        BullModule.forRoot({ connection, prefix, extraOptions: { manualRegistration: true } }),
        BullModule.registerQueue(...lanes.map((lane) => ({ name: queueName(lane) }))),
      ],
      providers: [
        { provide: CallCounts, useValue: calls },
        {
          provide: BullLanes,
          inject: lanes.map((lane) => getQueueToken(queueName(lane))),
          useFactory: (...queues: Queue[]) => {
            for (const queue of queues) queue.on('error', onError);
            return new BullLanes(new Map(lanes.flatMap((lane, at) => (queues[at] ? [[lane, queues[at]]] : []))));
          },
        },
        {
          provide: workerProcessToken,
          inject: [ledgerToken, QuotaGovernor],
          useFactory: (ledger: Ledger, governor: QuotaGovernor): WorkerProcess => {
            const scopes = new EmployeeScopes(ledger);
            return {
              ...identity,
              ...leaseTimes,
              timeScale: quotas.timeScale,
              ledger,
              workspace,
              steps: allSteps,
              settler: new Settler(ledger, { ...identity, timeScale: quotas.timeScale }),
              concurrency: employeesSideBySide,
              batchMaxMs,
              reopenGate: (migrationId) => whileRunning(ledger.db, migrationId, () => governor.openGate(migrationId)),
              halt: async (migrationId, reason) => {
                log.warn('everyone is affected: the migration pauses', { migrationId, reason });
                await pauseMigration({ ledger, governor, ...leaseTimes }, migrationId, reason, 'bascule');
              },
              calendarIds: async (migrationId) => (await calendarIdsOf(ledger.db, migrationId)).calendarIds,
              employeeScopes: (migrationId) => scopes.of(migrationId),
              blueprint: blueprintReader(ledger),
              throwAwayPassword,
              drawPasswords: drawSealedPasswords,
              onFault: (fault, ids) => log.error('a fault of our own', ids, fault),
            };
          },
        },
        BatchRunner,
        Ticks,
        DirectoryProcessor,
        LicensingProcessor,
        GmailProcessor,
        CalendarProcessor,
      ],
    };
  }
}
