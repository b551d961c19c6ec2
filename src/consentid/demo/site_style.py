"""The sites' one style sheet; a brand's look comes as CSS custom properties from its file."""

from collections.abc import Mapping
from typing import Final

_RULES: Final = """
*, *::before, *::after { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font-family: var(--font);
  line-height: 1.55; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 1rem; background: var(--paper); padding: .5rem 1rem; z-index: 3; }
.wide { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem; }
header { border-bottom: 1px solid var(--line); }
header .wide { display: flex; flex-wrap: wrap; gap: .75rem 1.5rem; align-items: baseline;
  justify-content: space-between; padding-block: 1.1rem; }
.logo { font-size: 1.5rem; font-weight: 700; letter-spacing: -.01em; color: var(--ink);
  text-decoration: none; }
.logo::before { content: ""; display: inline-block; width: .7em; height: .7em;
  margin-right: .5em; background: var(--accent); border-radius: var(--radius); }
main { padding-block: 2rem 3rem; }
h1, h2, h3 { line-height: 1.2; margin: 0 0 .5rem; text-wrap: balance; }
.hero { background: var(--surface); border-bottom: 1px solid var(--line);
  margin-top: -2rem; padding-block: clamp(2rem, 6vw, 4rem); }
.hero h1 { font-size: clamp(1.75rem, 4.5vw, 3rem); letter-spacing: -.02em; max-width: 20ch; }
.hero p { font-size: 1.15rem; color: var(--muted); margin: 0; max-width: 52ch; }
.offers { display: grid; gap: 1.25rem; margin-top: 2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); }
.offer { display: grid; gap: .75rem; align-content: start; padding: 1.5rem;
  border: 1px solid var(--line); border-top: 5px solid var(--accent);
  border-radius: var(--radius); background: var(--paper); grid-template-rows: auto 1fr auto auto; }
.offer p { margin: 0; color: var(--muted); }
.names { list-style: none; display: flex; flex-wrap: wrap; gap: .4rem; margin: 0; padding: 0; }
.names li { background: var(--surface); border-radius: 99px; padding: .1rem .7rem; }
.offer button { width: 100%; }
.panel > .said { margin-top: 1rem; }
.ways { display: flex; flex-wrap: wrap; gap: .75rem; }
.button.plain { background: transparent; color: var(--accent); }
.stories { display: grid; gap: 1.25rem;
  grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); }
.story { background: var(--surface); border: 1px solid var(--line); border-radius: var(--radius);
  padding: 1.25rem; }
.story::before { content: ""; display: block; height: 7rem; margin: -1.25rem -1.25rem 1rem;
  border-radius: var(--radius) var(--radius) 0 0; opacity: .85;
  background: var(--line)
    repeating-linear-gradient(115deg, var(--accent) 0 2px, transparent 2px 14px); }
.story h2 { font-size: 1.15rem; }
.story p, .quiet { color: var(--muted); margin: 0; }
.panel { margin-top: 2.5rem; padding-top: 1.5rem; border-top: 3px double var(--line); }
.columns { display: grid; gap: 2rem; margin-top: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); }
table { border-collapse: collapse; width: 100%; font-size: .95rem; }
caption { text-align: left; font-weight: 700; padding-bottom: .5rem; }
th, td { text-align: left; padding: .4rem .6rem .4rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .85rem; }
pre { background: var(--surface); border: 1px solid var(--line); border-radius: var(--radius);
  padding: 1rem; overflow: auto; max-height: 26rem; margin: 0; }
.badge { display: inline-block; padding: .05rem .6rem; border-radius: 99px; font-size: .85rem;
  border: 2px solid currentcolor; font-weight: 700; }
.said { border-left: 5px solid var(--accent); background: var(--surface); padding: .75rem 1rem;
  margin: 0 0 1.5rem; }
form { margin: 0; }
button, .button { font: inherit; font-weight: 700; cursor: pointer; border-radius: var(--radius);
  padding: .7rem 1.2rem; border: 2px solid var(--accent); background: var(--accent);
  color: var(--on-accent); text-align: center; text-decoration: none; display: inline-block; }
button.plain { background: transparent; color: var(--accent); }
.banner { background: var(--surface); border-top: 4px solid var(--accent); position: sticky;
  bottom: 0; box-shadow: 0 -8px 30px rgb(0 0 0 / .18); z-index: 2; }
.banner .wide { padding-block: 1.1rem 1.25rem; max-height: 85vh; overflow: auto; }
.banner p { margin: 0 0 .6rem; max-width: 62rem; }
.banner h2 { font-size: 1.25rem; }
.acts { display: grid; gap: .75rem; grid-template-columns: repeat(3, minmax(0, 1fr));
  max-width: 48rem; margin-top: .9rem; }
.acts > * { width: 100%; }
.purposes { list-style: none; padding: 0; margin: 1.5rem 0; display: grid; gap: .75rem; }
.purpose { border: 1px solid var(--line); border-radius: var(--radius); padding: 1rem 1.2rem;
  margin: 0; background: var(--surface); }
.purpose legend { font-weight: 700; padding: 0 .3rem; }
.purpose p { margin: 0 0 .5rem; color: var(--muted); }
.purpose .either { display: flex; gap: 1.5rem; }
.purpose .either label { display: flex; gap: .5rem; align-items: center; min-height: 2.75rem; }
.purpose input { width: 1.3rem; height: 1.3rem; accent-color: var(--accent); }
.depth-1 { margin-left: 1.25rem; } .depth-2 { margin-left: 2.5rem; }
footer { border-top: 1px solid var(--line); color: var(--muted); }
footer .wide { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; padding-block: 1.25rem; }
@media (max-width: 34rem) {
  .acts { grid-template-columns: 1fr; gap: .5rem; }
  .banner p { font-size: .95rem; }
  .depth-1, .depth-2 { margin-left: .75rem; }
  button, .button { padding: .8rem 1rem; }
}
@media (prefers-reduced-motion: no-preference) { button, .button { transition: filter .15s; } }
button:hover, .button:hover { filter: brightness(1.08); }
"""


def style_sheet(properties: Mapping[str, str]) -> str:
    """The style sheet in a brand's look."""
    look = " ".join(f"{name}: {value};" for name, value in properties.items())
    return f":root {{ {look} }}\n{_RULES}"
