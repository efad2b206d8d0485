// What pages do better with a script, and well without: instants in the reader's own words, copying, ticking all boxes.
"use strict";
(() => {
  const locale = navigator.languages?.[0];
  const exact = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "long" });
  const day = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", year: "numeric" });
  const now = new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(0, "second");
  const relative = new Intl.RelativeTimeFormat(locale);
  const words = exact.resolvedOptions().locale;
  const said = document.getElementById("said");
  // As in words.py.
  const steps = [
    [60, 60, "second"], [60, 60, "minute"], [48, 24, "hour"], [60, 30.44, "day"], [24, 12, "month"], [Infinity, 1, "year"],
  ];

  function distance(instant) {
    let amount = (instant - Date.now()) / 1000;
    if (Math.abs(amount) < 5) return now;
    for (const [most, size, unit] of steps) {
      if (Math.abs(amount) < most - 0.5) return relative.format(Math.round(amount), unit);
      amount /= size;
    }
  }

  function tell(root) {
    for (const each of root.querySelectorAll("time[datetime]")) {
      const instant = new Date(each.dateTime);
      const how = { exact, day }[each.dataset.how];
      each.textContent = how ? how.format(instant) : distance(instant);
      // Within a page in English, which runs the other way than some.
      each.lang = words;
      each.dir = "auto";
      each.title = `${exact.format(instant)} · ${each.dateTime}`;
    }
    for (const each of root.querySelectorAll("[data-script]")) each.hidden = false;
  }

  async function copy(button) {
    const field = document.getElementById(button.dataset.copy);
    let done = true;
    try {
      await navigator.clipboard.writeText(field.value ?? field.textContent);
    } catch {
      // Not over plain HTTP: then the old way, and where that is gone too, by hand.
      if (field.select) field.select();
      else getSelection().selectAllChildren(field);
      done = document.execCommand("copy");
    }
    button.dataset.words ??= button.textContent;
    said.textContent = button.textContent = done ? "Copied" : "Selected: press Ctrl+C";
    setTimeout(() => { button.textContent = button.dataset.words; }, 2000);
  }

  function count() {
    const ticked = document.querySelectorAll("input[name=id]:checked").length;
    for (const each of document.querySelectorAll("[data-ticked]")) each.textContent = ticked ? ` (${ticked})` : "";
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-all]")) {
      for (const each of document.querySelectorAll("input[name=id]:not(:disabled)")) each.checked = event.target.checked;
    }
    count();
  });
  // A form is sent once: the answer to the second of a double click would take the place of the first.
  const sent = new WeakSet();
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    if (sent.has(event.target)) event.preventDefault();
    sent.add(event.target);
    setTimeout(() => sent.delete(event.target), 5000);  // it may not have arrived
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) for (const each of document.forms) sent.delete(each);
  });
  // Some browsers keep the page for the way back: what is shown once must not be in it.
  addEventListener("pagehide", () => {
    for (const each of document.querySelectorAll("[data-once]")) {
      each.textContent = "";
      if ("value" in each) each.value = each.defaultValue = "";
      each.removeAttribute("href");
    }
  });
  // On a phone the pages are a row that scrolls.
  document.querySelector(".side [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
  // Before the page is shown: nothing jumps.
  tell(document);
  document.addEventListener("htmx:afterSwap", (event) => {
    const part = event.target.parentNode ?? document;
    tell(part);
    // A region is read aloud when its text changes, not when it comes with the text in it.
    const news = part.querySelector("[data-said]");
    if (news) said.textContent = news.textContent;
    stale(false);
  });
  // What moves by itself can be stopped, and does not while nobody sees it; and old numbers are not shown as new ones.
  const stale = (is) => { for (const each of document.querySelectorAll("[data-stale]")) each.hidden = !is; };
  document.addEventListener("htmx:beforeRequest", (event) => {
    const polls = event.target.matches('[hx-trigger^="every"]');
    if (polls && (document.hidden || document.querySelector("[data-pause]:checked"))) event.preventDefault();
  });
  for (const kind of ["sendError", "timeout"]) document.addEventListener(`htmx:${kind}`, () => stale(true));
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status >= 500) stale(true);
    else location.reload();  // what one may not, or not any more, the whole page says
  });
})();
