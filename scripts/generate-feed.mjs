// Writes a seeded HR feed of a retailer to standard output: thirteen countries, accents, homonyms, compound names.
//   node scripts/generate-feed.mjs --employees 1000 [--seed 1] > feed.csv
import { once } from 'node:events';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { employees: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' } },
});
const employees = Number(values.employees);
let state = Number(values.seed) >>> 0 || 1;

/** xorshift32, so that the same seed gives the same company. */
function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  state >>>= 0;
  return state / 2 ** 32;
}
const pick = (list) => list[Math.floor(random() * list.length)];

const countries = {
  FR: {
    share: 30,
    language: 'fr-FR',
    cities: ['PAR', 'LYO', 'MAR', 'LIL'],
    given: [
      'Zoé',
      'Jean-Noël',
      'Cécile',
      'Maëlys',
      'Anne Sophie',
      'Chloé',
      'Hugo',
      'Camille',
      'Théo',
      'François',
      'Élodie',
      'Marie',
    ],
    family: [
      'Lefèvre',
      'Œuvrard',
      'L’Hôpital',
      'de La Tour du Pin',
      'N’Guyen-Saint-André',
      'Martin',
      'Bernard',
      'Dubois',
      'Garnier',
      'Petit',
      'Durand',
      'Moreau',
    ],
  },
  DE: {
    share: 20,
    language: 'de-DE',
    cities: ['BER', 'MUC', 'HAM'],
    given: ['Jürgen', 'Zoë', 'Käthe', 'Hans-Peter', 'Sören', 'Björn', 'Anna', 'Lukas', 'Jörg', 'Ursula'],
    family: ['Großmüller', 'Müller', 'Weiß', 'von der Heide', 'Schröder', 'Schmidt', 'Jäger', 'Groß-Köhler', 'Fischer'],
  },
  ES: {
    share: 12,
    language: 'es-ES',
    cities: ['MAD', 'BCN'],
    given: ['María José', 'Begoña', 'Íñigo', 'José Luis', 'Lucía', 'Álvaro', 'Núria'],
    family: ['Muñoz Peña', 'de la Cruz Güell', 'Ruiz-Mateos i Puig', 'García López', 'Fernández', 'Ibáñez'],
  },
  IT: {
    share: 10,
    language: 'it-IT',
    cities: ['ROM', 'MIL'],
    given: ['Nicolò', 'Giosuè', 'Maria Chiara', 'Niccolò', 'Giulia', 'Luca', 'Desirée'],
    family: ['D’Angelo', 'De Luca', 'Dell’Acqua', 'Rossi', 'Ferrari', 'Esposito', 'Lo Presti'],
  },
  PL: {
    share: 8,
    language: 'pl-PL',
    cities: ['WAW', 'KRK'],
    given: ['Świętosława', 'Grażyna', 'Łukasz', 'Józef', 'Małgorzata', 'Zbigniew'],
    family: ['Brzęczyszczykiewicz-Łącka', 'Źdźbło', 'Wójcik', 'Kowalska', 'Dąbrowski', 'Nowak'],
  },
  PT: {
    share: 5,
    language: 'pt-PT',
    cities: ['LIS', 'OPO'],
    given: ['João', 'Inês', 'Conceição', 'Tomás', 'Beatriz'],
    family: ['Conceição dos Santos', 'Brandão e Sá', 'da Silva', 'Guimarães', 'Sousa'],
  },
  NL: {
    share: 4,
    language: 'nl-NL',
    cities: ['AMS', 'UTR'],
    given: ['Daniël', 'Chloë', 'Jan', 'Saskia', 'Jeroen'],
    family: ['van der Berg', 'de Vries', '’t Hart', 'Jansen', 'IJsselmuiden'],
  },
  GB: {
    share: 4,
    language: 'en-GB',
    cities: ['LON', 'MAN'],
    given: ['Siân', 'John', 'Shaquille', 'Mary-Jane', 'Zoë', 'Oliver'],
    family: ['O’Neal Jr.', 'Smith', 'Smith-Jones', 'MacDonald', 'Evans'],
  },
  SE: {
    share: 2,
    language: 'sv-SE',
    cities: ['STO'],
    given: ['Åsa', 'Björn', 'Märta', 'Göran'],
    family: ['Åkerström', 'Sjöberg', 'Lindqvist'],
  },
  RO: {
    share: 2,
    language: 'ro-RO',
    cities: ['BUH'],
    given: ['Ioniță', 'Ştefan', 'Mihaela'],
    family: ['Țurcanu', 'Ţurcanu', 'Popescu'],
  },
  CZ: {
    share: 1,
    language: 'cs-CZ',
    cities: ['PRG'],
    given: ['Jiří', 'Zdeňka', 'Tomáš'],
    family: ['Dvořáková', 'Novák', 'Říha'],
  },
  HU: { share: 1, language: 'hu-HU', cities: ['BUD'], given: ['Győző', 'Zsófia'], family: ['Szűcs-Tóth', 'Nagy'] },
  DK: { share: 1, language: 'da-DK', cities: ['CPH'], given: ['Sørine', 'Åge'], family: ['Ågård', 'Møller'] },
};
const weighted = Object.entries(countries).flatMap(([code, { share }]) => Array(share).fill(code));
const departments = [
  'Stores',
  'Stores',
  'Stores',
  'Stores',
  'Logistics',
  'Purchasing',
  'Marketing',
  'Finance',
  'Human Resources',
  'IT',
  'Legal',
  'E-commerce',
  'Customer Service',
];
const titles = { Stores: 'Sales Assistant', Logistics: 'Warehouse Operative', IT: 'Engineer', Finance: 'Accountant' };
/** A second given name now and then: homonyms stay frequent without every name being the same. */
const second = ['', '', '', ' Marie', ' Luis', ' Ann', ' Karl', ' Sofia', ' Max', ' Eva'];

