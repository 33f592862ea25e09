import { useState } from 'react';
import { signIn, type Caller } from '../api.js';
import { texts } from '../texts.js';

type Props = { readonly ended: boolean; readonly onSignedIn: (caller: Caller) => void };

export function SignIn({ ended, onSignedIn }: Props) {
  const [trouble, setTrouble] = useState<string | undefined>(ended ? texts.sessionEnded : undefined);
  const submit = async (form: FormData) => {
    const token = form.get('token');
    try {
      const caller = typeof token === 'string' ? await signIn(token.trim()) : undefined;
      if (caller === undefined) setTrouble(texts.tokenRefused);
      else onSignedIn(caller);
    } catch {
      setTrouble(texts.tokenUnreachable);
    }
  };
  return (
    <main className="sign-in">
      <h1 className="brand">{texts.title}</h1>
      <p className="muted">{texts.tagline}</p>
      <form action={submit} className="card">
        <label htmlFor="token">{texts.tokenLabel}</label>
        <input
          id="token"
          name="token"
          type="password"
          autoComplete="off"
          spellCheck={false}
          required
          aria-describedby="hint"
        />
        <p id="hint" className="muted small">
          {texts.tokenHint} <code>{texts.tokenCommand}</code>
        </p>
        {trouble !== undefined && (
          <p role="alert" className="trouble">
            {trouble}
          </p>
        )}
        <button type="submit">{texts.signIn}</button>
      </form>
    </main>
  );
}
