// What an open row shows: pictures on one scale, the player, the average spectrum, and where everything came from.

const TOP_HZ = 24000;

function detail(row) {
  const parts = [remarks(row)];
  if (row.picture) {
    const plots = ["Original", "Restored"].map((title, side) => spectrogram(row, side, title));
    parts.push(make("div", { class: "pair" }, ...plots));
  }
  if (row.audio && row.audio.some(Boolean)) parts.push(player(row, parts[parts.length - 1]));
  const spectra = row.spectrum ? spectrum(row) : null;
  parts.push(make("div", { class: "more" }, spectra, facts(row)));
  return parts;
}

function remarks(row) {
  const lines = row.warnings.map((text) => make("li", { text: visible(text) }));
  if (row.note) lines.push(make("li", { class: "calm", text: visible(row.note) }));
  if (row.error) {
    const hint = row.error.hint ? ` (${row.error.hint})` : "";
    lines.unshift(make("li", { class: "bad", text: visible(row.error.message + hint) }));
  }
  if (row.changed) lines.push(make("li", { text: "The original is no longer the file that was restored: its size has changed." }));
  if (!row.picture && row.status !== "failed") {
    lines.push(make("li", { class: "calm", text: `No pictures were drawn of this file; ${page.drawMore}.` }));
  }
  if (row.status !== "failed" && row.audio && !row.audio[0]) {
    lines.push(make("li", { class: "calm", text: "The original was not found when this page was made (hifisr report --originals DIR says where it is)." }));
  }
  return lines.length ? make("ul", { class: "remarks" }, ...lines) : null;
}

function spectrogram(row, side, title) {
  const canvas = make("div", { class: "canvas" });
  const about = side ? row.written : row.source;
  if (row.picture[side]) {
    const ends = side ? `up to ${kilohertz(row.after)}` : missing(row.cutoff) ? "" : `ending near ${row.ranges || kilohertz(row.cutoff)}`;
    canvas.append(make("img", {
      src: row.picture[side], loading: "lazy", width: 640, height: 240,
      alt: `Spectrogram of the ${title.toLowerCase()} recording ${visible(row.name)}, 0 to 24 kHz over ${duration(row.span)}, ${ends}`,
    }));
  } else {
    canvas.append(make("div", { class: "missing", text: `The ${side ? "restored file" : "original"} ${row.audio && row.audio[side] ? "could not be read" : "was not found"}.` }));
  }
  canvas.append(...edges(row, side));
  const head = make("div", { class: "head", hidden: true });
  canvas.append(head);
  const up = make("div", { class: "axis-y", "aria-hidden": "true" }, ...[0, 4, 8, 12, 16, 20, 24].map((khz) => {
    const tick = make("span", { text: khz });
    tick.style.top = 100 * (1 - (1000 * khz) / TOP_HZ) + "%";
    return tick;
  }));
  const along = make("div", { class: "axis-x", "aria-hidden": "true" }, ...roundTimes(row.span).map(([seconds, text], index) => {
    const tick = make("span", { text, class: index === 0 ? "first" : null });
    tick.style.left = (100 * seconds) / row.span + "%";
    return tick;
  }));
  return make("figure", { "data-side": side },
    make("figcaption", {}, make("b", { text: title }), make("span", { text: about ? visible(about) : "" }), side === 0 ? make("span", { text: "kHz over time" }) : make("span", { text: "above the cutoff: generated" })),
    make("div", { class: "plot" }, up, canvas, along));
}

