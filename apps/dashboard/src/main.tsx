import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { isSignedIn } from './api.js';
import { Home } from './pages/home.js';
import { SignIn } from './pages/sign-in.js';
import './style.css';

const queries = new QueryClient();

function App() {
  const [signedIn, setSignedIn] = useState<boolean>();
  useEffect(() => {
    isSignedIn().then(setSignedIn, () => setSignedIn(false));
  }, []);
  if (signedIn === undefined) return null;
  return signedIn ? <Home onSignedOut={() => setSignedIn(false)} /> : <SignIn onSignedIn={() => setSignedIn(true)} />;
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
