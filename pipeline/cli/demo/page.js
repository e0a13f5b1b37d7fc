// The page of `pipeline demo`. All text comes in by textContent: a headline is shown, never run.

const WAIT = 150; // milliseconds after the last key
const QUIET = 900; // the same, before a screen reader is told
const CHUNK = 500; // headlines of a request
const CHUNK_CHARACTERS = 1_000_000;
const MOST_LINES = 20_000;
const MOST_CHARACTERS = 10_000; // of a headline, as in pipeline.portable
const LONG_PASTE = 5_000; // characters
const STEP = 200; // rows of the table that are added at a time
const MOST_WORDS = 1_500; // that are shown one by one

const $ = id => document.getElementById(id);
const percent = value => `${(100 * value).toFixed(1)}%`;
const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

function element(name, content = "", className = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(content);
  return made;
}

function isolated(text) {
  const made = element("bdi", text);
  made.dir = "auto";
  return made;
}

async function ask(path, content, signal) {
  const options = content === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content),
  };
  return read(await send(path, { ...options, signal }));
}

async function send(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The demo does not answer. Was it ended? Start it again: pipeline demo");
  }
}

async function read(answer) {
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error);
  return content;
}

function show(error) {
  if (error?.name === "AbortError") return; // a newer question is on its way
  $("error").hidden = !error;
  $("error").textContent = error ? error.message : "";
}

// ---------------------------------------------------------------------------- the model and its cases

let about = null;

async function tellAbout(given) {
  about = given ?? await ask("api/about");
  const accuracy = about.accuracy === null ? "" : ` It was right on ${percent(about.accuracy)} of the test headlines.`;
  $("model").textContent = `${about.model} knows ${count(about.labels.length, "label")}.${accuracy}`;
  $("about").textContent = [about.data && `Data: ${about.data}.`, about.vectors && `Vectors: ${about.vectors}.`].filter(Boolean).join(" ");
  const labels = [...new Set([...about.labels, ...about.case_labels])];
  $("known").replaceChildren(...labels.slice(0, 1000).map(label => Object.assign(element("option"), { value: label })));
  if (about.undo === 0 && document.activeElement === $("undo")) $("right").focus(); // it takes no focus
  $("undo").disabled = about.undo === 0;
  $("notice").hidden = !about.notice;
  $("notice").textContent = about.notice;
  $("folder").textContent = about.corrections
    ? `${count(about.corrections, "new case")} in ${about.folder}, as pipeline cases reads it.` : "";
}

// The training headlines are read while the page is open already.
async function waitForCases() {
  while (about.reading) {
    await new Promise(resolve => setTimeout(resolve, 700));
    await tellAbout();
  }
  if (about.cases) askOne();
}

// ------------------------------------------------------------------------------------------ all lines

const answers = new Map(); // by headline
let lines = []; // the headlines that are not empty
let current = 0; // the one that is explained
let shown = 0; // rows in the table
let asking = new AbortController();
let oneAsking = new AbortController();
let timer, speaking;
let typed = false; // what is not asked about yet

function onType() {
  clearTimeout(timer);
  typed = true;
  timer = setTimeout(labelAll, WAIT);
}

// Chromium takes minutes to paste ten thousand lines by itself. So long text is put in as a whole.
function onPaste(event) {
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (text.length < LONG_PASTE) return;
  event.preventDefault();
  const box = $("headlines");
  box.setRangeText(text.replaceAll("\r\n", "\n"), box.selectionStart, box.selectionEnd, "end");
  onType();
}

function readLines() {
  const all = $("headlines").value.split("\n");
  const before = $("headlines").value.slice(0, $("headlines").selectionStart).split("\n").length - 1;
  lines = [];
  current = 0;
  all.forEach((line, i) => {
    if (i <= before && line.trim()) current = lines.length;
    if (line.trim()) lines.push({ number: i + 1, text: line.trim().slice(0, MOST_CHARACTERS), long: line.trim().length > MOST_CHARACTERS });
  });
  const left = lines.length - MOST_LINES;
  lines = lines.slice(0, MOST_LINES);
  current = Math.min(current, Math.max(lines.length - 1, 0));
  return left;
}

async function labelAll() {
  clearTimeout(timer);
  typed = false;
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const left = readLines();
  show(left > 0 ? new Error(`Only the first ${MOST_LINES.toLocaleString("en")} lines are labelled here: label the others as a file, below.`) : null);
  $("many").hidden = lines.length < 2;
  $("one").hidden = lines.length === 0;
  if (!lines.length) {
    oneAsking.abort();
    speak("");
    return;
  }
  askOne();
  if (lines.length < 2) return;
  try {
    if (answers.size > 5 * MOST_LINES) answers.clear();
    const missing = [...new Set(lines.map(line => line.text))].filter(text => !answers.has(text));
    shown = 0;
    if (!missing.length) drawLines();
    $("progress").hidden = missing.length <= CHUNK;
    for (let start = 0; start < missing.length;) {
      const chunk = [];
      for (let size = 0; start < missing.length && chunk.length < CHUNK && size < CHUNK_CHARACTERS; start++) {
        size += missing[start].length;
        chunk.push(missing[start]);
      }
      const rows = await ask("api/labels", { texts: chunk }, signal);
      chunk.forEach((text, i) => answers.set(text, rows[i]));
      $("progress").value = start / missing.length;
      drawLines();
    }
    $("progress").hidden = true;
    speakLater(() => `${count(lines.length, "headline")}: ${countsByLabel()}`);
  } catch (error) {
    if (error.name !== "AbortError") $("progress").hidden = true;
    show(error);
  }
}

