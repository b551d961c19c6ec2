from hypothesis import given
from hypothesis import strategies as st

from consentid.demo.site_visit import Visits
from consentid.demo.site_words import LANGUAGES, STORIES, WORDS, pick_language


def test_a_visit_is_found_again_by_its_cookie() -> None:
    visits = Visits("secret")
    visit = visits.open(None)
    assert visits.open(visit.id) is visit


def test_a_name_that_we_signed_is_taken_on_after_a_restart_and_no_other() -> None:
    visit = Visits("secret").open(None)
    assert Visits("secret").open(visit.id).id == visit.id
    assert Visits("another").open(visit.id).id != visit.id


@given(st.text(max_size=200))
def test_no_invented_cookie_names_a_visit(cookie: str) -> None:
    visits = Visits("secret")
    assert visits.open(cookie).id != cookie


def test_a_form_belongs_to_its_visit() -> None:
    visits = Visits("secret")
    one, other = visits.open(None), visits.open(None)
    assert visits.is_own_form(one, visits.form_token(one))
    assert not visits.is_own_form(other, visits.form_token(one))


@given(st.text(max_size=200))
def test_whatever_a_browser_sends_there_is_a_language(header: str) -> None:
    assert pick_language(header) in LANGUAGES


def test_the_visitor_chooses_the_language_by_weight() -> None:
    assert pick_language("en;q=0.4, fr-CA;q=0.8, de") == "fr"
    assert pick_language("fr;q=0, en") == "en"
    assert pick_language("") == "en"


def test_every_word_exists_in_every_language() -> None:
    assert {frozenset(WORDS[language]) for language in LANGUAGES} == {frozenset(WORDS["en"])}
    assert set(STORIES) == set(LANGUAGES)
