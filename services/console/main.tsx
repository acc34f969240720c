/** The console: one page over the HTTP API. */
import { render } from 'preact';
import { App } from './shell/app.tsx';

const root = document.getElementById('app');
if (root !== null) render(<App />, root);
