from docbin_napari.report.text_table import table


def test_table_aligns_words_left_and_numbers_right():
    rows = [["page", "FM"], ["a", "100.00"], ["letter", "9.10"]]
    assert table(rows) == "page        FM\na       100.00\nletter    9.10"
