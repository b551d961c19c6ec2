"""Parents: that each exists, that the slugs agree with it, and that nobody is their own ancestor.

The dots of a purpose's slug make the tree.  A file may also write ``parent``, which must then say
the same; the topics under a purpose have nothing but ``parent``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consentid.brandbook.problem import Rule
from consentid.brandbook.table import Table, suggest
from consentid.core.purpose import ROOT, PurposeId, parent_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """Something with a parent, where it was written."""

    table: Table
    parent: str | None
    """The parent as written; None where none was."""


def check_purposes(leaves: Mapping[PurposeId, Leaf]) -> None:
    """Note unknown parents, cycles, and parents that the slug contradicts."""
    above: dict[str, str | None] = {}
    for id_, leaf in leaves.items():
        by_slug = parent_of(id_)
        above[id_] = leaf.parent or (None if by_slug == ROOT else by_slug)
    circling = _check(leaves, above)
    for id_, leaf in leaves.items():
        by_slug = parent_of(id_)
        if leaf.parent in {None, by_slug} or id_ in circling or leaf.parent not in leaves:
            continue
        remedy = (
            "remove it: this slug has no dot, so it stands at the top"
            if by_slug == ROOT
            else f'write "{by_slug}", or remove it'
        )
        leaf.table.tell(
            Rule.MISPLACED, f'the slug "{id_}" does not stand under it', remedy, "parent"
        )


def check_topics(leaves: Mapping[str, Leaf]) -> None:
    """Note unknown parents and cycles."""
    _check(leaves, {id_: leaf.parent for id_, leaf in leaves.items()})


def _check(
    given: Mapping[PurposeId, Leaf] | Mapping[str, Leaf], above: Mapping[str, str | None]
) -> frozenset[str]:
    leaves: Mapping[str, Leaf] = {str(id_): leaf for id_, leaf in given.items()}
    for id_, leaf in leaves.items():
        up = above[id_]
        if up is not None and up not in leaves:
            near = suggest(up, (known for known in leaves if known != id_))
            remedy = near if near.startswith("did") else "declare the parent first"
            keys = ("parent",) if leaf.parent is not None else ()
            leaf.table.tell(Rule.UNKNOWN_PARENT, f'there is no "{up}" above it', remedy, *keys)
    circling: set[str] = set()
    for id_ in leaves:
        if id_ in circling:
            continue
        ring = _find_ring(id_, above)
        if ring:
            circling |= set(ring)
            # A slug alone cannot make a ring, so a written parent stands somewhere in it.
            guilty = next(each for each in ring if leaves[each].parent is not None)
            leaves[guilty].table.tell(
                Rule.CYCLE,
                f"it goes in a circle: {' under '.join((*ring, ring[0]))}",
                "remove this parent",
                "parent",
            )
    return frozenset(circling)


def _find_ring(start: str, above: Mapping[str, str | None]) -> Sequence[str]:
    """The ring that ``start`` itself is part of; empty if it is in none."""
    ring = [start]
    up = above[start]
    while up is not None and up != start:
        if up in ring or up not in above:
            return ()
        ring.append(up)
        up = above[up]
    return ring if up == start else ()