const quote = (text) => (/[",\n;]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const columns = [
  'worker_id',
  'legal_given_name',
  'legal_family_name',
  'preferred_given_name',
  'latin_given_name',
  'latin_family_name',
  'worker_type',
  'status',
  'hire_date',
  'termination_date',
  'country',
  'location_code',
  'company_code',
  'department',
  'cost_centre',
  'job_title',
  'manager_id',
  'work_language',
  'fte',
  'work_email',
  'legacy_emails',
  'work_phone',
];

function row(index) {
  const country = pick(weighted);
  const { language, cities, given, family } = countries[country];
  const department = pick(departments);
  const number = String(index + 1).padStart(6, '0');
  const year = 1990 + Math.floor(random() * 35);
  const day = `${year}-${String(1 + Math.floor(random() * 12)).padStart(2, '0')}-${String(1 + Math.floor(random() * 28)).padStart(2, '0')}`;
  const kind = random();
  const type = kind < 0.86 ? 'EMPLOYEE' : kind < 0.94 ? 'TEMP' : kind < 0.98 ? 'CONTRACTOR' : 'INTERN';
  const manager = index === 0 ? '' : String(1 + Math.floor(Math.floor(index / 8))).padStart(6, '0');
  const leave = random() < 0.01;
  const chinese = random() < 0.002;
  const name = chinese ? ['伟', '张', 'Wei', 'Zhang'] : [pick(given) + pick(second), pick(family), '', ''];
  const given_ = name[0];
  return [
    number,
    given_,
    name[1],
    random() < 0.02 ? given_.split(/[ -]/)[0] : '',
    name[2],
    name[3],
    type,
    leave ? 'LEAVE' : 'ACTIVE',
    day,
    '',
    country,
    `${country}-${pick(cities)}-0${1 + Math.floor(random() * 3)}`,
    `BR-${country}`,
    department,
    `CC${1000 + Math.floor(random() * 40)}`,
    titles[department] ?? 'Specialist',
    manager,
    language,
    random() < 0.2 ? '0.8' : '1',
    random() < 0.03 ? `staff.${number}@bascule-retail.example` : '',
    random() < 0.1 ? `m${number}@bascule-retail.example` : '',
    `+33 1 55 ${number.slice(0, 2)} ${number.slice(2, 4)} ${number.slice(4)}`,
  ];
}

let chunk = `${columns.join(',')}\n`;
for (let index = 0; index < employees; index += 1) {
  chunk += `${row(index).map(quote).join(',')}\n`;
  if (chunk.length > 65_536 || index === employees - 1) {
    if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
    chunk = '';
  }
}
