import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode, useCallback, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { whoIsSignedIn, type Caller } from './api.js';
import { Home } from './pages/home.js';
import { SignIn } from './pages/sign-in.js';
import { texts } from './texts.js';
import './style.css';

const queries = new QueryClient();
const askAgainMs = 2_000;

type Standing = 'asking' | 'unreachable' | 'signedOut' | 'ended' | Caller;

function App() {
  const [standing, setStanding] = useState<Standing>('asking');
  useEffect(() => {
    if (standing !== 'asking' && standing !== 'unreachable') return undefined;
    const ask = () =>
      void whoIsSignedIn().then(
        (caller) => setStanding(caller ?? 'signedOut'),
        () => setStanding('unreachable'),
      );
    if (standing === 'asking') ask();
    const timer = setInterval(ask, askAgainMs);
    return () => clearInterval(timer);
  }, [standing]);
  const end = useCallback((why: 'signedOut' | 'ended') => {
    queries.clear();
    setStanding(why);
  }, []);
  if (standing === 'asking') return null;
  if (standing === 'unreachable') {
    return (
      <main className="sign-in" role="status">
        <p>{texts.unreachable}</p>
      </main>
    );
  }
  if (standing === 'signedOut' || standing === 'ended') {
    return <SignIn ended={standing === 'ended'} onSignedIn={setStanding} />;
  }
  return <Home caller={standing} onSignedOut={end} />;
}

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no root');
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
