/** What HR says of a worker and SCIM has no word for. */
export const workerUrn = 'urn:bascule:scim:schemas:extension:worker:1.0:User';

const text = (name: string, description: string) => ({ name, description });
const names = (name: string, description: string) => ({
  name,
  type: 'complex',
  description,
  subAttributes: [text('givenName', 'Given name.'), text('familyName', 'Family name.')],
});

/** Dates are texts: SCIM knows no date without a time. One that is no real day is told in `provisioning.problems`. */
export const workerSchema = {
  id: workerUrn,
  name: 'Worker',
  description: 'A worker as HR knows them, beyond the core and the enterprise schema',
  attributes: [
    names('preferredName', 'The names that the person goes by; they win over the legal ones.'),
    names('latinName', 'The names in Latin letters, for scripts that cannot be romanised by rule.'),
    text('hireDate', 'First day of this employment, YYYY-MM-DD.'),
    text('originalHireDate', 'First day of the first employment, YYYY-MM-DD. Kept, not used.'),
    text('terminationDate', 'Last day with access, YYYY-MM-DD.'),
    text('lastDayOfWork', 'Last day at work, YYYY-MM-DD. Kept, not used.'),
    {
      ...text('workerType', 'Kind of employment; wins over userType.'),
      canonicalValues: ['EMPLOYEE', 'TEMP', 'CONTRACTOR', 'INTERN'],
    },
    {
      ...text('status', 'Standing of the employment while the user is active; a user who is not active has left.'),
      canonicalValues: ['ACTIVE', 'PREHIRE', 'LEAVE', 'TERMINATED'],
    },
    text('country', 'Country of employment, ISO 3166-1 alpha-2; wins over addresses.'),
    text('locationCode', 'Site.'),
    text('companyCode', 'Company; wins over the enterprise organization.'),
    text('workLanguage', 'Language at work, BCP 47; wins over preferredLanguage.'),
    text('fte', 'Share of full time as a text, 0 to 2, such as 0.8.'),
    text(
      'previousWorkerId',
      'The worker’s number in an earlier employment: the same person keeps account and address.',
    ),
    {
      name: 'legacyEmails',
      multiValued: true,
      description: 'Former addresses, at most 30; they become aliases.',
    },
    {
      name: 'provisioning',
      type: 'complex',
      mutability: 'readOnly',
      returned: 'request',
      description:
        'What became of the latest change: asked for by name, for it moves without a new version of the user.',
      subAttributes: [
        {
          ...text('state', 'waiting, held, recorded, rejected or refused.'),
          mutability: 'readOnly',
          canonicalValues: ['waiting', 'held', 'recorded', 'rejected', 'refused'],
        },
        {
          ...text('problems', 'What is wrong or worth knowing, with what to do.'),
          multiValued: true,
          mutability: 'readOnly',
        },
      ],
    },
  ],
};
