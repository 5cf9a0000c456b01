"""The lines of a story, for the screen and as text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tuimon.escape import clean
from tuimon.events import Alert
from tuimon.render import duration_text
from tuimon.syscalls import event_name
from tuimon.view.cells import REST, Cell, Line, severity_role
from tuimon.view.clock import clock, day
from tuimon.view.columns import detail, event_role
from tuimon.view.severity import short
from tuimon.view.story import Story, StoryLine, totals

_NARROW = 100
"""Columns up to which the name of a rule gives way to what happened."""
_WIDE = 120
"""Columns from which on there is room for the names of several rules."""
_DEEPEST = 12
"""Levels that are shown by indenting; those below stay there."""


def since(line: StoryLine, alert: Alert) -> str:
    """Return how long before or after the alert something happened."""
    apart = line.event.time_ns - alert.time_ns
    if line.event.num == alert.event.num:
        return "alert"
    return f"{'-' if apart < 0 else '+'}{duration_text(abs(apart))}"


def story_line(line: StoryLine, alert: Alert, width: int) -> Line:
    """Return one thing that happened."""
    event, process = line.event, line.event.process
    name = (process.comm if process is not None else "") or event.comm or "?"
    lead = "  " * min(line.depth, _DEEPEST)
    here = event.num == alert.event.num
    cells = [
        Cell(f" {clock(event.time_ns, 3)}", "muted", 13),
        Cell(since(line, alert), "attention" if here else "muted", 9, right=True),
        Cell(">" if here else " ", "attention", 2),
        Cell(f"{lead}{name}", "strong"),
        Cell(f" {event.tgid} ", "muted"),
        Cell(event_name(event.kind, event.nr), event_role(event)),
        Cell(f" {detail(event)}", "event-failed" if event.ret < 0 else "", REST),
    ]
    if line.times > 1:
        cells.append(Cell(f" x{line.times:,}", "attention"))
    narrow = width < _WIDE
    room = width // 5 if width < _NARROW else width
    shown = line.alerts[: 1 if narrow else 3]
    fired = [(f" {short(one.priority)} {one.rule}", severity_role(one.priority)) for one in shown]
    cells += [Cell(text, role, min(len(text), room)) for text, role in fired]
    if len(line.alerts) > 1 and narrow:
        cells.append(Cell(f" +{len(line.alerts) - 1}", "attention"))
    return cells


def story_foot(story: Story, *, everything: bool) -> str:
    """Return what the story is made of and what it leaves out."""
    shown = sum(line.times for line in story.lines)
    parts = [f"{story.left_out:,} that tell little"] if story.left_out else []
    parts += [f"{story.entry:,} of its start"] if story.entry else []
    left = f", {' and '.join(parts)} left out (o)" if parts else ""
    all_of_them = " (all of them; o leaves out what tells little)" if everything else ""
    begin = "" if story.complete else "; its beginning is gone"
    many = "1 process" if story.processes == 1 else f"{story.processes:,} processes"
    return f"{many}, {shown:,} events{left}{all_of_them}{begin}"


def story_text(story: Story, alert: Alert) -> Iterator[str]:
    """Yield the story as lines of safe text."""
    yield clean(f"Story of alert {alert.num}: {alert.priority} {alert.rule}")
    yield clean(alert.output)
    yield clean(f"from {story.root.pid} {story.root.cmdline}")
    yield _made_of(story)
    yield "  ".join(f"{name} {count}" for name, count in totals(story))
    yield _when(alert)
    yield ""
    for line in story.lines:
        yield f"{_time(line, alert)}  {'  ' * min(line.depth, _DEEPEST)}{_process(line)} {_what(line)}"


def story_markdown(story: Story, alert: Alert) -> Iterator[str]:
    """Yield the story as lines of Markdown: what a program wrote is code in it, and stays what it is."""
    yield f"# Story of alert {alert.num}: {_code(f'{alert.priority} {alert.rule}')}"
    yield ""
    yield _code(alert.output)
    yield ""
    yield f"From process {story.root.pid}, {_code(story.root.cmdline)}: {_made_of(story)}. {_when(alert)}."
    yield ""
    yield "| time | | process | what | alerts |"
    yield "|---|---:|---|---|---|"
    for line in story.lines:
        time, apart = _time(line, alert).split(maxsplit=1)
        lead = "&nbsp;" * 2 * min(line.depth, _DEEPEST)
        fired = ", ".join(_cell(f"{one.priority} {one.rule}") for one in line.alerts)
        yield f"| {time} | {apart} | {lead}{_cell(_process(line))} | {_cell(_what(line, alerts=False))} | {fired} |"


def _made_of(story: Story) -> str:
    return story_foot(story, everything=False).replace(" (o)", "")


def _when(alert: Alert) -> str:
    """Return which day the times are of, for who reads it elsewhere or later."""
    date, zone = day(alert.time_ns).split()
    return f"{date}, times of day in UTC{zone}"


def _time(line: StoryLine, alert: Alert) -> str:
    return f"{clock(line.event.time_ns, 6)} {since(line, alert):>9}"


def _process(line: StoryLine) -> str:
    """Return name and number of who did it; safe text."""
    process = line.event.process
    name = (process.comm if process is not None else "") or line.event.comm or "?"
    return clean(f"{name} {line.event.tgid}")


def _what(line: StoryLine, *, alerts: bool = True) -> str:
    """Return what happened; safe text."""
    event = line.event
    many = f" x{line.times}" if line.times > 1 else ""
    fired = "".join(f"  <== {one.priority} {one.rule}" for one in line.alerts) if alerts else ""
    return clean(f"{event_name(event.kind, event.nr)} {detail(event)}{many}{fired}")


def _cell(text: str) -> str:
    """Return text as code in a cell of a table, which it cannot end."""
    return _code(text.replace("|", "\\|"))


def _code(text: str) -> str:
    """Return text as code of Markdown, which it cannot end: the fence is longer than any run of ticks in it."""
    shown = clean(text)
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown.strip() else ""
    return f"{fence}{pad}{shown}{pad}{fence}"
