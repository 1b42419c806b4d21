// The list of transfers: live rows, selection, search as you type, columns.
import { $, $$, localTimes, morph, follow, heard, missed } from "./live.js";

const maxRows = 200;
let waiting = new Map(), planned = false, close = null;

function older(rows, id) {
  return rows.children.length >= 40 && id < rows.lastElementChild.dataset.id;
}
// Transfer IDs sort by creation: newer ones go above, in order.
function insert(rows, row) {
  const next = $$("tr", rows).find((r) => r.dataset.id < row.dataset.id);
  if (next) next.before(row); else rows.append(row);
}

function flush() {
  planned = false;
  const main = $("#main"), rows = $("#rows"), say = $("#say"), template = document.createElement("template");
  if (!rows) return;
  for (const u of waiting.values()) {
    const old = document.getElementById("t-" + u.transfer_id);
    if (!old && (!u.match || main.dataset.newest !== "1" || older(rows, u.transfer_id))) continue;
    template.innerHTML = u.html; // rendered and escaped by the server
    const row = template.content.firstElementChild;
    localTimes(row);
    row.classList.toggle("left", !u.match);
    if (old && u.ended && say && !old.classList.contains(row.classList[0])) {
      say.textContent = say.dataset.ended.replace("%1", $(".c-id a", row).textContent).replace("%2", $(".state", row).textContent);
    }
    if (old) morph(old, row); else insert(rows, row);
  }
  waiting = new Map();
  while (rows.children.length > maxRows) rows.lastElementChild.remove();
  const empty = $("#empty");
  if (empty) empty.hidden = rows.children.length > 0;
}

function live() {
  const main = $("#main"), lang = document.documentElement.lang;
  if (close) close();
  waiting = new Map();
  if (!main.dataset.live) return;
  close = follow(main.dataset.live, {
    row: (u) => {
      waiting.set(u.transfer_id, u);
      if (!planned) { planned = true; requestAnimationFrame(flush); }
    },
    stats: (s) => {
      if (new URLSearchParams(location.search).get("route")) return; // its chips count the route
      let all = 0;
      for (const state in s.totals) {
        all += s.totals[state];
        const chip = $('.chip[data-state="' + state + '"] b');
        if (chip) chip.textContent = s.totals[state].toLocaleString(lang);
      }
      const chip = $('.chip[data-state=""] b');
      if (chip) chip.textContent = all.toLocaleString(lang);
    },
  }, () => show(location.href));
}

// --- selection ------------------------------------------------------------------
function picked() {
  const form = $("#bulk"), text = form && $(".picked", form);
  if (!text) return;
  const all = form.elements.all, n = $$('#rows input[name="transfer_id"]:checked').length;
  const every = all && all.checked;
  form.dataset.count = every ? Number(text.dataset.count) > 0 ? Number(text.dataset.count).toLocaleString(document.documentElement.lang) : all.parentNode.textContent.trim() : String(n);
  text.textContent = text.dataset.text.replace("%n", form.dataset.count);
  form.classList.toggle("on", n > 0 || every);
}
function selection() {
  document.addEventListener("change", (e) => {
    if (e.target.id === "pick-all") {
      for (const box of $$('#rows input[name="transfer_id"]')) box.checked = e.target.checked;
    }
    if (e.target.matches('input[name="transfer_id"], input[name="all"], #pick-all')) picked();
  });
  document.addEventListener("reset", (e) => {
    if (e.target.id === "bulk") setTimeout(() => { $("#pick-all").checked = false; picked(); });
  });
}

// --- search as you type: the address follows, and back goes back --------------------
let typed = 0, typing = null, pushed = false;
async function show(url, push) {
  const now = ++typed;
  const results = $("#results");
  results.setAttribute("aria-busy", "true");
  try {
    const res = await fetch(url, { headers: { Accept: "text/html" } });
    if (now !== typed) return;
    if (!res.ok || res.redirected) { location.href = url; return; }
    const doc = new DOMParser().parseFromString(await res.text(), "text/html");
    if (now !== typed) return;
    if (push) { history.pushState({ view: 1 }, "", url); } else if (push === false) { history.replaceState({ view: 1 }, "", url); }
    document.title = doc.title;
    const main = $("#main"), fresh = $("#main", doc);
    for (const name of ["live", "newest"]) main.dataset[name] = fresh.dataset[name];
    for (const part of ["#results", "#chips", "form.choices"]) {
      const from = $(part, doc);
      localTimes(from);
      if (part === "#results") { results.replaceChildren(...from.childNodes); results.removeAttribute("aria-busy"); } else $(part).replaceWith(document.adoptNode(from));
    }
    const choices = $("form.choices");
    choices.classList.add("auto");
    choices.addEventListener("change", () => choices.requestSubmit());
    picked();
    live();
    heard();
  } catch (e) { missed(); results.removeAttribute("aria-busy"); }
}
function address(form) {
  const q = new URLSearchParams(new FormData(form));
  for (const [k, v] of Array.from(q)) if (!v) q.delete(k, v);
  return form.getAttribute("action") + (q.size ? "?" + q : "");
}
function searching() {
  const form = $("form.search[data-typing]");
  if (!form) return;
  const q = $("#q");
  if (q.value) { q.focus(); q.setSelectionRange(q.value.length, q.value.length); }
  const go = () => { show(address(form), !pushed); pushed = true; };
  const later = () => { clearTimeout(typing); typing = setTimeout(go, 180); };
  q.addEventListener("input", (e) => { if (!e.isComposing) later(); });
  q.addEventListener("compositionend", later);
  q.addEventListener("blur", () => { pushed = false; });
  form.addEventListener("submit", (e) => { e.preventDefault(); clearTimeout(typing); go(); });
  addEventListener("popstate", () => {
    q.value = new URLSearchParams(location.search).get("q") || "";
    pushed = false;
    show(location.href);
  });
}

// --- columns: shown at once, kept by the server ---------------------------------------
function columns() {
  const menu = $("#columns form");
  if (!menu) return;
  menu.addEventListener("change", (e) => {
    if (e.target.name !== "column") return;
    $("#list").classList.toggle("show-" + e.target.value, e.target.checked);
    fetch(menu.action, { method: "POST", body: new URLSearchParams(new FormData(menu)), redirect: "manual" }).catch(missed);
  });
}

export function startList() {
  const main = $("#main");
  if (!main || !main.dataset.live) return;
  live();
  selection();
  searching();
  columns();
  picked();
}
