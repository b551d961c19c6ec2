"""What a run told, for people."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_MOMENTS: Final = ("at_first", "halfway", "at_last", "most")
_OF_A_REQUEST: Final = (
    *("request", "answers", "a_second"),
    *("p50_ms", "p95_ms", "p99_ms", "most_ms", "failed"),
)


def text_of(told: Mapping[str, Any]) -> str:
    """All of it, as tables."""
    asked = told["asked_for"]
    parts = [
        f"{told['machine']}; load average before and after {told['load_average_before_and_after']}",
        _heading(asked, told["seconds"]),
        _table(
            ("request", "answers", "a second", "p50 ms", "p95", "p99", "slowest", "failed"),
            [[each.get(name, "") for name in _OF_A_REQUEST] for each in told["requests"]],
        ),
        _of("from a withdrawal to a node's first no, ms", told["withdrawal_visible_ms"]),
        _of("from there to the last question that got a yes, ms", told["withdrawal_stale_ms"]),
        _of("late by our own fault, within the above, ms", told["our_own_lateness_ms"]),
        _table(
            ("process", "MB at first", "halfway", "at last", "most", "cores"),
            [
                [name, *(each[f"memory_mb_{when}"] for when in _MOMENTS), each["cores"]]
                for name, each in told["processes"].items()
            ],
        ),
        _of("written while people came", told["filling"]),
        _of("written by decisions alone", told["decisions_alone"]),
        _of("written in the day", told["the_day"]),
        _table(
            ("table", "rows", "bytes", "bytes a row", "packed"),
            [
                [name, each["rows"], each["bytes"], *_each(told, name)]
                for name, each in sorted(told["tables"].items(), key=lambda one: -one[1]["bytes"])
            ],
        ),
    ]
    parts += [_group(each) for each in told["groups"]]
    if told["failed"]:
        parts.append(_table(("failed", "times"), [list(one) for one in told["failed"].items()]))
    return "\n\n".join(parts)


def _heading(asked: Mapping[str, Any], seconds: float) -> str:
    return (
        f"{asked['people']:,} people, {asked['visits_a_second']:g} visits a second for"
        f" {seconds:g} s, {asked['televisions']} televisions that wait"
    )


def _each(told: Mapping[str, Any], table: str) -> list[Any]:
    return [told[of].get(table, "") for of in ("bytes_a_row", "bytes_a_row_packed")]


def _group(told: Mapping[str, Any]) -> str:
    """What a larger group takes."""
    rows = [
        [
            each["thing"],
            *map(round, (each["bytes_each"], each["many"])),
            each["gigabytes"],
            each["reckoning"],
        ]
        for each in told["database"]
    ]
    plain = {name: each for name, each in told.items() if name != "database"}
    return _of("a group", plain) + "\n" + _table(("thing", "bytes", "many", "GB", "why"), rows)


def _of(name: str, values: Mapping[str, Any]) -> str:
    return f"{name}: " + ", ".join(f"{key} {_text(each)}" for key, each in values.items())


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    texts = [[*head], *([_text(each) for each in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "\n".join(
        "  ".join(
            text.rjust(width) if place else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in texts
    )


def _text(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)
