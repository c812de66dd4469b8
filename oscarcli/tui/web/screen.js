"use strict";
// Keys go to the terminal as soon as it is there, without a click into it first.
new MutationObserver((_changes, observer) => {
  const keys = document.querySelector("#terminal textarea");
  if (keys) {
    keys.focus();
    observer.disconnect();
  }
}).observe(document, { childList: true, subtree: true });
