"use strict";
// Live rows, live counts, confirmation, keyboard. Every page works without it.
(function () {
  const $ = (s, e) => (e || document).querySelector(s);
  const $$ = (s, e) => Array.from((e || document).querySelectorAll(s));
  const main = $("#main");

  // --- times and ages -----------------------------------------------------
  const lang = document.documentElement.lang;
  const clock = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "long" });
  function localTimes(root) {
    for (const t of $$("time[datetime]", root)) {
      const d = new Date(t.dateTime);
      if (isNaN(d) || d.getFullYear() < 2000) continue;
      if (t.textContent.includes("UTC")) t.textContent = clock.format(d);
      else t.title = clock.format(d);
    }
  }
  localTimes(document);

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

  // --- theme ----------------------------------------------------------------
  const theme = $("#theme");
  if (theme) theme.addEventListener("click", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try { localStorage.setItem("hikyaku-theme", next); } catch (e) { /* not kept */ }
  });

  // --- age of what is shown ---------------------------------------------------
  const pulse = $("#pulse");
  let last = Date.now(), broken = false, following = false;
  function heard() { last = Date.now(); broken = false; showPulse(); }
  function showPulse() {
    if (!pulse || !following) return;
    const age = Math.round((Date.now() - last) / 1000);
    const stale = broken || age > 40;
    pulse.classList.toggle("on", !stale);
    pulse.classList.toggle("stale", stale);
    const text = stale ? pulse.dataset.stale : pulse.dataset.live;
    $("b", pulse).textContent = stale || age > 20 ? text + " · " + pulse.dataset.ago.replace("%s", age) : text;
  }
  setInterval(showPulse, 1000);

  function follow(url, events) {
    following = true;
    const source = new EventSource(url);
    source.onopen = heard;
    source.onerror = () => { broken = true; showPulse(); };
    for (const name in events) source.addEventListener(name, (e) => { heard(); events[name](JSON.parse(e.data)); });
    addEventListener("pagehide", () => source.close());
  }

  // --- live rows ----------------------------------------------------------------
  const rows = $("#rows"), maxRows = 200;
  let waiting = new Map(), planned = false;
  function flush() {
    planned = false;
    const say = $("#say"), template = document.createElement("template");
    for (const u of waiting.values()) {
      const old = document.getElementById("t-" + u.transfer_id);
      if (!old && (!u.match || main.dataset.newest !== "1" || older(u.transfer_id))) continue;
      template.innerHTML = u.html; // rendered and escaped by the server
      const row = template.content.firstElementChild;
      localTimes(row);
      if (!old) insert(row);
      else if (!old.contains(document.activeElement)) old.replaceWith(row);
      else continue;
      row.classList.toggle("left", !u.match);
      if (old && u.ended && !old.classList.contains(row.className.split(" ")[0]) && say) {
        say.textContent = say.dataset.ended.replace("%1", $(".c-id a", row).textContent).replace("%2", $(".state", row).textContent);
      }
    }
    waiting = new Map();
    while (rows.children.length > maxRows) rows.lastElementChild.remove();
    const empty = $("#empty");
    if (empty) empty.hidden = rows.children.length > 0;
  }
  function older(id) {
    return rows.children.length >= 50 && id < rows.lastElementChild.dataset.id;
  }
  // Transfer IDs sort by creation: newer ones go above, in order.
  function insert(row) {
    const next = $$("tr", rows).find((r) => r.dataset.id < row.dataset.id);
    if (next) next.before(row); else rows.append(row);
  }

  if (main && main.dataset.live) follow(main.dataset.live, {
    row: (u) => {
      if (!rows) return;
      waiting.set(u.transfer_id, u);
      if (!planned) { planned = true; requestAnimationFrame(flush); }
    },
    stats: (s) => {
      let all = 0;
      for (const state in s.totals) {
        all += s.totals[state];
        const chip = $('.chip[data-state="' + state + '"] b');
        if (chip) chip.textContent = s.totals[state].toLocaleString(lang);
      }
      const chip = $('.chip[data-state=""] b');
      if (chip) chip.textContent = all.toLocaleString(lang);
    },
  });

  // --- parts that are read again -------------------------------------------------
  async function refresh(url, selector) {
    try {
      const res = await fetch(url, { headers: { Accept: "text/html" } });
      if (!res.ok || res.redirected) return;
      const doc = new DOMParser().parseFromString(await res.text(), "text/html");
      const fresh = selector ? $(selector, doc) : doc.body, old = $(selector || "#side");
      if (!fresh || !old || old.contains(document.activeElement) && document.activeElement !== document.body) return;
      const openNow = $$("details[open]", old).map((d) => d.id);
      old.replaceChildren(...fresh.childNodes);
      openNow.forEach((id) => { const d = document.getElementById(id); if (d) d.open = true; });
      localTimes(old);
      heard();
    } catch (e) { broken = true; showPulse(); }
  }
  if ($("#side")) setInterval(() => { if (!document.hidden) refresh("/side"); }, 10000);
  if (main && main.dataset.refresh) {
    following = true; heard();
    setInterval(() => { if (!document.hidden) refresh(location.href, "#live"); }, main.dataset.refresh * 1000);
  }
  if (main && main.dataset.watch) {
    let due = 0, first = true;
    follow(main.dataset.watch, {
      row: () => {
        if (first) { first = false; return; }
        if (due) return;
        due = setTimeout(() => { due = 0; refresh(location.href, "#live"); }, 700);
      },
      stats: () => {},
    });
  }

  // --- confirmation with a reason -------------------------------------------------
  const dialog = $("#confirm");
  document.addEventListener("submit", (e) => {
    const form = e.target;
    if (!dialog || !form.dataset.confirm || form.dataset.sure) return;
    e.preventDefault();
    $("h2", dialog).textContent = form.dataset.confirm;
    $("#reason").value = "";
    dialog.returnValue = "no";
    dialog.showModal();
    dialog.onclose = () => {
      if (dialog.returnValue !== "yes") return;
      set(form, "reason", $("#reason").value);
      if (!form.elements.back) set(form, "back", location.pathname + location.search);
      form.dataset.sure = "1";
      form.requestSubmit();
    };
  });
  function set(form, name, value) {
    const input = document.createElement("input");
    input.type = "hidden"; input.name = name; input.value = value;
    form.append(input);
  }

  // --- search as you type, keyboard --------------------------------------------------
  const q = $("#q");
  let typing = 0;
  if (q) {
    if (q.value) { q.focus(); q.setSelectionRange(q.value.length, q.value.length); }
    q.addEventListener("input", (e) => {
      clearTimeout(typing);
      if (!e.isComposing) typing = setTimeout(() => q.form.requestSubmit(), 500);
    });
    q.addEventListener("compositionend", () => { typing = setTimeout(() => q.form.requestSubmit(), 500); });
  }
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const field = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
    if (e.key === "Escape" && document.activeElement === q) { q.blur(); return; }
    if (field || (dialog && dialog.open)) return;
    if (e.key === "/" && q) { e.preventDefault(); q.focus(); q.select(); }
    if (e.key === "j" || e.key === "k") {
      const links = $$(".transfers .c-id a");
      const at = links.indexOf(document.activeElement);
      const to = links[e.key === "j" ? Math.min(at + 1, links.length - 1) : Math.max(at - 1, 0)];
      if (to) to.focus();
    }
  });
})();
