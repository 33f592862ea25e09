import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

interface MetricDefinition<Label extends string> {
  /** `bascule_<noun>_<unit>`; counters end in `_total`. */
  readonly name: `bascule_${string}`;
  readonly help: string;
  /** Few values each: lanes, steps, quotas, reasons, never ids or addresses. */
  readonly labels?: readonly Label[];
}

/** The figures of one process in Prometheus' form. */
export class Metrics {
  private readonly registry = new Registry();

  constructor(process: string) {
    this.registry.setDefaultLabels({ process });
    collectDefaultMetrics({ register: this.registry, prefix: 'bascule_' });
  }

  counter<Label extends string = never>(definition: MetricDefinition<Label>): Counter<Label> {
    return new Counter(this.settings(definition));
  }

  gauge<Label extends string = never>(
    definition: MetricDefinition<Label> & {
      /** Called at each scrape, to set what is read rather than counted. */
      readonly collect?: (gauge: Gauge<Label>) => Promise<void> | void;
    },
  ): Gauge<Label> {
    const { collect } = definition;
    return new Gauge({
      ...this.settings(definition),
      ...(collect === undefined
        ? {}
        : {
            collect(this: Gauge<Label>) {
              return collect(this);
            },
          }),
    });
  }

  histogram<Label extends string = never>(
    definition: MetricDefinition<Label> & { readonly buckets: readonly number[] },
  ): Histogram<Label> {
    return new Histogram({ ...this.settings(definition), buckets: [...definition.buckets] });
  }

  /** The text that a scrape gets, with its media type. */
  async scrape(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.registry.contentType, text: await this.registry.metrics() };
  }

  private settings<Label extends string>(definition: MetricDefinition<Label>) {
    return {
      name: definition.name,
      help: definition.help,
      labelNames: [...(definition.labels ?? [])],
      registers: [this.registry],
    };
  }
}
