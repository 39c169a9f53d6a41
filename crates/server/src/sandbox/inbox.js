"use strict";

// Each button asks the sandbox's own controls and shows the page anew.
const said = document.getElementById("said");

async function ask(path, body) {
  const buttons = document.querySelectorAll("button");
  buttons.forEach((button) => { button.disabled = true; });
  said.textContent = "…";
  try {
    const answer = await fetch("/sandbox/v1" + path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (answer.ok) {
      location.reload();
      return;
    }
    said.textContent = (await answer.json()).detail;
  } catch (error) {
    said.textContent = String(error);
  }
  buttons.forEach((button) => { button.disabled = false; });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.clock) ask("/clock", { set: button.dataset.clock });
  if (button?.dataset.resend) ask("/callbacks/" + button.dataset.resend + "/resend", {});
});
