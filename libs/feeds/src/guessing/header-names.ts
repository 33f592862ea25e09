import { feedColumns, feedFields, type FeedField } from '#libs/vocabulary';

/** A header without accents, case, brackets and everything else that is no letter or digit. */
export const plainHeader = (header: string): string =>
  header
    .replaceAll(/\([^)]*\)|\[[^\]]*\]/g, ' ')
    .toLowerCase()
    .replaceAll('ß', 'ss')
    .replaceAll('ł', 'l')
    .normalize('NFD')
    .replaceAll(/[^\p{Letter}\p{Number}]/gu, '');

/**
 * What HR systems call the columns, in English, German, French, Spanish, Italian, Portuguese, Polish and Dutch: headers of
 * exports from Workday, SAP, Oracle, Personio, BambooHR and others. Only guesses rest on it: a name of these means nothing until
 * somebody settles it for a source.
 */
const names: Readonly<Record<FeedField, string>> = {
  employeeNumber: `employee no, employee #, emp id, emp no, emplid, staff id, staff number, worker, person id, person number,
    personidexternal, user id, associate id, associate oid, payroll id, workday id, Personalnummer, Personalnr, Pers.Nr., PersNr,
    PERNR, Mitarbeiternummer, Mitarbeiter-Nr, Mitarbeiter-ID, Mitarbeiter, Stammnummer, matricule, numéro de matricule,
    numéro employé, numéro de salarié, id employé, id salarié, code salarié, número de empleado, nº empleado, id empleado,
    código de empleado, legajo, matricola, numero matricola, codice dipendente, id dipendente, numero dipendente, matrícula,
    número de funcionário, número do colaborador, id colaborador, numer pracownika, nr pracownika, numer ewidencyjny,
    nr ewidencyjny, id pracownika, numer osobowy, personeelsnummer, medewerkernummer, medewerker id, stamnummer`,
  legalGivenName: `legal first name, forename, given names, Vorname, Vornamen, prénom, prénoms, nombre, nombres, nome, imię,
    imiona, voornaam, voornamen, nome próprio, primeiro nome, primer nombre`,
  legalFamilyName: `legal last name, Nachname, Familienname, Zuname, nom, nom de famille, nom de naissance, apellido, apellidos,
    primer apellido, cognome, apelido, apelidos, sobrenome, último nome, nazwisko, achternaam, familienaam`,
  preferredGivenName: `preferred name, preferred name - first name, nickname, known as, Rufname, bevorzugter Vorname,
    prénom usuel, prénom d'usage, nombre preferido, nome preferito, nome preferido, preferowane imię, roepnaam`,
  preferredFamilyName: `preferred name - last name, nom d'usage, nom usuel, bevorzugter Nachname`,
  latinGivenName: `given name in latin script, local script given name latin, western script first name`,
  latinFamilyName: `family name in latin script, western script last name`,
  workerType: `employment type, contract type, employee class, employee group, employee category, person type,
    Mitarbeiterkreis, Mitarbeitergruppe, Mitarbeitertyp, Beschäftigungsart, Beschäftigungsverhältnis, Beschäftigungstyp,
    Anstellungsart, Anstellungsverhältnis, Vertragsart, type de contrat, nature du contrat, type d'employé, tipo de contrato,
    tipo de empleado, tipo contratto, tipo di contratto, tipo dipendente, tipo de colaborador, vínculo, rodzaj umowy,
    typ umowy, typ pracownika, type dienstverband, contracttype, soort contract, soort dienstverband`,
  status: `employee status, worker status, active status, emplstatus, assignment status, Status Mitarbeiter,
    Beschäftigungsstatus, Mitarbeiterstatus, Personalstatus, statut, statut employé, statut du salarié, estado,
    estado laboral, situación, situación laboral, stato, stato dipendente, situação, estado do colaborador, stan,
    status zatrudnienia, status pracownika, status medewerker, status dienstverband`,
  hireDate: `date of hire, date hired, date of joining, joining date, latest start date, last hire date, continuous service date,
    employment start date, Eintritt, Eintrittsdatum, Einstellungsdatum, Beschäftigungsbeginn, Vertragsbeginn, Startdatum,
    Beginn, date d'entrée, date d'embauche, date de début, date de début de contrat, fecha de alta, fecha de ingreso,
    fecha de contratación, fecha de inicio, data assunzione, data di assunzione, data inizio, data de admissão,
    data de início, data zatrudnienia, data rozpoczęcia, data rozpoczęcia pracy, data przyjęcia, datum in dienst,
    indiensttreding, datum indiensttreding, begindatum`,
  endDate: `date of termination, leaving date, leave date, last day of work, last day, contract end date, employment end date,
    separation date, exit date, Austritt, Austrittsdatum, Beschäftigungsende, Vertragsende, Enddatum, Letzter Arbeitstag,
    date de sortie, date de départ, date de fin, date de fin de contrat, fecha de baja, fecha de salida, fecha de fin,
    fecha de cese, data cessazione, data di cessazione, data fine, data de demissão, data de saída, data de cessação,
    data de fim, data zwolnienia, data zakończenia, data zakończenia pracy, data rozwiązania umowy, datum uit dienst,
    uitdiensttreding, datum uitdiensttreding, einddatum`,
  country: `country/region, work country, location country, country iso code, Land, Ländercode, Länderschlüssel,
    Land (Arbeitsort), pays, code pays, pays de travail, país, código de país, paese, nazione, codice paese, código do país,
    kraj, kod kraju, landcode`,
  locationCode: `location name, work location, office, store, store number, branch, Standort, Arbeitsort, Arbeitsstätte,
    Niederlassung, Filiale, Personalteilbereich, Werk, lieu de travail, établissement, magasin, centro de trabajo, ubicación,
    tienda, sede, sede di lavoro, luogo di lavoro, negozio, local de trabalho, loja, lokalizacja, miejsce pracy, sklep,
    locatie, werklocatie, vestiging, filiaal, winkel`,
  companyCode: `company name, legal entity, legal employer, employer, Buchungskreis, Firma, Gesellschaft, Unternehmen,
    société, entreprise, entité juridique, code société, empresa, sociedad, azienda, società, codice azienda, sociedade,
    spółka, zakład pracy, bedrijf, vennootschap, werkgever`,
  department: `department name, organisation unit, organizational unit, org unit, division, team, supervisory organization,
    Abteilung, Organisationseinheit, Orgeinheit, Bereich, service, département, departamento, dipartimento, reparto, dział,
    afdeling`,
  costCentre: `cost center code, cost center id, Kostenstelle, KST, centre de coût, centre de coûts, centro de coste,
    centro de costes, centro di costo, centro de custo, centro de custos, centrum kosztów, MPK, kostenplaats`,
  jobTitle: `job, job name, position, position title, business title, Stelle, Planstelle, Stellenbezeichnung, Funktion,
    Berufsbezeichnung, Tätigkeit, Position (Titel), poste, intitulé du poste, emploi, fonction, puesto, puesto de trabajo,
    cargo, mansione, ruolo, qualifica, posizione, função, stanowisko, functie, functietitel, functienaam`,
  previousNumber: `previous employee id, previous worker id, former employee id, prior employee number, frühere Personalnummer,
    alte Personalnummer, ancien matricule, matrícula anterior, código anterior, matricola precedente, poprzedni numer pracownika,
    vorig personeelsnummer`,
  managerNumber: `supervisor, supervisor id, supervisor number, manager employee id, manager worker id, reports to,
    reporting to, line manager id, Vorgesetzter, Vorgesetzte, Vorgesetzten-Nr, Vorgesetzter Personalnummer,
    Personalnummer Vorgesetzter, Führungskraft, responsable, matricule responsable, matricule manager, supérieur hiérarchique,
    id responsable, jefe, id jefe, responsabile, matricola responsabile, id responsabile, gestor, chefia, superior,
    przełożony, id przełożonego, nr przełożonego, leidinggevende, personeelsnummer leidinggevende, personeelsnummer manager`,
  workLanguage: `correspondence language, Sprache, Korrespondenzsprache, Arbeitssprache, langue, idioma, lingua, língua, język,
    taal, voorkeurstaal`,
  fte: `fte %, full time equivalent, percent of full time, Beschäftigungsgrad, BsGrd, Arbeitszeitanteil, Arbeitszeitfaktor,
    taux d'emploi, taux d'activité, taux d'occupation, quotité, ETP, porcentaje de jornada, jornada, percentuale part time,
    etat, wymiar etatu, deeltijdpercentage, deeltijdfactor, parttime percentage`,
  workEmail: `e-mail address, email address, business email, company email, primary work email, E-Mail geschäftlich,
    E-Mail dienstlich, E-Mail-Adresse, dienstliche E-Mail, adresse e-mail, courriel, email professionnel, e-mail pro,
    correo, correo electrónico, correo corporativo, email aziendale, posta elettronica, email profissional,
    email corporativo, e-mail służbowy, adres e-mail, zakelijk e-mailadres, e-mailadres, werk e-mail`,
  legacyEmails: `former e-mail addresses, e-mail aliases, frühere E-Mail-Adressen, anciennes adresses e-mail`,
  workPhone: `work phone number, business phone, office phone, telephone, Telefon, Telefon geschäftlich, Telefon dienstlich,
    téléphone, téléphone professionnel, teléfono, teléfono trabajo, telefono, telefono ufficio, telefone, telefon służbowy,
    telefoon, telefoon werk`,
  mobilePhone: `mobile phone number, mobile number, cell phone, cell, Handy, Mobiltelefon, Mobil, Diensthandy, portable,
    téléphone portable, móvil, teléfono móvil, cellulare, telemóvel, celular, telefon komórkowy, komórka, mobiel,
    mobiel nummer`,
};

