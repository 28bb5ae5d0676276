{
  // Every visitor gets a key of their own: that of the document may be in use already. Not
  // crypto.randomUUID, which browsers offer over HTTPS and on localhost only.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const key = digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  for (const parameter of spec.paths["/orders"].post.parameters) {
    if (parameter.name === "Idempotency-Key") parameter.schema.example = key;
  }

  // What assistive technology needs, and Swagger UI leaves out.
  const LABELS = {
    ".copy-to-clipboard button": "Copy",
    "textarea.body-param__text": "Request body",
    ".servers select": "Server",
    "select.examples-select-element": "Example",
    "select.content-type": "Media type",
  };
  const improve = () => {
    for (const [selector, label] of Object.entries(LABELS)) {
      for (const element of document.querySelectorAll(`${selector}:not([aria-label])`)) {
        element.setAttribute("aria-label", label);
      }
    }
    // A link in a button. The button opens the operation, and its address with it.
    for (const link of document.querySelectorAll(".opblock-summary-control a[href]")) {
      link.removeAttribute("href");
    }
    // What scrolls can be scrolled with the keyboard.
    for (const scrolled of document.querySelectorAll("pre.microlight:not([tabindex])")) {
      scrolled.tabIndex = 0;
    }
  };
  const rendered = new MutationObserver(improve);
  rendered.observe(document.getElementById("ui"), { childList: true, subtree: true });
}
