"""From an alert or an event to what it is about: the events around it, its container, process, file or connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tuimon.errors import TuimonError
from tuimon.ui.screens.choice import Choice

if TYPE_CHECKING:
    from tuimon.events import Event
    from tuimon.ui.app import TuimonApp

_FILE: Final = "fd.name"


def ask_where(app: TuimonApp, event: Event) -> None:
    """Ask where to go from an event, and go there; dialogs that are open are closed then."""
    places = dict(_places(app, event))

    def picked(key: str | None) -> None:
        if key is not None:
            app.pop_to_main()
            _go(app, event, key)

    if places:
        app.push_screen(Choice(["Go to"], list(places.items())), picked)
    else:
        app.notify("nothing of what this is about is still kept", markup=False)


def _places(app: TuimonApp, event: Event) -> list[tuple[str, str]]:
    """Return what there is to go to: keys, and what each leads to."""
    session = app.session
    assert session is not None
    found = []
    if session.live.history.find(event.num) is not None:
        found.append(("e", "the events before and after it"))
    owner, process = event.container, event.process
    if owner is not None:
        found.append(("c", f"everything in {owner.name or owner.pod_name or owner.id}"))
    if process is not None:
        found.append(("p", f"what {process.comm} {process.pid} did"))
        found.append(("t", f"{process.comm} {process.pid} in the tree, under its parents"))
    if (term := _file_term(event)) is not None:
        found.append(("f", f"everything about {term.partition(' = ')[2]}"))
    return found


def _file_term(event: Event) -> str | None:
    """Return the condition that an event is about the same file or connection, None where there is none."""
    from tuimon.fields import lookup
    from tuimon.view.terms import field_term

    info = lookup(_FILE)
    assert info is not None
    try:
        term = field_term(info, event)
    except TuimonError:
        return None
    return term if term.startswith(f"{_FILE} = ") else None


def _go(app: TuimonApp, event: Event, key: str) -> None:
    from tuimon.view.export import event_filter

    main, session = app.main, app.session
    if session is None:
        return
    if key == "t":
        if event.process is not None and not main.processes.reveal(event.process):
            app.notify("its process is no longer kept", markup=False)
        return
    session.climb_to(0)
    main.trail_changed()
    main.show_event(event.num)  # the cursor stays on it, or comes to it with the rows to come
    if key == "c":
        main.choose(event.container.id if event.container is not None else None)
    elif key != "e":
        main.show_filtered((_file_term(event) or "") if key == "f" else event_filter(event))
