/** Asks for an access token, over the page: what was typed there is kept. */
import { useState } from 'preact/hooks';
import { isRefused, setToken, token } from '../api/token.ts';
import { Dialog } from '../parts/dialog.tsx';
import { TEXTS } from '../texts.ts';

export function Login() {
  const [text, setText] = useState('');
  if (token.value !== '' && !isRefused.value) return null;
  const { login } = TEXTS;
  return (
    <Dialog title={login.title}>
      <form
        class="login"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() === '') return;
          setToken(text.trim());
          setText('');
        }}
      >
        {isRefused.value && (
          <p class="problem" role="alert">
            {login.refused}
          </p>
        )}
        <p>{login.why}</p>
        <ul>
          <li>{login.where.local}</li>
          <li>{login.where.cluster}</li>
        </ul>
        <label>
          {login.field}
          <input
            type="password"
            autocomplete="off"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
            autofocus
            required
          />
        </label>
        <button type="submit" class="primary">
          {login.submit}
        </button>
      </form>
    </Dialog>
  );
}
