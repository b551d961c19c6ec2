"""What a television loads: a language and a style that an engine of 2016 and before understands."""

import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files

import pytest
import tree_sitter_javascript
from tests.demo.test_brand_site import LOOK, pages_of
from tree_sitter import Language, Node, Parser

from consentid.demo.brand_content import FOLDER, LANGUAGES, tv_words_of
from consentid.demo.brand_pages import BrandPages

SCRIPTS = {
    each.name: each.read_text()
    for folder in (FOLDER / "tv", files("consentid.sdk"))
    for each in folder.iterdir()
    if each.name.startswith(("tv", "consentid-tv")) and each.name.endswith(".js")
}
STYLE = (FOLDER / "tv" / "tv.css").read_text()
_LATER_SYNTAX = frozenset({
    *("arrow_function", "template_string", "lexical_declaration", "class_declaration", "class"),
    *("spread_element", "rest_pattern", "object_pattern", "array_pattern", "assignment_pattern"),
    *("generator_function", "generator_function_declaration", "yield_expression"),
    *("await_expression", "optional_chain", "import_statement", "export_statement", "import"),
    *("shorthand_property_identifier", "method_definition", "computed_property_name"),
    *("of", "async", "static", "**", "??", "?.", "&&=", "||=", "??=", "ERROR", "meta_property"),
})  # fmt: skip
_LATER_NAMES = re.compile(
    r"\b(fetch|Promise|Symbol|WeakMap|Map|Set|Proxy|Reflect|AbortController|URLSearchParams|"
    r"TextEncoder|BigInt|globalThis|requestIdleCallback|IntersectionObserver|subtle|CSS)\b"
    r"|\.(includes|startsWith|endsWith|repeat|padStart|padEnd|closest|append|prepend|replaceWith|"
    r"matches|find|findIndex|fill|flat|flatMap|finally|then|toggleAttribute)\("
    r"|\b(Object\.(assign|entries|values|fromEntries)|Array\.(from|of)|Number\.isInteger|"
    r"Math\.trunc|dataset|classList)\b"
)
_OUR_OWN = re.compile(r"\b(this|household|Household\.prototype)\.find\b")
_LATER_STYLE = re.compile(
    r"grid|\bgap:|inset|clamp\(|min\(|max\(|calc\(|aspect-ratio|object-fit|:is\(|:where\(|"
    r":focus-visible|:has\(|@layer|@supports|@container|sticky|place-|rgb\([^)]*/"
)


def nodes_of(source: str) -> Iterator[Node]:
    parser = Parser(Language(tree_sitter_javascript.language()))
    waiting = [parser.parse(source.encode()).root_node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.children)


def is_later(node: Node) -> bool:
    """Whether it is none of ECMAScript 5's."""
    match node.type:
        case "catch_clause":
            return node.child_by_field_name("parameter") is None
        case "regex_flags":
            return node.text is not None and not set(node.text.decode()) <= set("gim")
        case "number":
            return node.text is not None and re.match(rb"0[boBO]|.*[_n]", node.text) is not None
        case "formal_parameters" | "arguments":
            return any(
                one.type == "," and two.type == ")"
                for one, two in zip(node.children, node.children[1:], strict=False)
            )
        case kind:
            return kind in _LATER_SYNTAX


def test_all_that_runs_there_is_looked_at() -> None:
    assert set(SCRIPTS) == {
        "consentid-tv.js",
        "consentid-tv-pair.js",
        "tv.js",
        "tv-household.js",
        "tv-remote.js",
    }


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_its_language_is_that_of_2009(name: str) -> None:
    source = SCRIPTS[name]
    found = {node.type for node in nodes_of(source) if is_later(node)}
    assert not found
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", source, flags=re.DOTALL)
    names = [each[0] for each in _LATER_NAMES.finditer(_OUR_OWN.sub("", code))]
    assert not names


@pytest.mark.parametrize(
    "later",
    [
        *("let a = 1;", "a => 1;", "`a`;", "f(...a);", "var {a} = b;", "class A {}", "a?.b;"),
        *("for (var a of b) {}", "async function f() {}", "var a = {b};", "f(a,);", "/a/u;"),
        *("try { } catch { }", "a ?? b;", "0b1;", "var a = {b() {}};", "function f(a = 1) {}"),
    ],
)
def test_what_came_later_would_be_found(later: str) -> None:
    assert any(is_later(node) for node in nodes_of(later))


def test_its_style_is_flexbox_at_most_and_names_colours_outright() -> None:
    assert _LATER_STYLE.findall(STYLE) == []
    assert set(re.findall(r"display: ([a-z-]+)", STYLE)) <= {
        *("flex", "block", "inline-block", "none"),
    }
    look = {**LOOK, **dict.fromkeys(re.findall(r"var\((--[a-z-]+)\)", STYLE), "#102030")}
    play = BrandPages(site=replace(pages_of("play").site, look=look, tv_client="play-tv"))
    told = play.files["tv.css"].content.decode()
    assert "var(" not in told
    assert "#102030" in told
    assert pages_of("play").page("/tv", "en", was_chosen=False) is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_what_it_is(language: str) -> None:
    head = (FOLDER / "templates" / "tv.html").read_text().partition("</head>")[0]
    assert '<html lang="{{ page.language }}">' in head
    assert '<meta name="description" content="{{ tv.description }}">' in head
    assert 20 < len(tv_words_of(language)["description"]) < 160


def test_the_page_loads_what_is_looked_at_and_nothing_else() -> None:
    page = (FOLDER / "templates" / "tv.html").read_text()
    loaded = re.findall(r"<(?:script|link|iframe|object|embed)\b[^>]*>", page)
    named = {name for each in loaded for name in re.findall(r"[\w-]+\.(?:js|css|svg)\b", each)}
    assert named == {*SCRIPTS, "tv.css", "icon.svg"}
    assert re.findall(r"<script>|<style|\bon[a-z]+=", page) == []


def test_both_languages_say_the_same_things() -> None:
    english, french = tv_words_of("en"), tv_words_of("fr")
    assert english.keys() == french.keys()
    assert english["words"].keys() == french["words"].keys()
    assert english["words"]["purposes"].keys() == french["words"]["purposes"].keys()
    assert english["purposes"] == french["purposes"]
    for name, text in english["words"].items():
        if isinstance(text, str):
            found = re.findall(r"%[a-z]+", text)
            assert sorted(found) == sorted(re.findall(r"%[a-z]+", french["words"][name])), name
