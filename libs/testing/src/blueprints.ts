import { readFileSync } from 'node:fs';

/** Every kind of step, with as little as possible of each: for tests in which the blueprint is not the point. */
export const smallBlueprint = `
blueprint: 1
name: Small company
domains: [bascule-retail.example, shops.bascule-retail.example]
declare:
  orgUnits:
    - path: /Staff
  groups:
    - email: everyone@bascule-retail.example
      name: Everyone
      whoCanPost: managers
  calendars:
    - key: events
      name: Events
      timeZone: Europe/Paris
      owner: admin@bascule-retail.example
      sharing:
        - role: reader
          scope: { type: domain, value: bascule-retail.example }
password: sso
orgUnit: /Staff
licence:
  assignment: automatic
  productId: Google-Apps
  skuId: '1010020026'
groups: [everyone@bascule-retail.example]
gmail:
  signature:
    mode: always
    value: <b>{{ employee.givenName }} {{ employee.familyName }}</b>
  imap: false
calendar:
  timeZone: Europe/Paris
  subscriptions: [events]
  sharing:
    - role: freeBusyReader
      scope: { type: domain, value: bascule-retail.example }
`;

/** The realistic one that is shipped: config/blueprints/retailer.yaml. */
export const retailBlueprint = readFileSync(
  new URL('../../../config/blueprints/retailer.yaml', import.meta.url),
  'utf8',
);
