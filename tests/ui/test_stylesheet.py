"""The stylesheet that looks at rules that may hold alone: it works out what Textual's works out of all of them."""

from __future__ import annotations

import pytest
from textual.css.stylesheet import Stylesheet

from tests.ui.conftest import press, running
from tuimon.ui.stylesheet import NearStylesheet


def styles_of(sheet, nodes):
    found = []
    for node in nodes:
        sheet.apply(node)
        parts = {name: styles.base.get_rules() for name, styles in node._component_styles.items()}
        found.append((node, node._css_styles.get_rules(), parts, node._has_hover_style, node._has_focus_within))
    return found


@pytest.mark.parametrize("keys", [(), ("3",), ("6", "slash"), ("question_mark",)])
async def test_it_says_what_textual_s_own_says(keys):
    async with running(size=(100, 30)) as (app, pilot):
        await press(app, pilot, *keys)
        assert isinstance(app.stylesheet, NearStylesheet)
        plain = Stylesheet(variables=app.get_css_variables())
        plain.source = dict(app.stylesheet.source)
        plain.parse()
        nodes = [node for screen in app.screen_stack for node in screen.walk_children(with_self=True)]
        assert styles_of(app.stylesheet, nodes) == styles_of(plain, nodes)
        assert app.stylesheet.rules == plain.rules


async def test_a_rule_that_comes_later_holds():
    async with running() as (app, _):
        app.stylesheet.add_source("#status { color: #123456; }", read_from=("later", ""))
        app.stylesheet.reparse()
        app.stylesheet.update(app.screen)
        assert app.screen.query_one("#status").styles.color.hex == "#123456"
