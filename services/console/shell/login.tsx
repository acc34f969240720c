/** Asks for an access token, over the page: what was typed there is kept. */
import { useId, useState } from 'preact/hooks';
import { isRefused, isToken, setToken, token } from '../api/token.ts';
import { Dialog } from '../parts/dialog.tsx';
import { TEXTS } from '../texts.ts';

export function Login() {
  const [text, setText] = useState('');
  const [isOdd, setOdd] = useState(false);
  const id = useId();
  if (token.value !== '' && !isRefused.value) return null;
  const { login } = TEXTS;
  return (
    <Dialog title={login.title}>
      <form
        class="login"
        onSubmit={(event) => {
          event.preventDefault();
          const given = text.trim();
          if (given === '') return;
          setOdd(!isToken(given));
          if (!isToken(given)) return;
          setToken(given);
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
        {!isSecureContext && <p class="notice">{login.inClear}</p>}
        <label>
          {login.field}
          <input
            type="password"
            autocomplete="off"
            value={text}
            aria-invalid={isOdd}
            aria-describedby={isOdd ? id : undefined}
            onInput={(event) => setText(event.currentTarget.value)}
            autofocus
            required
          />
        </label>
        {isOdd && (
          <p id={id} class="problem" role="alert">
            {login.odd}
          </p>
        )}
        <button type="submit" class="primary">
          {login.submit}
        </button>
      </form>
    </Dialog>
  );
}
