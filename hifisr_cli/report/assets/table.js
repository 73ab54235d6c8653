// The table: filter, sort, page. Only the rows of one page are ever in the document.

const STATUS_ORDER = { failed: 0, restored: 2, copied: 3, skipped: 4 };
const attention = (row) => (row.status === "failed" ? 0 : row.warnings.length ? 1 : STATUS_ORDER[row.status] ?? 5);
const missing = (value) => value === undefined || value === null;

const COLUMNS = [
  { key: "name", title: "Name", sort: (row) => row.find },
  { key: "status", title: "Status", sort: attention },
  { key: "cutoff", title: "Cutoff before", number: true, sort: (row) => (row.found === "silence" ? null : row.cutoff) },
  { key: "after", title: "After", number: true, sort: (row) => row.after },
  { key: "kept", title: "Kept-band error", number: true, sort: (row) => (row.status === "failed" ? null : row.kept ?? -999) },
  { key: "loudness", title: "Loudness", number: true, sort: (row) => row.loudness },
  { key: "seconds", title: "Duration", number: true, sort: (row) => row.seconds },
  { key: "say", title: "Warnings", sort: (row) => (row.status === "failed" ? 1e6 : row.warnings.length) },
];

const CHIPS = [
  ["all", "All", () => true],
  ["failed", "Failed", (row) => row.status === "failed"],
  ["warned", "With warnings", (row) => row.warnings.length > 0],
  ["restored", "Restored", (row) => row.status === "restored"],
  ["copied", "Copied", (row) => row.status === "copied"],
  ["drawn", "With pictures", (row) => Boolean(row.picture)],
];

const state = { chip: "all", query: "", column: "status", down: false, page: 0, perPage: 50, open: new Set() };
let shown = [];

function prepare(rows) {
  rows.forEach((row, number) => {
    row.number = number;
    row.find = visible(row.name).toLowerCase();
    row.text = [row.find, visible(row.path || ""), row.source || "", row.warnings.join(" "), row.note || "", row.error ? row.error.message : ""]
      .join(" ").toLowerCase();
  });
}

function choose() {
  const wanted = CHIPS.find(([key]) => key === state.chip)[2];
  const words = state.query.toLowerCase().split(/\s+/).filter(Boolean);
  shown = page.rows.filter((row) => wanted(row) && words.every((word) => row.text.includes(word)));
  const value = COLUMNS.find((column) => column.key === state.column).sort;
  const keyed = shown.map((row) => [value(row), row]);
  const turn = state.down ? -1 : 1;
  keyed.sort(([a, first], [b, second]) => {
    if (missing(a) || missing(b)) return missing(a) - missing(b) || first.number - second.number; // last, either way
    return (a < b ? -turn : a > b ? turn : 0) || first.number - second.number;
  });
  shown = keyed.map(([, row]) => row);
}

function cell(row, column) {
  const texts = {
    cutoff: () => (row.found === "silence" ? "silence" : missing(row.cutoff) ? null : row.range || kilohertz(row.cutoff)),
    after: () => (missing(row.after) || row.found === "silence" ? null : kilohertz(row.after)),
    kept: () => kept(row),
    loudness: () => (missing(row.loudness) ? null : loudness(row.loudness)),
    seconds: () => (missing(row.seconds) ? null : duration(row.seconds)),
  };
  if (column.key === "status") {
    return make("td", {}, make("span", { class: "status " + row.status, text: row.status }));
  }
  if (column.key === "say") return make("td", { class: "say" }, remark(row));
  const text = texts[column.key]();
  const title = column.key === "after" && text !== null && !row.measured ? "by design; not measured" : null;
  return make("td", { class: text === null ? "number none" : "number", text: text === null ? dash : text, title });
}

function remark(row) {
  if (row.error) return make("span", { class: "bad", text: visible(row.error.message) });
  if (!row.warnings.length) return row.note ? make("span", { text: visible(row.note) }) : null;
  const more = row.warnings.length > 1 ? ` (and ${row.warnings.length - 1} more)` : "";
  return make("span", { class: "warn", text: visible(row.warnings[0]) + more });
}

