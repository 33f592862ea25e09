import { useState } from 'react';
import { signIn } from '../api.js';
import { texts } from '../texts.js';

export function SignIn({ onSignedIn }: { readonly onSignedIn: () => void }) {
  const [refused, setRefused] = useState(false);
  const submit = async (form: FormData) => {
    const token = form.get('token');
    const accepted = typeof token === 'string' && (await signIn(token.trim()));
    setRefused(!accepted);
    if (accepted) onSignedIn();
  };
  return (
    <main className="sign-in">
      <h1>{texts.title}</h1>
      <form action={submit}>
        <label htmlFor="token">{texts.tokenLabel}</label>
        <input id="token" name="token" type="password" autoComplete="off" required aria-describedby="hint" />
        <p id="hint" className="muted">
          {texts.tokenHint}
        </p>
        {refused && (
          <p role="alert" className="bad">
            {texts.tokenRefused}
          </p>
        )}
        <button type="submit">{texts.signIn}</button>
      </form>
    </main>
  );
}
