// The shop's basket: asked for by whoever fills it, so it needs no consent, and lasts for the visit.
const KEY = "basket";

const read = () => {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? [];
  } catch {
    return [];
  }
};

export function showBasket() {
  const count = document.getElementById("basket");
  const add = document.getElementById("add");
  if (count) count.textContent = String(read().length);
  add?.addEventListener("click", () => {
    const goods = [...read(), add.dataset.slug];
    try {
      sessionStorage.setItem(KEY, JSON.stringify(goods));
    } catch {
      // This page still counts it.
    }
    count.textContent = String(goods.length);
  });
}