function fileRow(row) {
  const open = state.open.has(row.number);
  const toggle = make("button", {
    type: "button", class: "toggle", id: `row-${row.number}`, "aria-expanded": String(open),
    "aria-controls": `detail-${row.number}`, text: visible(row.name),
  });
  toggle.addEventListener("click", () => {
    if (!state.open.delete(row.number)) state.open.add(row.number);
    render();
    document.getElementById(`row-${row.number}`).focus();
  });
  const line = make("tr", { class: open ? "file open" : "file" }, make("th", { scope: "row", class: "name" }, toggle));
  line.append(...COLUMNS.slice(1).map((column) => cell(row, column)));
  return line;
}

const details = new Map(); // number -> row of the table that shows its details, as long as it is open

function detailRow(row) {
  if (!details.has(row.number)) {
    const inside = make("div", { class: "inside" }, ...detail(row));
    details.set(row.number, make("tr", { class: "detail", id: `detail-${row.number}` }, make("td", { colspan: COLUMNS.length }, inside)));
  }
  return details.get(row.number);
}

function render() {
  const pages = Math.max(1, Math.ceil(shown.length / state.perPage));
  state.page = Math.min(state.page, pages - 1);
  const first = state.page * state.perPage;
  const rows = shown.slice(first, first + state.perPage);
  const visibleNumbers = new Set(rows.filter((row) => state.open.has(row.number)).map((row) => row.number));
  for (const number of [...details.keys()]) {
    if (!visibleNumbers.has(number)) { hush(number); details.delete(number); }
  }
  const lines = [];
  for (const row of rows) {
    lines.push(fileRow(row));
    if (state.open.has(row.number)) lines.push(detailRow(row));
  }
  if (!rows.length) lines.push(make("tr", {}, make("td", { colspan: COLUMNS.length, class: "nothing", text: "No file fits this filter." })));
  document.getElementById("body").replaceChildren(...lines);
  renderHead();
  renderChips();
  renderPager(pages);
  const count = (n) => n.toLocaleString("en");
  document.getElementById("count").textContent = rows.length
    ? `${count(first + 1)} to ${count(first + rows.length)} of ${count(shown.length)} file${shown.length === 1 ? "" : "s"}`
      + (shown.length < page.rows.length ? ` (${count(page.rows.length)} in all)` : "")
    : `0 of ${count(page.rows.length)} files`;
}

function update() {
  choose();
  state.page = 0;
  render();
}

function renderHead() {
  const head = document.getElementById("head");
  if (!head.children.length) {
    head.append(...COLUMNS.map((column) => {
      const button = make("button", { type: "button", text: column.title, "data-key": column.key });
      button.addEventListener("click", () => {
        state.down = state.column === column.key ? !state.down : false;
        state.column = column.key;
        update();
      });
      return make("th", { scope: "col", class: column.number ? "number" : null }, button);
    }));
  }
  [...head.children].forEach((th, index) => {
    if (COLUMNS[index].key === state.column) th.setAttribute("aria-sort", state.down ? "descending" : "ascending");
    else th.removeAttribute("aria-sort");
  });
}

function renderChips() {
  const group = document.getElementById("chips");
  if (!group.children.length) {
    for (const [key, title, wanted] of CHIPS) {
      const count = page.rows.filter(wanted).length;
      if (!count && key !== "all") continue;
      const button = make("button", { type: "button", "data-chip": key }, title + " ", make("span", { text: count.toLocaleString("en") }));
      button.addEventListener("click", () => { state.chip = key; update(); });
      group.append(button);
    }
  }
  for (const button of group.children) button.setAttribute("aria-pressed", String(button.dataset.chip === state.chip));
}

function renderPager(pages) {
  const pager = document.getElementById("pager");
  if (!pager.children.length) {
    const turn = (by) => () => { state.page += by; render(); document.getElementById("files").scrollIntoView(); };
    const select = make("select", { id: "per-page" }, ...[25, 50, 100, 250].map((n) => make("option", { value: n, text: n, selected: n === state.perPage })));
    select.addEventListener("change", () => { state.perPage = Number(select.value); state.page = 0; render(); });
    pager.append(
      make("button", { type: "button", id: "previous", text: "Previous", onclick: turn(-1) }),
      make("span", { id: "page" }),
      make("button", { type: "button", id: "next", text: "Next", onclick: turn(1) }),
      make("span", { class: "gap" }),
      make("label", {}, "Files a page", select),
    );
  }
  pager.hidden = page.rows.length <= 25;
  document.getElementById("page").textContent = `Page ${state.page + 1} of ${pages}`;
  document.getElementById("previous").disabled = state.page === 0;
  document.getElementById("next").disabled = state.page >= pages - 1;
}
