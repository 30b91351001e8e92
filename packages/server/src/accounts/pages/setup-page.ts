import { createHash } from 'node:crypto';

/**
 * The page behind the set-up link, until the dashboard serves it: one form, no dependency. The token stays in the
 * address of the page and goes only to /api/setup.
 */
const STYLE = `
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:Canvas;color:CanvasText}
main{width:min(24rem,calc(100vw - 2rem));padding:1rem}
h1{font-size:1.5rem;margin:0 0 .25rem}p{margin:.25rem 0 1rem;opacity:.8}
label{display:block;margin:.75rem 0 .25rem;font-weight:600}
input,button{font:inherit;width:100%;box-sizing:border-box;padding:.6rem .7rem;border-radius:.5rem;border:1px solid #8888}
button{margin-top:1.25rem;background:#0b6e4f;color:#fff;border:0;font-weight:600;cursor:pointer}
button:disabled{opacity:.6}small{opacity:.75}[role=alert]{color:#c0262d;min-height:1.5rem;margin:.75rem 0 0}
code{background:#8883;padding:.1rem .3rem;border-radius:.25rem}`;

const SCRIPT = `
const form=document.querySelector('form'),say=document.querySelector('[role=alert]');
if(form)form.addEventListener('submit',async(event)=>{event.preventDefault();say.textContent='';
const button=form.querySelector('button');button.disabled=true;
const data=Object.fromEntries(new FormData(form));data.token=new URLSearchParams(location.search).get('token')||'';
try{const reply=await fetch('/api/setup',{method:'POST',headers:{'content-type':'application/json'},body:JSON.stringify(data)});
if(reply.ok){document.querySelector('main').replaceChildren(document.querySelector('template').content);return}
const body=await reply.json();say.textContent=body.error?body.error.message:'The server answered '+reply.status}
catch{say.textContent='The server does not answer. Is it still running?'}
button.disabled=false});`;

const FORM = `<h1>Welcome to Muster</h1><p>Make the first administrator of this server.</p>
<form><label for=name>Your name</label><input id=name name=name required maxlength=200 autocomplete=name>
<label for=email>E-mail</label><input id=email name=email type=email required maxlength=254 autocomplete=username>
<label for=password>Password</label><input id=password name=password type=password required minlength=12 autocomplete=new-password>
<small>At least 12 characters. There is no default password anywhere.</small>
<label for=siteName>Name of your first site</label><input id=siteName name=siteName value=Home required maxlength=200>
<button>Create administrator</button><div role=alert></div></form>
<template><h1>Done</h1><p>You are the administrator. In a terminal beside the server:</p>
<p><code>npx muster login</code></p><p><code>npx muster talk question.wav --out answer.wav</code></p>
<p><a href="/api/docs">The API of this server</a></p></template>`;

const CLOSED =
  '<h1>Set up already</h1><p>This server has an administrator. Sign in with <code>npx muster login</code>.</p>';

const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const POLICY = [
  "default-src 'none'",
  `style-src ${hash(STYLE)}`,
  `script-src ${hash(SCRIPT)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join(';');

/** `open` is whether there is no administrator yet. */
export function setupPage(open: boolean): { readonly html: string; readonly policy: string } {
  const html = `<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">
<meta name=referrer content=no-referrer><title>Muster: set-up</title><style>${STYLE}</style>
<main>${open ? FORM : CLOSED}</main><script>${SCRIPT}</script></html>`;
  return { html, policy: POLICY };
}
