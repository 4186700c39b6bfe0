import hashlib
import io
import mmap
import threading
import zlib

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io import pdf as pdf_module
from docbin_napari.io.errors import PageError
from docbin_napari.io.page import read_pages
from docbin_napari.io.pdf import has_units


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


@pytest.mark.parametrize("packed", [False, True])
def test_a_jpeg_on_a_page_is_whole_or_an_error(tmp_path, packed):
    path, stream = tmp_path / "scan.pdf", io.BytesIO()
    Image.effect_noise((400, 400), 50).save(stream, "JPEG")
    content = "<< /Length 24 >>\nstream\nq 72 0 0 72 0 0 cm /I Do Q\nendstream"
    page = page_of(72, 72, "/Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >>")
    for whole in (True, False):
        jpeg = stream.getvalue() if whole else stream.getvalue()[:9000] + b"\xff\xd9"
        filters = "[/ASCIIHexDecode /DCTDecode]" if packed else "/DCTDecode"
        data = jpeg.hex().encode() + b">" if packed else jpeg
        words = f"/Subtype /Image /Width 400 /Height 400 /BitsPerComponent 8 /Filter {filters}"
        picture = f"<< {words} /ColorSpace /DeviceGray /Length {len(data)} >>\nstream\n?\nendstream"
        path.write_bytes(pdf([CATALOGUE, ONE_PAGE, page, content, picture]).replace(b"?", data))
        if whole:
            assert next(read_pages(path, dpi=72)).pixels.std() > 5
    with pytest.raises(PageError, match="a JPEG picture on the page is truncated"):
        next(read_pages(path))


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


@pytest.mark.parametrize(
    "after",
    [
        b"\0" * 9000,
        b"\n" * 5000,
        b"\r\n--=_boundary\r\nSent from a mail program\r\n" * 200,
        b"\nthe word endobj in a mail",
    ],
)
def test_what_follows_the_end_does_not_matter(tmp_path, after):
    path = tmp_path / "padded.pdf"
    path.write_bytes(stroke_page() + after)
    assert next(read_pages(path, dpi=72)).pixels.shape == (72, 72, 3)


def test_a_damaged_table_is_made_up_for(tmp_path):
    path = tmp_path / "table.pdf"
    path.write_bytes(stroke_page().replace(b"0000000009", b"0000000777"))
    assert (next(read_pages(path, dpi=72)).pixels[60, 5] == 0).all()


def test_a_document_that_does_not_say_where_its_table_is(tmp_path):
    path = tmp_path / "table.pdf"
    path.write_bytes(stroke_page().replace(b"startxref", b"         "))
    assert next(read_pages(path, dpi=72)).pixels.shape == (72, 72, 3)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_cut_file_is_refused_with_padding_too(tmp_path, share):
    whole = stroke_page()
    path = tmp_path / "cut.pdf"
    path.write_bytes(whole[: int((len(whole) - 60) * share)] + b"\0" * 9000)
    with pytest.raises(PageError, match="truncated"):
        next(read_pages(path))


def test_pages_are_as_large_as_their_unit_says(tmp_path):
    pages = "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>"
    path = tmp_path / "map.pdf"
    path.write_bytes(pdf([CATALOGUE, pages, page_of(72, 144, "/UserUnit 2.5"), page_of(72, 72)]))
    large, usual = read_pages(path, dpi=100)
    assert (large.pixels.shape, large.dpi) == ((500, 250, 3), (100.0, 100.0))
    assert usual.pixels.shape == (100, 100, 3)


def test_a_unit_is_that_of_its_page(tmp_path):
    """Not of another one with the same box, nor the number of the object in which it stands."""
    pages = "<< /Type /Pages /Kids [3 0 R 4 0 R 5 0 R 6 0 R] /Count 4 /MediaBox [0 0 40 50] >>"
    inherited = "<< /Type /Page /Parent 2 0 R {} >>"
    objects = [page_of(30, 30, "/UserUnit 7 0 R"), page_of(30, 30), inherited.format("")]
    objects += [inherited.format("/UserUnit\n3 /Note (/UserUnit 9)"), "2.0"]
    path = tmp_path / "maps.pdf"
    path.write_bytes(pdf([CATALOGUE, pages, *objects]))
    sizes = [page.pixels.shape[:2] for page in read_pages(path, dpi=72)]
    assert sizes == [(60, 60), (30, 30), (50, 40), (150, 120)]


def test_a_unit_of_one_everywhere_costs_nothing(tmp_path):
    path = tmp_path / "usual.pdf"
    path.write_bytes(pdf([CATALOGUE, ONE_PAGE, page_of(30, 30, "/UserUnit 1.0")]))
    assert not has_units(path)


