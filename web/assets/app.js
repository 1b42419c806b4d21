// What makes the pages live. Every page works without it, except for updates.
import { $, $$, localTimes, morph, heard, missed, startPulse, follow } from "./live.js";
import { startList } from "./list.js";
import { startKeys } from "./keys.js";

const main = $("#main");
localTimes(document);
startPulse();

// What is wider than the screen can be scrolled with the keyboard.
function reachable() {
  for (const t of $$("#main table")) if (t.scrollWidth > t.clientWidth && getComputedStyle(t).overflowX === "auto") t.tabIndex = 0;
}
reachable();
addEventListener("resize", reachable);

// --- theme ----------------------------------------------------------------
const theme = $("#theme");
if (theme) theme.addEventListener("click", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try { localStorage.setItem("hikyaku-theme", next); } catch (e) { /* not kept */ }
});

// --- parts that are read again -----------------------------------------------
async function refresh(url, selector) {
  try {
    const res = await fetch(url, { headers: { Accept: "text/html" } });
    if (!res.ok || res.redirected) { missed(); return; }
    const doc = new DOMParser().parseFromString(await res.text(), "text/html");
    const fresh = selector ? $(selector, doc) : doc.body, old = $(selector || "#side");
    if (!fresh || !old) return;
    if (!selector) { old.replaceChildren(...fresh.childNodes); } else { localTimes(fresh); morph(old, fresh); reachable(); }
    const age = $("footer .age", doc), shown = $("footer .age");
    if (age && shown) shown.textContent = age.textContent;
    heard();
  } catch (e) { missed(); }
}
if ($("#side")) setInterval(() => { if (!document.hidden) refresh("/side"); }, 10000);
if (main && main.dataset.refresh) {
  heard();
  let busy = false;
  const again = async () => {
    if (document.hidden || busy) return;
    busy = true;
    await refresh(location.href, "#live");
    busy = false;
  };
  setInterval(again, main.dataset.refresh * 1000);
  document.addEventListener("visibilitychange", again);
}
if (main && main.dataset.watch) {
  let due = 0, first = true;
  follow(main.dataset.watch, {
    row: (u) => {
      const hero = $(".hero");
      const same = hero && u.html.includes('class="' + hero.className.replace("hero ", "") + '"');
      if (first && same) { first = false; return; } // what the page shows already
      first = false;
      if (due) return;
      due = setTimeout(() => { due = 0; refresh(location.href, "#live"); }, 400);
    },
    stats: () => {},
  }, () => refresh(location.href, "#live"));
}

// --- confirmation with a reason -------------------------------------------------
const dialog = $("#confirm");
function set(form, name, value) {
  let input = $('input[type=hidden][name="' + name + '"]', form);
  if (!input) {
    input = document.createElement("input");
    input.type = "hidden"; input.name = name;
    form.append(input);
  }
  input.value = value;
}
document.addEventListener("submit", (e) => {
  const form = e.target, by = e.submitter;
  const question = (by && by.dataset.confirm) || form.dataset.confirm || (form.hasAttribute("data-confirm") && by && by.getAttribute("aria-label"));
  if (!dialog || !question || form.dataset.sure) { delete form.dataset.sure; return; }
  e.preventDefault();
  $("h2", dialog).textContent = question.replace("%n", form.dataset.count || "");
  $("#reason").value = "";
  dialog.returnValue = "no";
  dialog.showModal();
  dialog.onclose = () => {
    if (dialog.returnValue !== "yes") return;
    set(form, "reason", $("#reason").value);
    if (!form.elements.back) set(form, "back", location.pathname + location.search);
    form.dataset.sure = "1";
    form.requestSubmit(by && by.form === form ? by : undefined);
  };
});

// --- forms that need no button, errors only, the bandwidth slider ------------------
for (const form of $$("form[data-auto]")) {
  form.classList.add("auto");
  form.addEventListener("change", () => {
    for (const field of $$("select, input", form)) if (!field.value) field.disabled = true; // short addresses
    form.requestSubmit();
  });
}
document.addEventListener("change", (e) => {
  if (e.target.id === "only-bad") $(".timeline").classList.toggle("only-bad", e.target.checked);
});
const steps = ["1MiB", "2MiB", "5MiB", "10MiB", "20MiB", "50MiB", "100MiB", "200MiB", "500MiB", "1GiB", "unlimited"];
document.addEventListener("input", (e) => {
  if (e.target.dataset.for) document.getElementById(e.target.dataset.for).value = steps[e.target.value];
});
for (const slider of $$("input[data-for]")) {
  const at = steps.indexOf(document.getElementById(slider.dataset.for).value.replace(".0", ""));
  slider.value = at < 0 ? 5 : at;
}

startList();
startKeys();
addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); }); // back never shows what is stale
document.documentElement.dataset.ready = "1";
