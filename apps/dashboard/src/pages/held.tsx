import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { decide, readHeld, type Caller, type HeldDelivery, type Verdict } from '../api.js';
import { number, time } from '../format.js';
import { texts } from '../texts.js';

const lookMs = 10_000;
const verdicts = ['approve', 'reject'] as const;
const roles: Readonly<Record<Verdict, readonly string[]>> = { approve: ['admin'], reject: ['admin', 'operator'] };

/** Deliveries that would change too much: nothing is here as long as there are none. */
export function Held({ caller }: { readonly caller: Caller }) {
  const held = useQuery({ queryKey: ['held'], queryFn: readHeld, refetchInterval: lookMs });
  const [told, setTold] = useState('');
  const list = held.data ?? [];
  return (
    <>
      <p className={told === '' ? 'unseen' : 'muted'} role="status">
        {told} {list.length > 0 && <span className="unseen">{`${texts.held.title}: ${number(list.length)}`}</span>}
      </p>
      {list.length > 0 && (
        <section className="card held" aria-labelledby="held">
          <h2 id="held">
            {texts.held.title} <span className="muted small">{texts.held.note}</span>
          </h2>
          <ul>
            {list.map((delivery) => (
              <li key={`${delivery.id} ${delivery.fingerprint}`}>
                <Delivery delivery={delivery} caller={caller} onTold={setTold} />
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

interface DeliveryProps {
  readonly delivery: HeldDelivery;
  readonly caller: Caller;
  readonly onTold: (sentence: string) => void;
}

function Delivery({ delivery, caller, onTold }: DeliveryProps) {
  const { source, mode, population, since, waiting, measures, id } = delivery;
  const [verdict, setVerdict] = useState<Verdict>();
  const whole = texts.held.modes[mode];
  const behind = waiting === 0 ? '' : `. ${texts.held.waiting} ${number(waiting)}`;
  return (
    <article aria-labelledby={`held-${id}`}>
      <h3 id={`held-${id}`}>
        {source} <span className="tag">{population === '' ? whole : `${whole} ${population}`}</span>
      </h3>
      <p className="muted small">
        {texts.held.since} {time(since)}
        {behind}
      </p>
      <ul className="measures">
        {measures.map(({ measure, country, isOver, sentence }) => (
          <li key={`${measure} ${country ?? ''}`} className={isOver ? 'over' : ''}>
            <strong>{isOver ? texts.held.over : texts.held.within}</strong> {sentence}
          </li>
        ))}
      </ul>
      <Countries delivery={delivery} />
      <Commands delivery={delivery} caller={caller} />
      {verdict === undefined ? (
        <Choices caller={caller} onChosen={setVerdict} />
      ) : (
        <Decision delivery={delivery} verdict={verdict} onTold={onTold} onGivenUp={() => setVerdict(undefined)} />
      )}
    </article>
  );
}

function Countries({ delivery: { counts } }: { readonly delivery: HeldDelivery }) {
  const kinds = Object.entries(counts).filter(([, byCountry]) => Object.keys(byCountry).length > 0);
  if (kinds.length === 0) return null;
  return (
    <dl className="countries small">
      {kinds.map(([kind, byCountry]) => (
        <div key={kind}>
          <dt>{texts.held.kinds[kind === 'leavers' ? 'leavers' : 'addressChanges']}</dt>
          <dd>
            {Object.entries(byCountry)
              .toSorted(([, a], [, b]) => b - a)
              .map(([country, count]) => `${country} ${number(count)}`)
              .join(', ')}
          </dd>
        </div>
      ))}
    </dl>
  );
}

const may = ({ role }: Caller, verdict: Verdict) => roles[verdict].includes(role);

/** Who is concerned is shown by a command; what this caller may not decide here, somebody else decides by one. */
function Commands({ delivery, caller }: Pick<DeliveryProps, 'delivery' | 'caller'>) {
  const { source, id, fingerprint } = delivery;
  const others = verdicts.filter((verdict) => !may(caller, verdict));
  return (
    <>
      <p className="small">
        {texts.held.look} <code>{`bascule feed difference ${source} ${id}`}</code>
      </p>
      {others.map((verdict) => (
        <p key={verdict} className="small">
          {texts.held.others[verdict]} <code>{`bascule feed ${verdict} ${source} ${id} ${fingerprint}`}</code>
        </p>
      ))}
    </>
  );
}

function Choices({ caller, onChosen }: { readonly caller: Caller; readonly onChosen: (verdict: Verdict) => void }) {
  const open = verdicts.filter((verdict) => may(caller, verdict));
  if (open.length === 0) return null;
  return (
    <div className="decide">
      {open.map((verdict) => (
        <button
          key={verdict}
          type="button"
          className={verdict === 'reject' ? 'outline' : ''}
          onClick={() => onChosen(verdict)}
        >
          {texts.held.choices[verdict]}
        </button>
      ))}
    </div>
  );
}

/** So much of the fingerprint a person types to say that they mean this difference. */
const typedCharacters = 8;

interface DecisionProps {
  readonly delivery: HeldDelivery;
  readonly verdict: Verdict;
  readonly onTold: (sentence: string) => void;
  readonly onGivenUp: () => void;
}

function Decision({ delivery, verdict, onTold, onGivenUp }: DecisionProps) {
  const { id, fingerprint } = delivery;
  const [trouble, setTrouble] = useState<string>();
  const queries = useQueryClient();
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const submit = async (form: FormData) => {
    const [confirmed, note] = [form.get('confirmed'), form.get('note')];
    if (confirmed !== fingerprint.slice(0, typedCharacters)) {
      setTrouble(texts.held.otherFingerprint);
      return;
    }
    const refusal = await decide(delivery, verdict, typeof note === 'string' ? note : '').catch(
      () => texts.unreachable,
    );
    await queries.invalidateQueries({ queryKey: ['held'] });
    onTold(refusal ?? texts.held.decided[verdict]);
    setTrouble(refusal);
    // The form is gone with the delivery: whoever works with the keyboard goes on below.
    if (refusal === undefined) document.getElementById('progress')?.focus();
  };
  return (
    <form action={submit} className="decide" aria-label={texts.held.choices[verdict]}>
      <p id={`exactly-${id}`}>
        {texts.held.exactly[verdict]} <code>{fingerprint}</code>
      </p>
      <label htmlFor={`confirmed-${id}`}>{texts.held.confirm}</label>
      <input
        ref={first}
        id={`confirmed-${id}`}
        name="confirmed"
        autoComplete="off"
        spellCheck={false}
        required
        maxLength={typedCharacters}
        aria-describedby={`exactly-${id}`}
      />
      <label htmlFor={`note-${id}`}>{texts.held.why}</label>
      <input id={`note-${id}`} name="note" maxLength={1_000} autoComplete="off" />
      {trouble !== undefined && (
        <p role="alert" className="trouble">
          {trouble}
        </p>
      )}
      <p className="moves">
        <button type="button" className="quiet" onClick={onGivenUp}>
          {texts.held.giveUp}
        </button>
        <button type="submit">{texts.held.verdicts[verdict]}</button>
      </p>
    </form>
  );
}
