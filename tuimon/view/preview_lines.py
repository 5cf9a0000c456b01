"""The preview of an edited rule: what it would have caught in the history, against the rules in force.

Three lines at most below the editor, and all of it in a dialog.
"""

from __future__ import annotations

from typing import Final

from tuimon.view.cells import NAME_TAIL, REST, Cell, Line
from tuimon.view.clock import amount, clock, percent
from tuimon.wording import some
from tuimon.workbench.kept_back import Kept
from tuimon.workbench.preview import Group, Preview, Row

_WIDE: Final = 100
_GROUPS: Final = 4
"""Groups named in the line, the largest first."""
_DEARER: Final = 3.0
"""An edit that costs so many times more is told of,"""
_MANY: Final = 0.1
"""or where the kernel would send more than this share of the calls it looks at,"""
_DEAR_NS: Final = 100.0
"""where it costs at least this much for each event of the window."""


def preview_lines(seen: Preview) -> list[Line]:
    """Return a warning if there is one, the counts, and what limits them, the cost, and whom they come from."""
    if not seen.events:
        return [
            (Cell(" preview: no event so far to look through; it is made as soon as there are some", "muted", REST),)
        ]
    if not seen.rules:
        return [(Cell(" preview: catches the same as the rules in force", "muted", REST),)]
    more = [Cell(f" {note} ", "attention") for note in _notes(seen)]
    more.append(Cell(f" {cost_text(seen)}  ", "muted"))
    groups = Cell(" ".join(_named(group) for group in seen.groups[:_GROUPS]), "", REST)
    warned: list[Line] = [(Cell(f" {text}", "attention", REST),) for text in warnings(seen)[:1]]
    return [
        *warned,
        (*counts(seen), Cell(" f3 rows", "key"), Cell(f"  {kept_text(seen)}", "muted", REST)),
        (*more, groups),
    ]


def counts(seen: Preview) -> list[Cell]:
    """Return the window and how many alerts there were and would be."""
    return [
        Cell(f" last {amount(seen.events)} ev ({span_text(seen)}): ", "muted"),
        Cell(f"was {seen.was:,} -> {seen.now:,} alerts ", "strong"),
        Cell("(", "muted"),
        Cell(f"+{seen.added:,} ", "good" if seen.added else "muted"),
        Cell(f"-{seen.removed:,}", "attention" if seen.removed else "muted"),
        Cell(")", "muted"),
    ]


def cost_text(seen: Preview) -> str:
    """Return the cost of judging the changed rules before and after, for each event of the window."""
    return f"cost {_us(seen.cost_before.ns_per_event)} -> {_us(seen.cost_now.ns_per_event)} us/ev"


def kept_text(seen: Preview) -> str:
    """Say what the kernel would keep back for the changed rules alone; empty where the history has no such calls."""
    share = seen.kept_now.share
    return "" if share is None else f"kernel keeps ~{percent(share)}"


def warnings(seen: Preview) -> list[str]:
    """Return what makes an edit expensive: the kernel can no longer sort out events, or judging takes longer."""
    found = []
    lost = sorted(set(seen.unfiltered_now) - set(seen.unfiltered_before))
    if lost:
        found.append(f"expensive: the kernel must send every {some(lost, 6)}: it cannot tell which of them match")
    passes_now, passes_before = (_passes(kept) for kept in (seen.kept_now, seen.kept_before))
    if not lost and passes_now > max(passes_before * _DEARER, _MANY):
        was = f", was {percent(passes_before)}" if seen.kept_before.asked else ""
        found.append(
            f"expensive: the kernel would send ~{percent(passes_now)} of the calls it looks at{was}: estimated from "
            "the history"
        )
    now, before = seen.cost_now.ns_per_event, seen.cost_before.ns_per_event
    if now > max(before * _DEARER, _DEAR_NS):
        found.append(
            f"expensive: {_us(now)} us for each event, was {_us(before)}; {seen.cost_now.judged:,} of "
            f"{seen.cost_now.events:,} events had to be judged one by one"
        )
    return found


def _passes(kept: Kept) -> float:
    """Return the share that the kernel would send; nothing while no such call was there."""
    return kept.passed / kept.asked if kept.asked else 0.0


def limits(seen: Preview) -> list[str]:
    """Return what limits the answer of a preview, each as a sentence."""
    notes = [] if seen.complete else ["only the newest part was looked at"]
    if seen.unknown:
        notes.append(f"{seen.unknown:,} events could not be judged: they hang on a value that is not known yet")
    if seen.lost:
        notes.append(f"{seen.lost:,} events of this time were lost and are not in it")
    if seen.not_captured:
        notes.append(f"not captured, because no rule asked for it: {', '.join(seen.not_captured)}")
    if seen.thinned:
        names = ", ".join(seen.thinned)
        where = "outside of the chosen containers " if seen.thinned_elsewhere else ""
        notes.append(f"{where}only what the rules in force match is here of: {names}")
    return notes


def row_line(sign: str, row: Row, detail: str = "", width: int = 120) -> Line:
    """Return one event of a preview: sign, time, container, command line, and what it did where that is known."""
    role = {"+": "good", "-": "attention"}.get(sign, "muted")
    place = 16 if width >= _WIDE else 10
    left = max(width - 19 - place, 20)
    return (
        Cell(f"   {sign} ", role),
        Cell(clock(row.time_ns, 3), "muted", 13),
        Cell(f"{row.container or '?'}", "", place, tail=NAME_TAIL),
        Cell(" ", ""),
        Cell(row.cmdline, "strong", left * 2 // 5 if detail else REST),
        *((Cell("  ", ""), Cell(detail, "", REST)) if detail else ()),
    )


def _notes(seen: Preview) -> list[str]:
    """Return what limits the answer, in few words."""
    notes = [] if seen.complete else ["newest part only"]
    notes += [f"{seen.unknown:,} not judged"] if seen.unknown else []
    notes += [f"{amount(seen.lost)} lost"] if seen.lost else []
    missing = len(seen.not_captured)
    notes += [f"{missing} type{'s' * (missing != 1)} not captured"] if missing else []
    where = " elsewhere" if seen.thinned_elsewhere else ""
    return notes + ([f"{', '.join(seen.thinned[:2])}{where}: not all here"] if seen.thinned else [])


def _named(group: Group) -> str:
    counts = [f"+{group.added:,}"] if group.added else []
    counts += [f"-{group.removed:,}"] if group.removed else []
    return f"{''.join(counts)} {group.container or '?'}/{group.process or '?'}"


def span_text(seen: Preview) -> str:
    """Return the length of a preview's window: ``40s``, ``14m``, ``3h``."""
    seconds = max(seen.last_time_ns - seen.first_time_ns, 0) / 1e9
    if seconds < 120:
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f}m" if seconds < 7200 else f"{seconds / 3600:.0f}h"


def _us(nanoseconds: float) -> str:
    return f"{nanoseconds / 1000:.2g}" if nanoseconds else "0"