// A line a channel, dashed where its content ends, with gaps where nothing is missing; the original's say their cutoffs.
function edges(row, side) {
  const lines = draw("svg", { class: "edges", viewBox: `0 0 ${row.span} ${TOP_HZ}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const labels = [];
  const paths = new Map();
  for (const [channel, start, end, hertz] of row.cutoffs.filter((one) => one[3] < TOP_HZ)) {
    const path = paths.get(channel) || { d: "", end: null };
    const follows = path.end === start;
    path.d += (follows ? `V${TOP_HZ - hertz}` : `M${start} ${TOP_HZ - hertz}`) + `H${end}`;
    path.end = end;
    paths.set(channel, path);
    const taken = labels.some(([x, y]) => Math.abs(x - start) < row.span / 5 && Math.abs(y - hertz) < TOP_HZ / 18);
    if (side || taken || (follows && end - start < row.span / 5)) continue; // no room for a label
    const name = channel === null ? "cutoff" : `channel ${channel}:`;
    const label = make("span", { class: hertz > 20000 ? "edge high" : "edge", text: `${name} ${kilohertz(hertz)}` });
    label.style.left = (100 * start) / row.span + "%";
    label.style.top = 100 * (1 - hertz / TOP_HZ) + "%";
    labels.push([start, hertz, label]);
  }
  lines.append(...[...paths.values()].map((path) => draw("path", { d: path.d })));
  return [lines, ...labels.map(([, , label]) => label)];
}

function spectrum(row) {
  const width = 460, height = 210, left = 34, bottom = 24, top = 8, low = -120, high = -20;
  const x = (hertz) => left + ((width - left) * hertz) / TOP_HZ;
  const y = (db) => top + ((height - top - bottom) * (high - Math.max(low, Math.min(high, db)))) / (high - low);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label":
    `Average spectrum: the original falls off near ${missing(row.cutoff) ? "its end" : kilohertz(row.cutoff)}, the restored file goes on above it` });
  for (let db = high; db >= low; db -= 20) {
    svg.append(draw("line", { class: "grid", x1: left, x2: width, y1: y(db), y2: y(db) }));
    svg.append(draw("text", { x: left - 6, y: y(db) + 4, "text-anchor": "end" }, minus(String(db))));
  }
  for (let khz = 0; khz <= 24; khz += 4) {
    svg.append(draw("text", { x: x(1000 * khz), y: height - 6, "text-anchor": khz === 24 ? "end" : "middle" }, khz === 24 ? "24 kHz" : khz));
  }
  if (row.cutoff > 0 && row.found !== "full-band") {
    svg.append(draw("line", { class: "limit", x1: x(row.cutoff), x2: x(row.cutoff), y1: top, y2: height - bottom }));
  }
  [["before", 0], ["after", 1]].forEach(([kind, side]) => {
    if (!row.spectrum[side]) return;
    const bands = row.spectrum[side].length;
    const points = row.spectrum[side].map((db, band) => (db === null ? null : [x(((band + 0.5) * TOP_HZ) / bands), y(db)])).filter(Boolean);
    if (kind === "before") { // an area, so that the line of the restored one may lie on its edge
      points.unshift([x(0), y(low)]);
      points.push([points[points.length - 1][0], y(low)]);
    }
    svg.append(draw("path", { class: kind, d: "M" + points.map(([px, py]) => px.toFixed(1) + " " + py.toFixed(1)).join("L") }));
  });
  return make("section", { class: "spectrum" }, make("h3", { text: "Average spectrum, dBFS" }), svg,
    make("p", { class: "key" }, make("span", {}, make("i", { class: "before" }), "original"), make("span", {}, make("i"), "restored")));
}

function facts(row) {
  const how = page.how[row.how];
  const list = make("dl", { class: "facts" });
  const say = (title, value, code = false) => {
    if (missing(value) || value === "") return;
    list.append(make("dt", { text: title }), make("dd", {}, code ? make("code", { text: visible(value) }) : visible(value)));
  };
  const link = (title, side, name) => {
    const href = row.audio ? row.audio[side] : null;
    const text = visible(name);
    list.append(make("dt", { text: title }), make("dd", {}, href && !href.startsWith("data:") ? make("a", { href, text }) : text));
  };
  if (row.path) link("Original", 0, row.path);
  say("", row.source && `${row.source}, ${size(row.bytes[0])}`);
  say("SHA-256", row.sha256[0], true);
  if (row.output) link("Restored", 1, row.output);
  say("", row.written && row.bytes[1] !== null && `${row.written}, ${size(row.bytes[1])}`);
  say("SHA-256", row.sha256[1], true);
  if (row.layer) {
    say("Layer", row.layer[0]);
    say("", `what was added, alone; ${size(row.layer[1])}`);
    say("SHA-256", row.layer[2], true);
  }
  if (!missing(row.cutoff) && row.found !== "silence") {
    const sure = missing(row.sure) || row.found === "given" ? "" : `, confidence ${Math.round(100 * row.sure)} %`;
    say("Cutoff", `${row.ranges || kilohertz(row.cutoff)}, ${found(row)}${sure}`);
  }
  if (!missing(row.after) && row.found !== "silence") say("Cutoff after", kilohertz(row.after) + (row.measured ? ", measured" : ", by design"));
  if (row.status !== "failed") say("Kept-band error", row.kept === null ? "none: identical below the cutoff" : kept(row));
  if (row.lufs && !missing(row.lufs[0])) {
    const after = missing(row.lufs[1]) ? "" : ` to ${minus(row.lufs[1].toFixed(1))} LUFS`;
    say("Loudness", `${minus(row.lufs[0].toFixed(1))} LUFS${after}` + (missing(row.peak) ? "" : `, true peak ${minus(row.peak.toFixed(1))} dBTP`));
  }
  if (how.model) { say("Model", how.model.name); say("", how.model.hash, true); }
  say("Software", Object.entries(how.software).map(([name, version]) => `${name} ${version}`).join(", "));
  say("Options", Object.entries(how.options).filter(([name, value]) => value !== null && value !== false && name !== "overwrite")
    .map(([name, value]) => `${name.replaceAll("_", "-")} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", "));
  say("Finished", row.time && row.time.replace("T", " ").replace(/(\.\d+)?Z/, " UTC"));
  if (row.work && row.seconds) say("Time taken", `${duration(row.work)} (${(row.seconds / row.work).toFixed(1)}\u00d7 real time)`);
  return make("section", {}, make("h3", { text: "Provenance" }), list);
}
