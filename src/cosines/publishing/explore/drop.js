// The reader's own factors: two files in, findings out, by a worker.

const chosen = { items: null, users: null };
const drop = byId("drop");
let worker = null;

const ACTIONS = {
  "stable": "Use these cosines for nearest neighbours: every scaling compared gives much the same ones.",
  "scaling-dependent": `Keep this scaling if that is what you mean; otherwise index the prediction-space vectors, which no scaling
    changes, or balanced factors, the safer choice where you have no labels to measure by.`,
  "arbitrary": `Do not rely on these neighbours: index the prediction-space vectors, which no scaling changes, or balanced factors, the
    safer choice where you have no labels to measure by. Training to convergence with equal penalties on users and items leads to balanced ones.`,
  "borderline": "Ask more items with the command (--queries), and until then treat the neighbours as the worse of the two verdicts.",
  "too small": "Bring more items: lists of ten are much alike whatever the scaling.",
  "undecided": "Bring the users' factors: without them nobody knows what the model predicts.",
  "cosine-trained (assumed)": `All rows have unit length. If training scored by cosine, use these cosines; if rows were
    normalised afterwards, bring the factors as they were before.`,
};

function startWorker() {
  worker?.terminate();
  worker = new Worker(URL.createObjectURL(new Blob([byId("worker").textContent], { type: "text/javascript" })));
  worker.onmessage = ({ data }) => {
    if (data.found) showFound(data.found);
    else if (data.failed) say(data.failed, true);
    else if (data.vectors) download(data.vectors);
    else { byId("progress").value = data.share; say(`${data.what} …`); }
  };
  worker.onerror = (event) => { event.preventDefault(); say(`This browser could not do it: ${event.message}`, true); };
}

function say(text, failed = false) {
  byId("said").textContent = text;
  byId("said").className = failed ? "failed" : "";
  byId("progress").hidden = failed || text === "";
  document.documentElement.dataset.audited = failed ? "failed" : "no";
}

async function look() {
  byId("found").hidden = true;
  worker?.terminate();
  say("");
  if (!chosen.items) {
    if (chosen.users) byId("said").textContent = `${chosen.users.name}: the users. Now the items.`;
    return;
  }
  startWorker();
  say("reading …");
  byId("progress").value = 0;
  const files = {};
  for (const [whose, file] of Object.entries(chosen)) {
    if (!file) continue;
    try {
      files[whose] = { name: file.name, buffer: await file.arrayBuffer() };
    } catch {
      return say(`${file.name}: cannot be read`, true);
    }
  }
  worker.postMessage({ ...files, thresholds: numbers.thresholds }, Object.values(files).map((file) => file.buffer));
}

function choose(files) {
  const named = files.find((file) => /user/i.test(file.name));
  if (files.length > 1) {
    const users = named ?? files[1];
    Object.assign(chosen, { items: files.find((file) => file !== users), users });
  } else if (named) chosen.users = named;
  else Object.assign(chosen, { items: files[0], users: chosen.items ? null : chosen.users });
  look();
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;
const between = ({ mean, low, high }) => (high - low < 5e-4 ? mean.toFixed(3) : `${mean.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`);

/** Rows of the table: what was measured, its value, what it means. */
function rowsOf(found) {
  const { stable, balanced } = numbers.thresholds, rows = [];
  for (const [name, kept] of found.kept) {
    rows.push([`Neighbours kept, ${name}`, between(kept),
      `Of ${found.n} neighbours as trained ${(kept.raw * found.n).toFixed(2)} stay; corrected for chance. Threshold ${name === "balanced" ? balanced : stable}.`]);
  }
  for (const [name, hubs] of found.hubs) {
    rows.push([`Hubs, ${name}`, hubs.skewness.toFixed(1),
      `Skewness of how often items are in lists (${hubs.byChance.toFixed(1)} by chance); the largest hub is in ${percent(hubs.largest)} of them.`]);
  }
  rows.push(["Antihubs, as trained", percent(found.antihubs), "Items that are in no list, less what random lists would leave. Threshold 5 %."]);
  rows.push(["Neighbours that the inner product finds too", between(found.metric),
    "If they are few, an index by inner product answers another question than the cosine. Threshold 0.9."]);
  rows.push(["Near duplicates, as trained", between(found.near), "Items with a neighbour of a cosine of 0.99 or more. Threshold 0.02."]);
  rows.push(["Dimensions in use, as trained", percent(found.collapse), "Over how many dimensions items at unit length are spread. Threshold 10 %."]);
  rows.push(["Duplicates", percent(found.duplicates), "Items with the direction of an earlier one; each direction was counted once."]);
  rows.push(["Effective dimensions", found.dimensions.toFixed(1), `The spectrum is as concentrated as so many equal dimensions; there are ${found.k}.`]);
  rows.push(["Mean cosine of random pairs", found.anisotropy.toFixed(3), "0 where directions are spread evenly, 1 where all items point the same way."]);
  rows.push(["Cosine that 1 % of random pairs exceed", found.top.toFixed(3),
    `Of random pairs ${["0.3", "0.5", "0.8"].map((at, m) => `${percent(found.below[m])} are below ${at}`).join(", ")}.`]);
  if (found.moves !== null) rows.push(["How far cosines move", found.moves.toFixed(3), "What the cosine of two random items changes by, on average over these scalings."]);
  if (found.transforms.includes("prediction space")) rows.push(["Instead", "", numbers.instead]);
  return rows;
}

function showFound(found) {
  say("");
  byId("said").textContent = "Done.";
  byId("verdict").textContent = found.verdict;
  byId("action").textContent = ACTIONS[found.verdict];
  const users = found.users === null ? "no users" : `${found.users.toLocaleString("en-US")} users`;
  byId("sizes").textContent = `${chosen.items.name}${chosen.users ? ` with ${chosen.users.name}` : ""}: ${found.items.toLocaleString("en-US")} items, ${users}, ${found.k} dimensions; ${found.queries} items were asked. ` +
    `Assumed: the model scores by the ${found.score === "dot" ? "dot product" : "cosine"} of user and item, without biases` +
    `${found.saved.length ? `. Recognised: ${found.saved.join(", ")}.` : "."}`;
  byId("findings").replaceChildren(...rowsOf(found).map((cells) => {
    const row = document.createElement("tr");
    row.append(...cells.map((text, m) => {
      const cell = document.createElement(m ? "td" : "th");
      if (!m) cell.scope = "row";
      cell.textContent = minus(text);
      return cell;
    }));
    return row;
  }));
  byId("download").hidden = !found.transforms.includes("prediction space");
  byId("found").hidden = false;
  globalThis.explore.found = found;
  document.documentElement.dataset.audited = "yes";
}

function download(vectors) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([vectors], { type: "application/octet-stream" }));
  link.download = "prediction-space.npy";
  link.click();
}

for (const whose of ["items", "users"]) {
  byId(`${whose}-file`).addEventListener("change", (event) => {
    chosen[whose] = event.target.files[0] ?? null;
    look();
  });
}
byId("download").addEventListener("click", () => worker.postMessage({ ask: "vectors" }));
for (const name of ["dragover", "dragleave", "drop"]) {
  addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files.length) choose([...event.dataTransfer.files]);
  });
}
