// Light or dark, then the table.

const themes = ["system", "light", "dark"];
function theme(name) {
  if (name === "system") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = name;
  document.getElementById("theme").textContent = `Theme: ${name}`;
  try { localStorage.setItem("hifisr-theme", name); } catch { /* a page from disk may not keep anything */ }
}
let current = "system";
try { current = localStorage.getItem("hifisr-theme") || "system"; } catch { /* as above */ }
theme(themes.includes(current) ? current : "system");
document.getElementById("theme").addEventListener("click", () => {
  current = themes[(themes.indexOf(current) + 1) % themes.length];
  theme(current);
});

let wait = 0;
document.getElementById("query").addEventListener("input", (event) => {
  clearTimeout(wait);
  wait = setTimeout(() => { state.query = event.target.value; update(); }, 80);
});
for (const button of document.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => {
    state.chip = button.dataset.show;
    update();
    document.getElementById("files").scrollIntoView();
  });
}
prepare(page.rows);
update();
