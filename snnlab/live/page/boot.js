// Starts the explorers of a page. Where one cannot start, the executed picture stays and a sentence says why.

const LIVES = ".snnlab-live";

/** The first explorer of a model on the page: links are for it. */
function firstOf(model) {
  return [...document.querySelectorAll(LIVES)].find(({ dataset }) => dataset.model === model);
}

function start(holder) {
  const failed = (words) => {
    holder.querySelector(".snnlab-failure")?.remove();
    holder.dataset.state = "error";
    holder.append(element("p", { class: "snnlab-failure", role: "status" },
      `This is the executed picture; it cannot be explored here, because ${words}.`));
  };
  try {
    if (typeof WebAssembly !== "object") throw new Error("this browser has no WebAssembly");
    if (typeof Worker !== "function") throw new Error("this browser has no workers");
    new Explorer(holder, JSON.parse(holder.querySelector("script").textContent), failed);
  } catch (error) {
    failed(error.message.replace(/[.]$/, ""));
  }
}

/** A link to a model that is not here is said, once, where the first explorer stands. */
function checkLink() {
  const holders = [...document.querySelectorAll(LIVES)];
  try {
    if (!holders.length) return;
    const link = linked(location.hash);
    if (!link || firstOf(link.model)) return;
    throw new Error(unknown("This page has no explorer of", link.model, holders.map(({ dataset }) => dataset.model)));
  } catch (error) {
    holders[0].before(element("p", { class: "snnlab-failure", role: "alert" }, `The link was not followed. ${error.message}`));
  }
}

function boot() {
  checkLink();
  for (const holder of document.querySelectorAll(LIVES)) start(holder);
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", boot);
else boot();
