// Cuts Google's discovery documents down to what the simulator serves: the methods listed here with the schemas that they
// reach, without descriptions. Usage: node scripts/trim-discovery.mjs FILE...   (whole documents, as Google serves them at
// https://www.googleapis.com/discovery/v1/apis/<name>/<version>/rest); writes apps/simulator/src/discovery/<name>.json.
// Cloud Identity's document there is written by hand: Google's leaves the scopes of user invitations out.
import { readFileSync, writeFileSync } from 'node:fs';

const wanted = {
  admin: {
    methods: [
      'directory.users.(insert|get|list|update|patch|delete|undelete)',
      'directory.users.aliases.(list|insert|delete)',
      'directory.orgunits.(list|get|insert|delete)',
      'directory.groups.(list|get|insert|delete)',
      'directory.members.(list|get|insert|delete|hasMember)',
      'directory.domains.list',
      'directory.customers.get',
    ],
    // The lists of a user are `any` in the document; their entries are described beside it.
    schemas: [
      'Address',
      'Email',
      'ExternalId',
      'Gender',
      'Im',
      'Keyword',
      'Language',
      'Location',
      'Organization',
      'Phone',
    ]
      .concat(['PosixAccount', 'Relation', 'SshPublicKey', 'Website'])
      .map((name) => `User${name}`),
  },
  licensing: { methods: ['licensing.licenseAssignments.[a-zA-Z]+'] },
  gmail: {
    methods: [
      'gmail.users.settings.(get|update)(Language|Imap|Pop)',
      'gmail.users.settings.sendAs.(list|get|patch|update)',
    ],
  },
  calendar: {
    methods: [
      'calendar.calendars.(get|insert|patch|update|delete)',
      'calendar.calendarList.(list|get|insert|delete)',
      'calendar.acl.(list|get|insert|delete)',
    ],
  },
  groupssettings: { methods: ['groupsSettings.groups.(get|patch|update)'] },
};

function* methodsOf(node) {
  yield* Object.values(node.methods ?? {});
  for (const child of Object.values(node.resources ?? {})) yield* methodsOf(child);
}

const silent = ['description', 'enumDescriptions', 'enumDeprecated', 'deprecated', 'id', 'location', 'pattern'];

function bare(schema) {
  if (Array.isArray(schema) || typeof schema !== 'object' || schema === null) return schema;
  const kept = Object.entries(schema).filter(([key]) => !silent.includes(key));
  return Object.fromEntries(
    kept.map(([key, value]) => [
      key,
      key === 'properties'
        ? Object.fromEntries(Object.entries(value).map(([name, property]) => [name, bare(property)]))
        : bare(value),
    ]),
  );
}

function reach(schemas, name, found) {
  if (name === undefined || found[name] !== undefined) return;
  found[name] = bare(schemas[name]);
  for (const [, next] of JSON.stringify(found[name]).matchAll(/"\$ref":"(\w+)"/g)) reach(schemas, next, found);
}

for (const file of process.argv.slice(2)) {
  const document = JSON.parse(readFileSync(file, 'utf8'));
  const { methods: patterns, schemas: others = [] } = wanted[document.name];
  const schemas = {};
  const methods = {};
  for (const method of methodsOf(document)) {
    if (!patterns.some((pattern) => new RegExp(`^${pattern.replaceAll('.', String.raw`\.`)}$`).test(method.id)))
      continue;
    const parameters = Object.entries(method.parameters ?? {});
    methods[method.id] = {
      httpMethod: method.httpMethod,
      path: `/${document.servicePath}${method.path}`,
      query: Object.fromEntries(
        parameters.filter(([, { location }]) => location === 'query').map(([name, one]) => [name, bare(one)]),
      ),
      ...(method.request && { request: method.request.$ref }),
      ...(method.response && { response: method.response.$ref }),
      scopes: method.scopes,
    };
    reach(document.schemas, method.request?.$ref, schemas);
    reach(document.schemas, method.response?.$ref, schemas);
  }
  for (const name of others) reach(document.schemas, name, schemas);
  const extract = {
    source: `https://www.googleapis.com/discovery/v1/apis/${document.name}/${document.version}/rest`,
    revision: document.revision,
    cut: 'scripts/trim-discovery.mjs',
    host: document.rootUrl,
    query: Object.fromEntries(Object.entries(document.parameters).map(([name, one]) => [name, bare(one)])),
    scopes: Object.keys(document.auth.oauth2.scopes),
    methods,
    schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => a.localeCompare(b))),
  };
  writeFileSync(`apps/simulator/src/discovery/${document.name}.json`, `${JSON.stringify(extract, null, 1)}\n`);
}
