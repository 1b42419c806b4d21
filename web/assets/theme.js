// Before the first paint: the theme chosen here, or the system's.
(function () {
  try {
    var t = localStorage.getItem("hikyaku-theme");
    if (t === "light" || t === "dark") document.documentElement.dataset.theme = t;
  } catch (e) { /* storage refused: the system's theme it is */ }
})();
