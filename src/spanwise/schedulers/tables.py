"""Tables for people: text within 100 columns, and the same as HTML for notebooks."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence

WIDTH = 100
"""Columns that a text fits in."""

NAME_WIDTH = 25
"""Columns for the name of a step."""

Column = tuple[str, int, str]
"""Title, width, alignment."""

Fact = tuple[str, str]
"""A label and what it says."""


def text_table(columns: Sequence[Column], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The lines of a table."""
    rule = " ".join("-" * width for _, width, _ in columns)
    titles = tuple(title for title, _, _ in columns)
    return [_line(columns, titles), rule, *(_line(columns, row) for row in rows), rule]


def _line(columns: Sequence[Column], cells: tuple[str, ...]) -> str:
    parts = []
    for cell, (_, width, align) in zip(cells, columns, strict=True):
        parts.append(f"{_short(cell, width):{align}{width}}")
    return " ".join(parts).rstrip()


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def lines(facts: Sequence[Fact]) -> list[str]:
    """Facts within the width, the labels in a column of their own."""
    return [
        piece
        for label, text in facts
        for piece in textwrap.wrap(
            f"{label:<10}{text}", WIDTH, subsequent_indent=" " * 10, break_on_hyphens=False
        )
    ]


def html_page(
    head: Sequence[Fact], tables: str, foot: Sequence[Fact], notes: Sequence[Fact]
) -> str:
    """Facts, tables, facts and a list of notes."""
    told = "".join(f"<li>{html.escape(note)}</li>" for _, note in notes)
    return (
        f'<div style="font-size: 0.92em">{_html_facts(head)}{tables}{_html_facts(foot)}'
        + (f'<ul style="margin: 0.4em 0; opacity: 0.8">{told}</ul>' if told else "")
        + "</div>"
    )


def _html_facts(facts: Sequence[Fact]) -> str:
    told = (f"<b>{html.escape(label)}</b> {html.escape(text)}" for label, text in facts)
    return f'<p style="margin: 0.4em 0">{"<br>".join(told)}</p>' if facts else ""


def html_table(
    columns: Sequence[Column], rows: Sequence[tuple[str, ...]], bold: Sequence[bool]
) -> str:
    """The same table; ``bold`` says of each row whether its first cell is."""
    head = _html_row("th", columns, tuple(title for title, _, _ in columns), bold=True)
    body = "".join(
        _html_row("td", columns, cells, bold=strong)
        for cells, strong in zip(rows, bold, strict=True)
    )
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _html_row(tag: str, columns: Sequence[Column], cells: tuple[str, ...], *, bold: bool) -> str:
    """A row aligned as the text is; ``bold`` is its first cell, and each of a head."""
    out = []
    for i, (cell, (_, _, align)) in enumerate(zip(cells, columns, strict=True)):
        style = f"text-align: {'left' if align == '<' else 'right'}; padding: 0.1em 0.7em"
        style += "; white-space: nowrap; font-variant-numeric: tabular-nums"
        style += f"; font-weight: {'bold' if bold and (tag == 'th' or not i) else 'normal'}"
        out.append(f'<{tag} style="{style}">{html.escape(cell)}</{tag}>')
    return f"<tr>{''.join(out)}</tr>"