function countsByLabel() {
  const counts = new Map();
  for (const { text } of lines) {
    const label = answers.get(text)?.label;
    if (label !== undefined) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]).slice(0, 20).map(([label, number]) => `${label} ${number.toLocaleString("en")}`).join(", ");
}

function drawLines() {
  const most = Math.max(shown, STEP);
  const rows = [];
  let ready = 0;
  lines.forEach((line, i) => {
    const answer = answers.get(line.text);
    ready += answer !== undefined;
    if (i < most && answer) rows.push(row(line, answer, i));
  });
  shown = Math.min(most, lines.length);
  // The row that has the focus keeps it.
  const focused = document.activeElement?.dataset?.place;
  $("lines").replaceChildren(...rows);
  if (focused !== undefined) $("lines").querySelector(`[data-place="${focused}"]`)?.focus();
  $("more").hidden = shown >= lines.length || ready < lines.length;
  $("counts").textContent = `${ready < lines.length ? `${ready.toLocaleString("en")} of ` : ""}${count(lines.length, "headline")}: ${countsByLabel()}`;
}

function row(line, answer, place) {
  const made = element("tr");
  const button = element("button", line.text.length > 300 ? `${line.text.slice(0, 300)} …` : line.text);
  button.type = "button";
  button.dir = "auto";
  button.dataset.place = place;
  const cell = element("td");
  cell.append(button);
  made.append(element("td", String(line.number), "number"), element("td", isolated(answer.label), answer.mark ? "quiet" : ""),
    element("td", answer.mark ? "no known word" : percent(answer.probability), answer.mark ? "quiet" : "number"), cell);
  if (place === current) made.setAttribute("aria-current", "true");
  return made;
}

function choose(place) {
  current = place;
  for (const made of $("lines").rows) made.removeAttribute("aria-current");
  $("lines").rows[place]?.setAttribute("aria-current", "true");
  askOne();
}

// --------------------------------------------------------------------------------------- one headline

let one = null; // the answer that is shown

async function askOne() {
  oneAsking.abort();
  oneAsking = new AbortController();
  const line = lines[current];
  if (!line) return;
  try {
    const answer = await ask("api/headline", { text: line.text }, oneAsking.signal);
    if (line !== lines[current]) return;
    answer.text = line.text;
    if (one && one.text !== line.text) $("kept").textContent = ""; // it was of another headline
    one = answer;
    drawOne(line);
    if (lines.length === 1) speakLater(() => `${one.label}, ${percent(one.probability)}`);
    if (line.long) show(new Error(`Only the first ${MOST_CHARACTERS.toLocaleString("en")} characters of a headline are read.`));
  } catch (error) {
    show(error);
  }
}

function drawOne(line) {
  $("title-one").textContent = lines.length > 1 ? `Answer for line ${line.number}` : "Answer";
  $("chosen").hidden = lines.length < 2;
  $("chosen").textContent = line.text.length > 300 ? `${line.text.slice(0, 300)} …` : line.text;
  $("label").textContent = one.label;
  $("probability").textContent = percent(one.probability);
  $("unknown").hidden = !one.mark && !one.unknown.length;
  $("unknown").textContent = !one.mark ? `No vector for: ${one.unknown.join(", ")}.`
    : "The model has no vector for any word of this headline: its answer means little.";
  const chosen = $("for").value;
  $("for").replaceChildren(...one.labels.map(label => element("option", label)));
  $("for").value = one.labels.includes(chosen) && chosen !== drawOne.best ? chosen : one.label;
  drawOne.best = one.label;
  drawWords();
  drawMethods();
  drawNearest();
}

function signed(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;
}

function drawWords() {
  const place = one.labels.indexOf($("for").value);
  const values = one.words.map(({ gives }) => gives[place]);
  const most = Math.max(...values.map(Math.abs), 0.05);
  const parts = [];
  one.words.slice(0, MOST_WORDS).forEach(({ word }, i) => {
    const value = values[i];
    const made = element("span", isolated(word), "word");
    if (Math.abs(value) >= most / 10 && Math.abs(value) >= 0.05) {
      made.classList.add(value > 0 ? "for" : "against");
      if (Math.abs(value) >= most / 2) made.classList.add("strong");
      made.append(element("small", signed(value)));
    }
    parts.push(made, " ");
  });
  if (one.words.length > MOST_WORDS) parts.push(`… and ${count(one.words.length - MOST_WORDS, "word")} more`);
  $("words").replaceChildren(...parts);
  $("bias").textContent = `Before any word: ${signed(one.bias[place])}.`;
}

