import threading

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.page import PageError, read_pages


def pdf(objects, trailer=""):
    """A PDF by hand: objects numbered from 1, the first is the catalogue."""
    content = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(content))
        content += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n"
    table += "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    end = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R {trailer} >>\n"
    return content + f"{table}{end}startxref\n{len(content)}\n%%EOF\n".encode()


CATALOGUE = "<< /Type /Catalog /Pages 2 0 R >>"
ONE_PAGE = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"


def page_of(width, height, extra=""):
    return f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] {extra} >>"


def stroke_page():
    """Black rectangle in the lower left quarter of a page of one square inch."""
    drawing = "0 0 0 rg 0 0 36 36 re f"
    stream = f"<< /Length {len(drawing)} >>\nstream\n{drawing}\nendstream"
    return pdf([CATALOGUE, ONE_PAGE, page_of(72, 72, "/Contents 4 0 R"), stream])


@pytest.mark.parametrize("dpi", [72, 100, 300])
def test_page_is_drawn_at_the_resolution_asked_for(tmp_path, dpi):
    path = tmp_path / "page.pdf"
    path.write_bytes(stroke_page())
    (page,) = read_pages(path, dpi=dpi)
    half = dpi // 2
    assert page.pixels.shape == (dpi, dpi, 3)
    assert page.dpi == (float(dpi), float(dpi))
    assert (page.pixels[half:, :half] == 0).all()
    assert (page.pixels[:half] == 255).all()
    assert (page.pixels[:, half:] == 255).all()


def test_default_resolution_is_300(tmp_path):
    path = tmp_path / "page.pdf"
    path.write_bytes(stroke_page())
    assert next(read_pages(path)).dpi == (300.0, 300.0)


def test_colours_are_not_swapped(tmp_path):
    path = tmp_path / "page.pdf"
    Image.new("RGB", (72, 72), (250, 10, 100)).save(path, resolution=72, quality=100)
    (page,) = read_pages(path, dpi=72)
    assert np.abs(page.pixels[36, 36].astype(int) - (250, 10, 100)).max() < 5


def test_pages_of_different_size(tmp_path):
    path = tmp_path / "pages.pdf"
    pages = [Image.new("L", size) for size in ((30, 40), (50, 20), (10, 60))]
    pages[0].save(path, save_all=True, append_images=pages[1:], resolution=72)
    read = list(read_pages(path, dpi=72))
    assert [page.pixels.shape[:2] for page in read] == [(40, 30), (20, 50), (60, 10)]
    assert [(page.index, page.count) for page in read] == [(0, 3), (1, 3), (2, 3)]


def test_turned_page(tmp_path):
    path = tmp_path / "page.pdf"
    path.write_bytes(pdf([CATALOGUE, ONE_PAGE, page_of(100, 50, "/Rotate 90")]))
    (page,) = read_pages(path, dpi=72)
    assert page.pixels.shape == (100, 50, 3)


def test_encrypted(tmp_path):
    path = tmp_path / "page.pdf"
    word = "<" + "41" * 32 + ">"
    lock = (
        f"/Encrypt << /Filter /Standard /V 1 /R 2 /O {word} /U {word} /P -4 >> /ID [{word} {word}]"
    )
    path.write_bytes(pdf([CATALOGUE, ONE_PAGE, page_of(72, 72)], lock))
    with pytest.raises(PageError, match="encrypted"):
        list(read_pages(path))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (pdf([CATALOGUE, "<< /Type /Pages /Kids [] /Count 0 >>"]), "no page|damaged"),
        (b"%PDF-1.4\nnothing at all\nstartxref\n0\n%%EOF\n", "damaged"),
        (stroke_page()[:-60], "truncated"),
    ],
)
def test_damaged(tmp_path, content, says):
    path = tmp_path / "page.pdf"
    path.write_bytes(content)
    with pytest.raises(PageError, match=says):
        list(read_pages(path))


def test_bad_page_is_named(tmp_path):
    path = tmp_path / "pages.pdf"
    pages = "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>"
    path.write_bytes(pdf([CATALOGUE, pages, page_of(72, 72), "(not a page)"]))
    read = read_pages(path)
    assert next(read).count == 2
    with pytest.raises(PageError, match="page 2: the PDF is damaged"):
        next(read)


def test_two_documents_in_two_threads(tmp_path):
    path = tmp_path / "page.pdf"
    path.write_bytes(stroke_page())
    results = []

    def read():
        for _ in range(5):
            results.extend(page.pixels.mean() for page in read_pages(path, dpi=150))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 15
    assert len(set(results)) == 1


def test_reading_may_stop_after_the_first_page(tmp_path):
    path = tmp_path / "pages.pdf"
    Image.new("L", (30, 40)).save(path, save_all=True, append_images=[Image.new("L", (9, 9))])
    pages = read_pages(path)
    next(pages)
    pages.close()
    path.unlink()
