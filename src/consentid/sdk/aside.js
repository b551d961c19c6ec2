/**
 * The banner steps aside for the keyboard: what has the focus is never wholly behind it.
 *
 * It goes to the other edge of the window, and stays there until it is in the way again.  Nothing of
 * the page moves.  (WCAG 2.2, 2.4.11)
 */

/** @param {HTMLElement} banner */
export function watch(banner) {
  document.addEventListener("focusin", ({ target }) => {
    // by then, the page has scrolled to it
    requestAnimationFrame(() => {
      const one = /** @type {Element} */ (target).getBoundingClientRect();
      const own = banner.getBoundingClientRect();
      if (banner.contains(/** @type {Node} */ (target)) || !own.height) return;
      if (one.top < own.top || one.bottom > own.bottom) return;
      const isBelow = innerHeight - own.bottom < own.top;
      Object.assign(banner.style, isBelow ? { top: "0", bottom: "auto" } : { top: "auto", bottom: "0" });
    });
  });
}
