"""Model cards in a report: Markdown becomes HTML that needs nothing from elsewhere."""

import pytest

from docbin_napari.report.evaluation_page import markdown_html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("two\nlines", "<p>two\nlines</p>"),
        ("## Data", "<h4>Data</h4>"),
        (
            "- a\n  goes on\n- **b**",
            "<ul>\n<li>a\ngoes on</li>\n<li><strong>b</strong></li>\n</ul>",
        ),
        ("1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>"),
        ("```\na  <b\n\n# c\n```", "<pre><code>a  &lt;b\n\n# c\n</code></pre>"),
        (
            "see [card](https://example.org/a)",
            '<p>see <a href="https://example.org/a">card</a></p>',
        ),
        ("see [card](weights/a.md)", "<p>see card</p>"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        (
            "![x](https://example.org/spy.png)",
            '<p>!<a href="https://example.org/spy.png">x</a></p>',
        ),
        ('<script>"', "<p>&lt;script&gt;&quot;</p>"),
        ("`<b>**`", "<p><code>&lt;b&gt;**</code></p>"),
    ],
)
def test_marks(text, html):
    assert markdown_html(text).strip() == html


def test_a_table():
    html = "".join(markdown_html("| a | b |\n| --- | --- |\n| 1 | `2` |").split())
    assert "<thead><tr><th>a</th><th>b</th></tr></thead>" in html
    assert "<tbody><tr><td>1</td><td><code>2</code></td></tr></tbody>" in html


def test_every_character_of_a_card_is_kept(project_root):
    """The built-in card: nothing but marks is lost."""
    text = (project_root / "weights" / "general-1.md").read_text(encoding="utf-8")
    html = markdown_html(text)
    for words in ("H-DIBCO 2016", "4,616,468 parameters", "--augment.bleed 0.5", "Limits"):
        assert words in text
        assert words in html
    assert html.count("<pre>") == text.count("```") // 2
