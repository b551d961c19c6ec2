// The shelf: the editors' picks for everybody; with consent to "content", by what one opened here.
const KEY = "demo:opened";
const MOST = 20;

const shelf = document.getElementById("shelf");
const title = document.getElementById("shelf-title");
const remark = document.getElementById("shelf-note");
const section = shelf?.closest("section");
const everybodys = { title: title?.textContent, note: remark?.textContent, cards: [...(shelf?.children ?? [])] };
const reading = document.querySelector("[data-reading]")?.dataset.reading;

const opened = () => {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? [];
  } catch {
    return [];
  }
};

/** Show it one way or the other; what was remembered goes as soon as it may not be kept. */
export function showShelf(isPersonal) {
  if (!shelf || !section) return;
  let seen = [];
  try {
    if (isPersonal) {
      seen = [...opened().filter((slug) => slug !== reading), ...(reading ? [reading] : [])].slice(-MOST);
      localStorage.setItem(KEY, JSON.stringify(seen));
    } else {
      localStorage.removeItem(KEY);
    }
  } catch {
    // Nothing is kept, so the order is everybody's.
  }
  section.dataset.personal = String(isPersonal);
  title.textContent = isPersonal ? section.dataset.yours : everybodys.title;
  remark.textContent = isPersonal ? section.dataset.yoursNote : everybodys.note;
  const rank = (card) => seen.indexOf(card.dataset.slug);
  const cards = isPersonal
    ? [...everybodys.cards].sort((one, other) => rank(one) - rank(other)) // what was opened goes last
    : everybodys.cards;
  if (cards.some((card, at) => shelf.children[at] !== card)) shelf.replaceChildren(...cards);
}
