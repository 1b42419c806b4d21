// The keyboard: / j k x r g ? and Escape.
import { $, $$ } from "./live.js";

function move(by) {
  const links = $$("#main .c-id a, #main .group h2 a, #main .groups td a");
  if (!links.length) return;
  const row = document.activeElement.closest("tr");
  let at = links.indexOf(document.activeElement);
  if (at < 0 && row) at = links.findIndex((a) => row.contains(a));
  const to = links[Math.max(0, Math.min(at + by, links.length - 1))];
  to.focus();
  to.scrollIntoView({ block: "nearest" });
}

function rerun() {
  const bulk = $("#bulk.on button[value=rerun]");
  if (bulk) { bulk.click(); return; }
  const row = document.activeElement.closest("tr");
  const form = $('form[action$="/rerun"]', row || $(".hero") || document.createElement("i"));
  if (form) form.requestSubmit($("button", form));
}

export function startKeys() {
  const help = $("#keys");
  const showHelp = () => { if (help && !help.open) help.showModal(); };
  if ($("#help")) $("#help").addEventListener("click", showHelp);
  let going = 0;
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
    const q = $("#q"), here = document.activeElement;
    const field = /^(TEXTAREA|SELECT)$/.test(here.tagName) || here.tagName === "INPUT" && here.type !== "checkbox";
    if (e.key === "Escape" && here === q) { q.blur(); return; }
    if (here === q && e.key === "ArrowDown") { e.preventDefault(); q.blur(); move(1); return; }
    if (field || $("dialog[open]")) return;
    if (going && Date.now() - going < 1500) {
      going = 0;
      const link = $('nav a[data-key="' + CSS.escape(e.key) + '"]');
      if (link) link.click();
      return;
    }
    const row = here.closest("tr");
    switch (e.key) {
      case "/": if (q) { e.preventDefault(); q.focus(); q.select(); } break;
      case "j": move(1); break;
      case "k": move(-1); break;
      case "g": going = Date.now(); break;
      case "r": e.preventDefault(); rerun(); break;
      case "?": e.preventDefault(); showHelp(); break;
      case "x": { const box = row && $('input[name="transfer_id"]', row); if (box) box.click(); break; }
    }
  });
}
