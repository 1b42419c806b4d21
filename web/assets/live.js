// Times, the age of what is shown, the stream, and changing a page in place.
export const $ = (s, e) => (e || document).querySelector(s);
export const $$ = (s, e) => Array.from((e || document).querySelectorAll(s));

const lang = document.documentElement.lang;
// The 24-hour clock in every language: logs are read beside it.
const clock = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
export function localTimes(root) {
  for (const t of $$("time[datetime]", root)) {
    const d = new Date(t.dateTime);
    if (isNaN(d) || d.getFullYear() < 2000) continue;
    if (t.textContent.includes("UTC")) { t.title = t.textContent; t.textContent = clock.format(d); }
    else t.title = clock.format(d);
  }
}

// Ages grow by themselves, in the server's format.
const units = (document.body.dataset.units || "").split(",");
function age(seconds) {
  const parts = [[seconds / 86400, 1e9], [seconds / 3600, 24], [seconds / 60, 60], [seconds, 60]]
    .map(([n, m]) => Math.floor(n) % m);
  const first = seconds >= 48 * 3600 ? 0 : seconds >= 3600 ? 1 : seconds >= 60 ? 2 : 3;
  if (first === 1) parts[1] += parts[0] * 24;
  return [first, first + 1].filter((i) => i < 4).map((i) => parts[i] + units[i]).join("").trim();
}
setInterval(() => {
  if (units.length !== 4 || document.hidden) return;
  for (const t of $$(".c-age time")) {
    const seconds = (Date.now() - new Date(t.dateTime)) / 1000;
    if (seconds >= 10 && seconds < 4e9) t.textContent = age(seconds);
  }
}, 5000);

// --- age of what is shown ---------------------------------------------------
let last = Date.now(), broken = false, following = false;
export function heard() { last = Date.now(); broken = false; following = true; showPulse(); }
export function missed() { broken = true; showPulse(); }
function showPulse() {
  const pulse = $("#pulse");
  if (!pulse || !following) return;
  const old = Math.round((Date.now() - last) / 1000);
  const stale = broken || old > 40;
  pulse.classList.toggle("on", !stale);
  pulse.classList.toggle("stale", stale);
  document.body.classList.toggle("is-stale", stale);
  const text = stale ? pulse.dataset.stale : pulse.dataset.live;
  $("b", pulse).textContent = stale || old > 20 ? text + " · " + pulse.dataset.ago.replace("%s", old) : text;
}
export function startPulse() { setInterval(showPulse, 1000); }

// follow reads a stream until the returned function is called. again is called
// when it was interrupted: what changed meanwhile may be more than it tells.
export function follow(url, events, again) {
  const source = new EventSource(url);
  let opened = false, closed = false;
  source.onopen = () => { heard(); if (opened) again(); opened = true; };
  source.onerror = () => {
    missed();
    if (source.readyState === EventSource.CLOSED) setTimeout(() => { if (!closed) again(); }, 5000); // refused: it does not try by itself
  };
  for (const name in events) source.addEventListener(name, (e) => { heard(); events[name](JSON.parse(e.data)); });
  const close = () => { closed = true; source.close(); };
  addEventListener("pagehide", close);
  return close;
}

// morph makes old like fresh and leaves alone what is the same: focus, what was
// typed, what is open, and where the page is scrolled to stay.
export function morph(old, fresh) {
  for (const a of Array.from(old.attributes)) {
    if (!fresh.hasAttribute(a.name) && a.name !== "open") old.removeAttribute(a.name);
  }
  for (const a of fresh.attributes) {
    if (a.name !== "open" && old.getAttribute(a.name) !== a.value) old.setAttribute(a.name, a.value);
  }
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(old.nodeName)) return;
  const byID = new Map(Array.from(old.children).filter((c) => c.id).map((c) => [c.id, c]));
  let at = old.firstChild;
  for (const f of Array.from(fresh.childNodes)) {
    let match = f.id ? byID.get(f.id) : null;
    if (!match && !f.id && at && !at.id && at.nodeType === f.nodeType && at.nodeName === f.nodeName) match = at;
    if (!match) { old.insertBefore(f, at); continue; }
    if (match === at) at = at.nextSibling; else old.insertBefore(match, at);
    if (match.nodeType === Node.ELEMENT_NODE) morph(match, f);
    else if (match.nodeValue !== f.nodeValue) match.nodeValue = f.nodeValue;
  }
  while (at) { const next = at.nextSibling; at.remove(); at = next; }
}