def packed_objects(text, marks=1):
    """Objects packed in a stream; further marks of such streams stand before it."""
    packed = zlib.compress(text.encode())
    head = f"<< /Type /ObjStm {'/Type /ObjStm ' * (marks - 1)}/N 1 /First 4 /Length {len(packed)} "
    return head.encode() + b">>\nstream\n" + packed + b"\nendstream"


@pytest.mark.parametrize("unit", ["1", "3"])
def test_a_unit_in_a_packed_object_is_found(tmp_path, unit):
    path = tmp_path / "packed.pdf"
    content = packed_objects(f"3 0 {page_of(72, 90, f'/UserUnit {unit}')}")
    path.write_bytes(b"%PDF-1.5\n7 0 obj\n" + content + b"\nendobj\n")
    assert has_units(path) == (unit == "3")


@pytest.mark.parametrize(("streams", "marks", "read"), [(1, 500, 1), (8, 1, 2)])
def test_packed_objects_are_unpacked_once_and_not_without_end(tmp_path, streams, marks, read):
    """Marks that share a stream, and streams that grow a thousandfold."""
    path = tmp_path / "packed.pdf"
    path.write_bytes(b"\n".join([packed_objects(" " * (1 << 24), marks)] * streams))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        assert len(list(pdf_module._packed(data))) == read


PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


def rc4(key, data):
    state, j, out = list(range(256)), 0, bytearray()
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def encrypted_page(password):
    """`stroke_page` with the oldest encryption of PDF, which every reader knows."""
    padded = (password.encode() + PADDING)[:32]
    owner = rc4(hashlib.md5(padded).digest()[:5], padded)
    key = hashlib.md5(padded + owner + b"\xfc\xff\xff\xff" + b"id").digest()[:5]
    user = rc4(key, PADDING)
    drawing = rc4(hashlib.md5(key + b"\4\0\0\0\0").digest()[:10], b"0 0 0 rg 0 0 36 36 re f")
    stream = f"<< /Length {len(drawing)} >>\nstream\n{drawing.decode('latin-1')}\nendstream"
    lock = f"<< /Filter /Standard /V 1 /R 2 /P -4 /O <{owner.hex()}> /U <{user.hex()}> >>"
    objects = [CATALOGUE, ONE_PAGE, page_of(72, 72, "/Contents 4 0 R"), "@", lock]
    ids = "/Encrypt 5 0 R /ID [<6964> <6964>]"
    return pdf(objects, ids).replace(b"\n@\n", b"\n" + stream.encode("latin-1") + b"\n")


def test_a_password_opens_an_encrypted_file(tmp_path):
    path = tmp_path / "secret.pdf"
    path.write_bytes(encrypted_page("open sesame"))
    page = next(read_pages(path, dpi=72, password="open sesame"))
    assert (page.pixels[60, 5] == 0).all() and (page.pixels[5, 60] == 255).all()
    with pytest.raises(PageError, match="encrypted: docbin binarize opens it with --password"):
        next(read_pages(path))
    with pytest.raises(PageError, match="this password does not open it"):
        next(read_pages(path, password="open wheat"))


def long_pdf(count):
    """Pages of 10 by 11, 12, 13 … pixels at 72 dpi."""
    kids = " ".join(f"{number} 0 R" for number in range(3, 3 + count))
    pages = f"<< /Type /Pages /Kids [{kids}] /Count {count} >>"
    return pdf([CATALOGUE, pages, *(page_of(10, 11 + number) for number in range(count))])


def test_a_long_document_is_opened_again_on_the_way(tmp_path, monkeypatch):
    """PDFium keeps the pictures of an open one, so that many pages would fill the memory."""
    (tmp_path / "long.pdf").write_bytes(long_pdf(40))
    drawn, opened = [], pdf_module._open

    def count(*given):
        drawn.append(0)
        return opened(*given)

    def draw(*given):
        drawn[-1] += 1
        return drawn_page(*given)

    drawn_page = pdf_module._draw
    monkeypatch.setattr(pdf_module, "_open", count)
    monkeypatch.setattr(pdf_module, "_draw", draw)
    heights = [page.pixels.shape[0] for page in read_pages(tmp_path / "long.pdf", dpi=72)]
    assert heights == list(range(11, 51))
    assert sum(drawn) == 40
    assert max(drawn) <= 16, "pages drawn between two openings"


def test_a_document_that_breaks_on_the_way_is_named(tmp_path):
    path = tmp_path / "long.pdf"
    path.write_bytes(long_pdf(40))
    pages = read_pages(path, dpi=72)
    next(pages)
    path.write_bytes(b"%PDF-1.4\nnothing\nstartxref\n0\n%%EOF\n")
    with pytest.raises(PageError, match=r"long\.pdf.*damaged"):
        list(pages)
