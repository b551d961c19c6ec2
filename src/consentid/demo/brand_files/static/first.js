// Before the first paint: whether the visitor left the panel open, so that nothing moves later.
try {
  if (sessionStorage.getItem("demo:panel") === "open") document.documentElement.dataset.panel = "open";
} catch {
  // A browser that keeps nothing: the panel is closed.
}
