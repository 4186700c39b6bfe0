import pytest

from docbin_napari.report.prose import prose


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("two\nlines", "<p>two lines</p>"),
        ("## Data", "<h4>Data</h4>"),
        ("- a\n  goes on\n- **b**", "<ul><li>a goes on</li><li><b>b</b></li></ul>"),
        ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        ("```bash\na  <b\n\n# c\n```", "<pre><code>a  &lt;b\n\n# c</code></pre>"),
        (
            "see [card](https://example.org/a)",
            '<p>see <a href="https://example.org/a">card</a></p>',
        ),
        ("see [card](weights/a.md)", "<p>see card</p>"),
        ("[x](javascript:alert(1))", "<p>x)</p>"),
        ('<script>"', "<p>&lt;script&gt;&quot;</p>"),
        ("`<b>**`", "<p><code>&lt;b&gt;**</code></p>"),
    ],
)
def test_marks(text, html):
    assert prose(text) == html


def test_a_table():
    html = prose("| a | b |\n| --- | --- |\n| 1 | `2` |")
    assert "<thead><tr><th>a</th><th>b</th></tr></thead>" in html
    assert "<tbody><tr><td>1</td><td><code>2</code></td></tr></tbody>" in html


def test_a_table_without_titles_has_no_head():
    assert "<thead>" not in prose("| | |\n| --- | --- |\n| 1 | 2 |")


def test_every_character_of_a_card_is_kept(project_root):
    """The built-in card: nothing but marks is lost."""
    text = (project_root / "weights" / "general-1.md").read_text(encoding="utf-8")
    html = prose(text)
    for words in ("H-DIBCO 2016", "1,803,860 parameters", "--augment.bleed 0.5", "Limits"):
        assert words in text
        assert words in html
    assert html.count("<pre>") == text.count("```") // 2
