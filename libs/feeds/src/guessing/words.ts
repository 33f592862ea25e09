import { countryCodes } from '../countries.js';
import { foldWord } from '../spelling.js';

type Words = Readonly<Record<string, string>>;

const meanings = (words: Words): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(words).flatMap(([meaning, all]) =>
      [meaning, ...all.split(',')].map((word) => [foldWord(word), meaning] as const),
    ),
  );

/** Words that mean one thing only, in the languages of `header-names.ts`; what may mean several is left to a person. */
export const statusMeanings = meanings({
  ACTIVE: `active employee, active assignment, employed, working, A, aktiv, aktive, tätig, beschäftigt, actif, active, présent,
    en poste, activo, activa, en activo, attivo, attiva, in forza, ativo, ativa, aktywny, aktywna, zatrudniony, zatrudniona,
    actief, in dienst`,
  PREHIRE: `pre-hire, preboarding, onboarding, future hire, future starter, hired, künftig, zukünftig, vor Eintritt, à venir,
    futur, futuro ingreso, futuro, przyszły, toekomstig`,
  LEAVE: `on leave, leave of absence, LOA, parental leave, maternity leave, paid leave, unpaid leave, ruhend, beurlaubt,
    Elternzeit, Mutterschutz, en congé, congé parental, congé maternité, suspendu, de baja, excedencia, permiso, in congedo,
    aspettativa, maternità, de licença, licença, afastado, urlop, na urlopie, urlop macierzyński, urlop wychowawczy,
    verlof, met verlof, ouderschapsverlof`,
  TERMINATED: `terminated, inactive, left, leaver, former employee, separated, dismissed, retired, inactive - payroll eligible,
    T, ausgetreten, ausgeschieden, inaktiv, gekündigt, pensioniert, sorti, parti, inactif, inactivo, baja definitiva, cesado,
    cessato, dimesso, inattivo, desligado, demitido, inativo, zwolniony, nieaktywny, były pracownik, uit dienst, inactief`,
});

export const workerTypeMeanings = meanings({
  EMPLOYEE: `regular, permanent, full-time, part-time, full time, part time, internal, employees, unbefristet, Angestellte,
    Angestellter, Festangestellte, Mitarbeiter, Vollzeit, Teilzeit, intern beschäftigt, CDI, salarié, salariée, indefinido,
    fijo, empleado, tempo indeterminato, dipendente, efetivo, CLT, funcionário, umowa o pracę, czas nieokreślony,
    pracownik, onbepaalde tijd, vast, werknemer`,
  TEMP: `temporary, fixed term, fixed-term, seasonal, casual, befristet, Aushilfe, Saisonkraft, CDD, saisonnier, intérimaire,
    temporal, eventual, tempo determinato, interinale, temporário, czas określony, tymczasowy, bepaalde tijd, tijdelijk,
    uitzendkracht`,
  CONTRACTOR: `contingent worker, contingent, external, freelancer, freelance, consultant, extern, Externe, Fremdarbeitskraft,
    Leiharbeitnehmer, prestataire, externe, autónomo, externo, consulente, esterno, collaboratore, PJ, zleceniobiorca, B2B,
    kontraktor, inhuur, zzp`,
  INTERN: `trainee, apprentice, internship, Praktikant, Praktikantin, Auszubildende, Auszubildender, Azubi, Werkstudent,
    stagiaire, apprenti, alternant, becario, prácticas, aprendiz, stagista, tirocinante, apprendista, estagiário,
    stażysta, praktykant, stagiair`,
});

const languages = ['en', 'de', 'fr', 'es', 'it', 'pt', 'pl', 'nl'];

/** The names of countries in these languages, and a few that are said otherwise. */
export const countryMeanings: ReadonlyMap<string, string> = new Map([
  ...languages.flatMap((language) => {
    const namesOf = new Intl.DisplayNames([language], { type: 'region' });
    return [...countryCodes].map((code) => [foldWord(namesOf.of(code) ?? code), code] as const);
  }),
  ...[...countryCodes].map((code) => [code, code] as const),
  ...Object.entries({
    'UNITED STATES OF AMERICA': 'US',
    USA: 'US',
    'GREAT BRITAIN': 'GB',
    ENGLAND: 'GB',
    'CZECH REPUBLIC': 'CZ',
    HOLLAND: 'NL',
    UK: 'GB',
  }),
]);
