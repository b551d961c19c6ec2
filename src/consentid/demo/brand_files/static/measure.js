// Understanding our audience: links this visit to earlier ones.  Held until that was granted; the
// cookie is declared in the brand's file, and goes when the consent goes.
const name = `${document.documentElement.dataset.brand}_visits`;
const before = Number(new RegExp(`(?:^|; )${name}=(\\d+)`).exec(document.cookie)?.[1] ?? 0);
const visits = before + 1;
document.cookie = `${name}=${visits}; path=/; max-age=15552000; samesite=lax`;
const measured = document.getElementById("measured");
if (measured) {
  measured.textContent =
    document.documentElement.lang === "fr"
      ? `Vos visites sont rapprochées : page ${visits} (cookie ${name}).`
      : `Your visits are linked: page ${visits} (cookie ${name}).`;
}
