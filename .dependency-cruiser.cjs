// Dependencies point one way. Two tables make the rules: the layers (a library may import from layers below it, never
// sideways) and the rooms of the drivers (which library may load which third-party driver at run time).
const layers = [
  ['vocabulary'],
  ['blueprint', 'plan', 'quota'],
  ['ledger', 'google'],
  ['feeds', 'migration', 'progress', 'webhooks'],
  ['platform'],
];

/** driver -> the only folders that may load it (types may be imported anywhere). */
const rooms = {
  pg: ['libs/ledger'],
  'pg-copy-streams': ['libs/ledger'],
  'pg-query-stream': ['libs/ledger'],
  kysely: ['libs/ledger'],
  googleapis: ['libs/google'],
  'google-auth-library': ['libs/google'],
  gaxios: ['libs/google'],
  undici: ['libs/google', 'apps/cli'],
  bullmq: ['libs/migration/src/lanes', 'apps/worker'],
  '@nestjs/bullmq': ['apps/worker'],
  ioredis: ['libs/platform'],
  ssh2: ['apps/api/src/feed-drop'],
  '@nestjs/(common|core|platform-fastify|swagger)': ['libs/platform', 'apps/api', 'apps/worker', 'apps/simulator'],
};

const productCode = '^(apps|libs)/[^/]+/src/(?!.*[.]spec[.]tsx?$)';
const alternatives = (names) => `(${names.join('|')})`;

const layerRules = layers.flatMap((names, index) =>
  names.map((name) => {
    const above = layers
      .slice(index)
      .flat()
      .filter((other) => other !== name);
    return {
      name: `direction-${name}`,
      comment: 'Imports point down the layers of .dependency-cruiser.cjs, never up and never sideways.',
      severity: 'error',
      from: { path: `^libs/${name}/`, pathNot: '(/test/|[.]spec[.]ts$)' },
      to: { path: `^libs/${alternatives([...above, 'testing'])}/` },
    };
  }),
);

const roomRules = Object.entries(rooms).map(([driver, folders]) => ({
  name: `room-of-${driver.replace(/[^a-z-]/g, '')}`,
  comment: `${driver} is loaded in ${folders.join(', ')} only.`,
  severity: 'error',
  from: { path: productCode, pathNot: `^(${folders.join('|')}|libs/testing)` },
  to: { path: `node_modules/${driver}/`, dependencyTypesNot: ['type-only'] },
}));

module.exports = {
  forbidden: [
    ...layerRules,
    ...roomRules,
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-missing', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: {
        orphan: true,
        path: '^(apps|libs)/',
        pathNot: '([.]spec[.]tsx?$|/main[.]tsx?$|/test/|[.]d[.]ts$|[.]css$|vite[.]config)',
      },
      to: {},
    },
    {
      name: 'through-the-front-door',
      comment: 'A library is entered by its index.',
      severity: 'error',
      from: { path: '^(libs/([^/]+)|apps/([^/]+))/' },
      to: { path: '^libs/[^/]+/src/(?!index[.]ts)', pathNot: '^libs/$2/' },
    },
    {
      name: 'apps-are-islands',
      severity: 'error',
      from: { path: '^apps/([^/]+)/src/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'simulator-shares-nothing-with-our-side',
      comment: 'A misreading of Google would look right on both sides.',
      severity: 'error',
      from: { path: '^apps/simulator/src/' },
      to: { path: '^libs/(?!platform)' },
    },
    {
      name: 'nothing-knows-the-simulator',
      severity: 'error',
      from: { path: '^(libs/(?!testing)|apps/(api|worker|cli|dashboard))/', pathNot: '(/test/|[.]spec[.]ts$)' },
      to: { path: '^apps/simulator/' },
    },
    {
      name: 'cli-and-dashboard-speak-http',
      severity: 'error',
      from: { path: '^apps/(cli|dashboard)/src/' },
      to: { path: '^libs/(?!vocabulary|progress)' },
    },
    {
      name: 'dashboard-takes-types-only',
      severity: 'error',
      from: { path: '^apps/dashboard/src/' },
      to: { path: '^libs/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'testing-stays-in-tests',
      severity: 'error',
      from: { path: productCode, pathNot: '^libs/testing/' },
      to: { path: '^libs/testing/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: 'specify',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['bascule-source', 'import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.cjs', '.json'],
    },
  },
};