const fieldByName = new Map<string, FeedField>(
  feedFields.flatMap((field) =>
    [field, ...feedColumns[field], ...names[field].split(',')].map((name) => [plainHeader(name), field] as const),
  ),
);
/** Long enough that it means itself within a longer header too, the longest first. */
const tellingNames = [...fieldByName].filter(([name]) => name.length >= 6).sort(([a], [b]) => b.length - a.length);
/** What is somebody's own is none of the company's. */
const privately =
  /privat|personal(?!nr|nummer|stat|teil)|home|person(al|nel)e?(mail|phone)|prywat|particulier|casa|emergency|notfall|urgence|emergenc/;

/** The field that a header means by its name: by all of it, or by a part of it. */
export function fieldByHeader(header: string): { field: FeedField; isWhole: boolean } | undefined {
  const plain = plainHeader(header);
  if (plain === '') return undefined;
  const whole = fieldByName.get(plain);
  if (whole !== undefined) return { field: whole, isWhole: true };
  const part = tellingNames.find(([name]) => plain.includes(name))?.[1];
  if (part === undefined || (isOfContact(part) && privately.test(plain))) return undefined;
  return { field: part, isWhole: false };
}

const isOfContact = (field: FeedField) =>
  field === 'workEmail' || field === 'workPhone' || field === 'mobilePhone' || field === 'legacyEmails';
