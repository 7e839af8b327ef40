// Everything works without this file: it saves a few clicks.
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const text = source.value ?? source.textContent;
  const said = document.getElementById("announcements");
  try {
    await navigator.clipboard.writeText(text.trim());
    button.textContent = "Copied";
    said.textContent = "Copied.";
  } catch {
    said.textContent = "Could not copy. Select the text and copy it by hand.";
  }
});

// A button that was pressed once is not pressed again while the answer is on its way.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent && event.target.method === "post") {
    event.preventDefault();
    return;
  }
  if (event.target.dataset.stays === undefined) {
    event.target.dataset.sent = "yes";
    for (const button of event.target.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
  }
});

// Back from the next page, the form is as good as new.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
  }
});

for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
document.querySelector("[data-focus]")?.focus();

// What a template makes, while it is being typed.
for (const input of document.querySelectorAll("[data-fields]")) {
  const fields = JSON.parse(input.dataset.fields);
  input.addEventListener("input", () => {
    const made = input.value.replace(/\{(\w+)\}/g, (all, name) => fields[name] ?? all);
    document.getElementById(input.dataset.example).textContent = made;
  });
}
