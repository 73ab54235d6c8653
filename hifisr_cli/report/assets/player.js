// Two recordings, one position: switching goes on at the same moment of the other one.

const players = new Map(); // number of the row -> its two audio elements

function hush(number) {
  for (const sound of players.get(number) || []) {
    sound.pause();
    sound.removeAttribute("src");
    sound.load();
  }
  players.delete(number);
}

function player(row, pair) {
  const titles = ["Original", "Restored"];
  const sounds = row.audio.map((href) => {
    const sound = new Audio();
    sound.preload = "metadata";
    if (href) sound.src = href;
    return sound;
  });
  players.set(row.number, sounds);
  let side = row.audio[1] ? 1 : 0;
  const length = () => (Number.isFinite(sounds[side].duration) ? sounds[side].duration : row.span || row.seconds || 0);
  const figures = pair && pair.classList.contains("pair") ? [...pair.children] : [];
  const heads = figures.map((figure) => figure.querySelector(".head"));

  const go = make("button", { type: "button", class: "go", text: "Play" });
  const buttons = titles.map((title, index) => make("button", { type: "button", text: title, disabled: !row.audio[index] }));
  const slider = make("input", { type: "range", min: 0, max: 1000, value: 0, "aria-label": "Position" });
  const time = make("span", { class: "clock" });
  const trouble = make("p", { class: "trouble", role: "alert", hidden: true });
  const box = make("div", { class: "play", role: "group", "aria-label": `Listen to ${visible(row.name)}` },
    go, make("div", { class: "sides", role: "group", "aria-label": "Which recording is heard" }, ...buttons), slider, time, trouble);

  function show() {
    const at = sounds[side].currentTime, all = length();
    if (document.activeElement !== slider || !sounds[side].paused) slider.value = all ? Math.round((1000 * at) / all) : 0;
    slider.setAttribute("aria-valuetext", `${at.toFixed(1)} of ${all.toFixed(1)} seconds`);
    time.textContent = `${clock(at)} / ${clock(all)}`;
    go.textContent = sounds[side].paused ? "Play" : "Pause";
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(index === side)));
    figures.forEach((figure, index) => figure.classList.toggle("heard", index === side));
    for (const head of heads) {
      head.hidden = at === 0 && sounds[side].paused;
      head.style.left = row.span ? `${(100 * at) / row.span}%` : "0";
    }
  }
  function follow() { // smoother than the event timeupdate
    show();
    if (!sounds[side].paused && box.isConnected) requestAnimationFrame(follow);
  }
  function start() {
    for (const others of players.values()) for (const sound of others) if (sound !== sounds[side]) sound.pause();
    sounds[side].play().then(() => { trouble.hidden = true; follow(); }, complain);
  }
  function complain(error) {
    if (error && error.name === "AbortError") return; // switched before it began
    trouble.textContent = `${titles[side]}: this browser cannot play the file, or it is no longer there.`;
    trouble.hidden = false;
    show();
  }
  function seek(seconds) {
    sounds[side].currentTime = Math.max(0, Math.min(seconds, length()));
    show();
  }
  function turn(to) {
    if (to === side || !row.audio[to]) return;
    const at = sounds[side].currentTime, playing = !sounds[side].paused;
    sounds[side].pause();
    side = to;
    sounds[side].currentTime = at; // before the metadata is there, it is where playing will begin
    show();
    if (playing) start();
  }

  go.addEventListener("click", () => { if (sounds[side].paused) start(); else sounds[side].pause(); show(); });
  buttons.forEach((button, index) => button.addEventListener("click", () => turn(index)));
  slider.addEventListener("input", () => seek((slider.value / 1000) * length()));
  sounds.forEach((sound, index) => {
    for (const event of ["pause", "ended", "seeked", "loadedmetadata"]) sound.addEventListener(event, show);
    sound.addEventListener("error", () => { if (index === side && sound.src) complain(); });
  });
  figures.forEach((figure, index) => figure.querySelector(".canvas").addEventListener("click", (event) => {
    const area = event.currentTarget.getBoundingClientRect();
    turn(index);
    seek(((event.clientX - area.left) / area.width) * row.span);
  }));
  show();
  return box;
}
