"""Convert the Markdown of model cards to HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

_FENCE = "```"
_ITEM = re.compile(r"(?:[-*]|\d+\.)\s+(.*)")
_RULE = re.compile(r"\|?\s*:?-{3,}:?\s*(\|\s*:?-{3,}:?\s*)*\|?")


def prose(text: str, level: int = 3) -> str:
    r"""Turn a card into HTML: headings, tables, lists, code, bold words, links.

    Parameters
    ----------
    text : str
        Markdown.
    level : int
        Level of its highest heading in the page.

    Returns
    -------
    str
        HTML in which every other character of the text is escaped.

    Examples
    --------
    >>> print(prose("# Card\n\nGood for `a < b`."))
    <h3>Card</h3>
    <p>Good for <code>a &lt; b</code>.</p>
    """
    return "\n".join(_html(block, level) for block in _blocks(text.splitlines()))


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """Lines that belong together: between empty lines, or between fences."""
    block: list[str] = []
    fenced = False
    for line in lines:
        if line.strip().startswith(_FENCE):
            fenced = not fenced
            if fenced and block:
                yield block
                block = []
            block.append(line.strip())
            if not fenced:
                yield block
                block = []
        elif fenced or (line.strip() and not line.startswith("#")):
            block.append(line)
        else:
            if block:
                yield block
                block = []
            if line.strip():
                yield [line]
    if block:
        yield block


def _html(block: list[str], level: int) -> str:
    first = block[0].strip()
    if first.startswith(_FENCE):
        code = [line for line in block if not line.strip().startswith(_FENCE)]
        return f"<pre><code>{escape(chr(10).join(code))}</code></pre>"
    if first.startswith("#"):
        depth = min(len(first) - len(first.lstrip("#")) - 1 + level, 6)
        return f"<h{depth}>{_inline(first.lstrip('# '))}</h{depth}>"
    if first.startswith("|") and len(block) > 1 and _RULE.fullmatch(block[1].strip()):
        return _table(block)
    if _ITEM.match(first):
        return _list(block)
    return f"<p>{_inline(' '.join(line.strip() for line in block))}</p>"


def _table(block: list[str]) -> str:
    head, _, *body = (_cells(line) for line in block)
    rows = "".join(_row(cells, "td") for cells in body)
    top = f"<thead>{_row(head, 'th')}</thead>" if any(head) else ""
    return f'<div class="wide"><table>{top}<tbody>{rows}</tbody></table></div>'


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _row(cells: list[str], kind: str) -> str:
    return "<tr>" + "".join(f"<{kind}>{_inline(cell)}</{kind}>" for cell in cells) + "</tr>"


def _list(block: list[str]) -> str:
    """Items, with the lines that go on with them."""
    items: list[str] = []
    for line in block:
        found = _ITEM.match(line.strip())
        if found:
            items.append(found[1])
        else:
            items[-1] += f" {line.strip()}"
    kind = "ol" if block[0].strip()[0].isdigit() else "ul"
    return f"<{kind}>" + "".join(f"<li>{_inline(item)}</li>" for item in items) + f"</{kind}>"


def _inline(text: str) -> str:
    """Code, bold words and links; only addresses of the web become links."""
    pieces = re.split(r"(`[^`]+`)", text)
    return "".join(
        f"<code>{escape(piece[1:-1])}</code>" if piece[:1] == "`" and piece[1:] else _marked(piece)
        for piece in pieces
    )


def _marked(text: str) -> str:
    safe = escape(text)
    safe = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", safe)
    safe = re.sub(r"\[([^\]]+)\]\((https?://[^\s)]+)\)", r'<a href="\2">\1</a>', safe)
    return re.sub(r"\[([^\]]+)\]\([^\s)]+\)", r"\1", safe)