function drawMethods() {
  const names = one.methods.map(({ name }, i) => i ? name : "the answer");
  $("methods").replaceChildren(...["label", ...names].map((name, i) => {
    const head = element("th", name, i ? "number" : "");
    head.scope = "col";
    return head;
  }));
  $("probabilities").replaceChildren(...one.labels.map((label, i) => {
    const made = element("tr");
    const head = element("th", isolated(label));
    head.scope = "row";
    made.append(head, ...one.methods.map(({ probabilities }) => {
      const highest = probabilities[i] === Math.max(...probabilities);
      const cell = element("td", highest ? element("strong", percent(probabilities[i])) : percent(probabilities[i]), "number bar");
      cell.style.setProperty("--part", probabilities[i]);
      return cell;
    }));
    return made;
  }));
  const accuracies = element("tr");
  const head = element("th", "right on test headlines");
  head.scope = "row";
  accuracies.append(head, ...one.methods.map(({ accuracy }) => element("td", accuracy === null ? "" : percent(accuracy), "number")));
  $("accuracies").replaceChildren(...(one.methods.some(({ accuracy }) => accuracy !== null) ? [accuracies] : []));
  $("left-out").hidden = !one.left_out;
  $("left-out").textContent = `${count(one.left_out, "label")} more, each less probable.`;
}

function votes(nearest) {
  return Object.entries(nearest.votes).map(([label, number]) => `${label} ${number}`).join(", ");
}

function drawNearest() {
  const { nearest } = one;
  $("vote").hidden = !nearest;
  $("vote").replaceChildren(...(nearest ? ["Their votes: ", element("strong", isolated(votes(nearest))), "."] : []));
  $("own").hidden = !nearest?.own;
  $("own").replaceChildren(...(nearest?.own ? ["You labelled this headline: ", element("strong", isolated(nearest.own)), "."] : []));
  $("nearest").replaceChildren(...(nearest?.cases ?? []).map(({ text, label, distance, new: isNew }) => {
    const made = element("li", element("span", isolated(label), "tag"));
    made.append(" ", isolated(text.length > 300 ? `${text.slice(0, 300)} …` : text), " ", element("span", `${isNew ? "new case, " : ""}distance ${distance.toFixed(2)}`, "quiet"));
    return made;
  }));
}

// ---------------------------------------------------------------------------------------- corrections

async function correct(event) {
  event.preventDefault();
  const label = $("right").value.trim();
  if (!label) {
    $("kept").textContent = "Write the right label first.";
    $("right").focus();
    return;
  }
  // The headline may have been changed a moment ago: then its answer is still on its way.
  if (typed) labelAll();
  if (one?.text !== lines[current]?.text) await askOne();
  await change("api/correct", { text: one.text, label },
    given => given.changed ? `Kept as ${label}.` : `It is there as ${label} already.`);
}

async function change(path, content, words) {
  const before = one.nearest ? votes(one.nearest) : "none";
  try {
    const given = await ask(path, content);
    await tellAbout(given);
    await askOne();
    const after = one.nearest ? votes(one.nearest) : "none";
    $("kept").textContent = `${words(given)} The votes of the nearest headlines were ${before}; now ${after}.`;
    $("right").value = "";
  } catch (error) {
    $("kept").textContent = error.message;
  }
}

// ----------------------------------------------------------------------------------------------- files

async function labelFile(file, name, column, status) {
  status.textContent = `Labelling ${name} …`;
  const address = `api/file?${new URLSearchParams({ name, column })}`;
  try {
    const answer = await send(address, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file });
    if (!answer.ok) await read(answer);
    const link = element("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = decodeURIComponent(answer.headers.get("Content-Disposition").split("''")[1]);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    status.textContent = `${link.download} is among your downloads.`;
  } catch (error) {
    status.textContent = error.message;
  }
}

// ----------------------------------------------------------------------------------------------------

function speak(text) {
  clearTimeout(speaking);
  $("spoken").textContent = text;
}

function speakLater(words) {
  clearTimeout(speaking);
  speaking = setTimeout(() => speak(words()), QUIET);
}

$("headlines").addEventListener("input", onType);
$("headlines").addEventListener("paste", onPaste);
$("for").addEventListener("change", drawWords);
$("more").addEventListener("click", () => {
  shown += STEP;
  drawLines();
});
$("lines").addEventListener("click", event => {
  const place = event.target.closest("button")?.dataset.place;
  if (place !== undefined) choose(Number(place));
});
$("save").addEventListener("click", () =>
  labelFile(new Blob([$("headlines").value]), "headlines.txt", "", $("labelled")));
$("correct").addEventListener("submit", correct);
$("undo").addEventListener("click", () => change("api/undo", {}, () => "The last correction is undone."));
$("upload").addEventListener("submit", event => {
  event.preventDefault();
  const [file] = $("file").files;
  if (file) labelFile(file, file.name, $("column").value, $("labelled"));
  else $("labelled").textContent = "Choose a file first.";
});

tellAbout().then(waitForCases).catch(show);
if ($("headlines").value) labelAll(); // what a browser kept over a reload
