// Numbers and names as people read them. Data only ever becomes text nodes and attributes, never markup.

function make(tag, fields = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "onclick") element.addEventListener("click", value);
    else if (name === "text") element.textContent = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function draw(tag, fields = {}, text = null) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(fields)) element.setAttribute(name, value);
  if (text !== null) element.textContent = text;
  return element;
}

// File names may hold bytes that are not UTF-8, and characters that would be invisible or change the direction.
function visible(text) {
  return String(text)
    .replace(/[\udc80-\udcff](?<![\ud800-\udbff].)/g, (c) => "\\x" + (c.charCodeAt(0) - 0xdc00).toString(16))
    .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
      (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

const dash = "\u2013";
const minus = (text) => text.replace("-", "\u2212");

function kilohertz(hertz) {
  return (hertz / 1000).toFixed(1) + " kHz";
}

function clock(seconds) {
  const whole = Math.floor(seconds + 1e-6);
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function duration(seconds) {
  return seconds < 59.95 ? seconds.toFixed(1) + " s" : clock(Math.round(seconds));
}

// About five round times from 0 to the end, with their text.
function roundTimes(span) {
  const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400];
  const step = steps.find((one) => span / one <= 6) || span;
  const ticks = [];
  for (let index = 0; index * step <= span * 0.98; index += 1) {
    const seconds = index * step;
    const digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
    ticks.push([seconds, index === 0 ? "0 s" : span < 60 ? seconds.toFixed(digits) : clock(seconds)]);
  }
  return ticks;
}

function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let power = 0;
  while (bytes >= 1000 && power < 4) { bytes /= 1000; power += 1; }
  return (power ? bytes.toFixed(bytes < 10 ? 1 : 0) : bytes) + " " + units[power];
}

function kept(row) {
  if (row.status === "failed") return null;
  return row.kept === null ? "none" : minus(row.kept.toFixed(0)) + " dB";
}

function loudness(change) {
  const text = change.toFixed(1);
  return (Math.abs(change) < 0.05 ? "0.0" : change > 0 ? "+" + text : minus(text)) + " LU";
}

function found(row) {
  const ways = {
    edge: "spectral edge", nyquist: "Nyquist frequency of the file", given: "given by the user",
    "full-band": "full band", silence: "silence",
  };
  return ways[row.found] || row.found || "";
}
