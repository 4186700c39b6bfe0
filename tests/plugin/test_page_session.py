"""From page to page in a viewer model: no window, no thread."""

from __future__ import annotations

import gc
import os
import weakref
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.paths import modified
from docbin_napari.io.rgb import STRETCHED
from docbin_napari.pairs.drafts import Draft, PageKey, content_of, write_draft
from docbin_napari.pairs.pair import write_pair
from docbin_napari.pairs.work_list import PageListError
from docbin_napari.plugin.layers import choosing
from docbin_napari.plugin.layers.ink_result import bind, image_behind, result_behind
from docbin_napari.plugin.pages.pages_session import PageListSession
from docbin_napari.plugin.pages.prepare import PageOrder, make_ready

pytestmark = pytest.mark.viewer


@pytest.fixture
def folder(tmp_path, one_stroke, no_ink, monkeypatch):
    """Three pages."""
    monkeypatch.setenv("DOCBIN_DRAFTS", str(tmp_path / "user"))
    pages = tmp_path / "pages"
    pages.mkdir()
    for name, page in (("1", one_stroke), ("2", no_ink), ("3", one_stroke)):
        Image.fromarray(page.pixels).save(pages / f"{name}.png")
    return pages


def work_on(session: PageListSession, engine: Any) -> list[int]:
    """Do all that is wanted; which pages that were."""
    done = []
    while (wanted := session.wanted()) is not None:
        order = PageOrder(wanted, session.pages.entries[wanted], "fast", "any", "cpu", 0.5)
        for event in make_ready(order, engine.load):
            session.receive(wanted, event)
        done.append(wanted)
    return done


def test_this_page_first_then_the_next_one(viewer, folder, fake_engine, one_stroke) -> None:
    session = PageListSession(viewer)
    session.open(folder)
    assert work_on(session, fake_engine) == [0, 1]
    assert [layer.name for layer in viewer.layers] == ["1.png", "Ink of 1.png"]
    labels = viewer.layers[1]
    assert np.array_equal(labels.data, one_stroke.ink)
    assert result_behind(labels) is not None
    assert image_behind(labels) is viewer.layers[0]
    assert [entry.state for entry in session.pages.entries] == ["binarized", "binarized", "to do"]
    session.go_to(1)
    assert [layer.name for layer in viewer.layers] == ["2.png", "Ink of 2.png"]
    assert work_on(session, fake_engine) == [2]


def test_remarks_on_a_page_are_shown_with_it(viewer, folder, fake_engine, one_stroke) -> None:
    for name in ("1", "2"):
        gray = one_stroke.pixels[..., 0].astype(np.uint16) * 4
        Image.fromarray(gray).save(folder / f"{name}.png")
    session = PageListSession(viewer)
    session.open(folder)
    work_on(session, fake_engine)
    stretched = f"{STRETCHED[0].upper()}{STRETCHED[1:]}."
    assert session.status == stretched
    session.go_to(1)  # It is ready, and was made so while the first one was shown.
    assert session.status == stretched
    work_on(session, fake_engine)
    session.go_to(2)
    assert session.status == ""


def test_going_on_another_day(viewer, folder, fake_engine) -> None:
    session = PageListSession(viewer)
    session.open(folder)
    session.go_to(1)
    work_on(session, fake_engine)
    again = PageListSession(viewer)
    again.open(folder)
    assert again.current == 1
    assert [entry.state for entry in again.pages.entries] == ["to do", "binarized", "binarized"]


def test_states_follow_what_is_done(viewer, folder, fake_engine) -> None:
    session = PageListSession(viewer)
    session.open(folder)
    work_on(session, fake_engine)
    session.note(folder / "1.png", 1, "corrected")
    assert session.pages.entries[0].state == "corrected"
    session.note(folder / "1.png", 1, "saved", "pair.png")
    assert session.pages.entries[0].pair == "pair.png"
    session.note(None, 1, "saved")
    session.note(folder / "1.png", 2, "saved")
    assert [entry.state for entry in session.pages.entries] == ["saved", "binarized", "to do"]


def test_a_spoilt_page_stops_nothing_and_can_be_tried_again(viewer, folder, fake_engine) -> None:
    good = (folder / "2.png").read_bytes()
    (folder / "2.png").write_bytes(b"")
    session = PageListSession(viewer)
    session.open(folder)
    assert work_on(session, fake_engine) == [0, 1]
    session.go_to(1)
    assert work_on(session, fake_engine) == [1, 2]
    assert "2.png" in session.status
    assert list(session.troubles) == [1]
    (folder / "2.png").write_bytes(good)
    session.go_to(1)
    work_on(session, fake_engine)
    assert session.troubles == {}
    assert "Ink of 2.png" in viewer.layers


def test_a_spoilt_page_is_passed_over_in_both_directions(viewer, folder, fake_engine) -> None:
    for name in ("1", "3"):
        (folder / f"{name}.png").write_bytes(b"no page")
    viewer.add_image(np.zeros((4, 4)), name="another page")
    session = PageListSession(viewer)
    session.open(folder)
    assert work_on(session, fake_engine) == [0, 1, 2]
    assert (session.current, list(session.troubles)) == (1, [0, 2])
    assert session.image is viewer.layers["2.png"]
    assert session.status.startswith("1.png: "), "the reason"
    session.all_wanted = True
    progress, reason = "All pages are binarized, but 2 with ⚠.", session.troubles[0]
    assert session.message(None) == f"Page 2 of 3, 0 saved. {progress} {reason}"
    for number, name in ((2, "3.png"), (0, "1.png")):
        session.go_to(number)
        work_on(session, fake_engine)
        assert session.current == 1, "not beyond the page that was left"
        assert session.status.startswith(f"{name}: ")
    (folder / "2.png").write_bytes(b"no page")
    session.go_to(1)
    work_on(session, fake_engine)
    assert (session.image, len(session.troubles)) == (None, 3)
    assert session.status.startswith("2.png: ")


def test_a_page_with_an_error_counts_as_one_in_the_progress(viewer, folder, fake_engine) -> None:
    session = PageListSession(viewer)
    session.open(folder)
    session.all_wanted = True
    session.troubles[1] = session.status = "2.png: the network failed"
    assert "Binarizing all: 0 of 3 done, 1 with ⚠. 2.png" in session.message(0)


def test_what_was_found_ahead_by_another_model_is_found_anew(viewer, folder, fake_engine) -> None:
    session = PageListSession(viewer)
    session.open(folder)
    assert work_on(session, fake_engine) == [0, 1]
    session.choose("any", "fast")
    assert session.wanted() is None
    session.choose("letters-1", "fast")
    assert session.wanted() == 1, "the page that is shown stays"
    again = PageListSession(viewer)
    again.open(folder)
    assert again.pages.choices == {"model": "letters-1", "preset": "fast", "stamp": ""}


def test_pages_with_errors_are_tried_again_with_another_choice(viewer, folder, fake_engine) -> None:
    def load(model: str, device: str) -> Any:
        raise RuntimeError("the model is damaged")

    session = PageListSession(viewer)
    session.open(folder)
    session.choose("bad", "fast")
    session.all_wanted = True
    engine, fake_engine.load = fake_engine.load, load
    assert work_on(session, fake_engine) == [0, 1, 2]
    session.choose("bad", "fast")
    assert session.wanted() is None, "nothing has changed"
    session.choose("any", "fast")
    assert (session.wanted(), session.left, session.status) == (0, 3, "")
    fake_engine.load = engine
    assert work_on(session, fake_engine) == [0, 1, 2]
    assert session.troubles == {}


def test_another_file_under_the_name_of_a_model_is_another_model(
    viewer, folder, fake_engine
) -> None:
    session = PageListSession(viewer)
    session.open(folder)
    session.choose("any", "fast", "1")
    work_on(session, fake_engine)
    again = PageListSession(viewer)
    again.open(folder)
    again.choose("any", "fast", "1")
    assert [entry.state for entry in again.pages.entries] == ["binarized", "binarized", "to do"]
    work_on(again, fake_engine)
    again.choose("any", "fast", "2")
    assert [entry.state for entry in again.pages.entries] == ["binarized", "to do", "to do"]
    assert again.wanted() == 1


def test_pages_that_another_model_binarized_are_to_do_again(viewer, folder, fake_engine) -> None:
    session = PageListSession(viewer)
    session.open(folder)
    session.choose("any", "fast")
    session.all_wanted = True
    work_on(session, fake_engine)
    session.pages.set_state(2, "corrected")
    session.choose("any", "best")
    states = [entry.state for entry in session.pages.entries]
    assert states == ["binarized", "to do", "corrected"], "what is shown or corrected stays"
    assert session.wanted() == 1


def test_a_second_result_goes_with_its_page(viewer, folder, fake_engine, one_stroke) -> None:
    session = PageListSession(viewer)
    session.open(folder)
    work_on(session, fake_engine)
    session.labels.data[:4] = 1  # a person's: a run does not write over it
    layer, _ = choosing.provide(viewer, session.image, (0,), 0.5, ("letters-1", "fast"))
    assert layer.name == "Ink of 1.png (letters-1, fast)"
    session.go_to(1)
    assert [layer.name for layer in viewer.layers] == ["2.png", "Ink of 2.png"]


def test_a_draft_on_the_page_can_be_taken_away_again(
    viewer, folder, tmp_path, fake_engine, one_stroke
) -> None:
    key = PageKey(content_of(one_stroke.pixels), str((folder / "1.png").resolve()), 1)
    write_draft(tmp_path / "user", key, Draft(np.full((48, 64), 2, np.uint8)), "before")
    session = PageListSession(viewer)
    session.open(folder)
    work_on(session, fake_engine)
    assert (session.labels.data == 2).all()
    assert result_behind(session.labels).was_edited(0)
    session.labels.undo()
    assert np.array_equal(session.labels.data, one_stroke.ink)
    assert "not saved yet" in session.status
    session.note(folder / "2.png", 1, "saved")
    assert "not saved yet" in session.status
    session.note(folder / "1.png", 1, "saved")
    assert session.status == ""


def test_layers_that_the_user_removed(viewer, folder, fake_engine) -> None:
    session = PageListSession(viewer)
    session.open(folder)
    work_on(session, fake_engine)
    viewer.layers.clear()
    mine = viewer.add_image(np.zeros((4, 4)), name="mine")
    session.go_to(1)
    assert mine in viewer.layers
    assert "2.png" in viewer.layers


def test_a_folder_that_is_none_leaves_the_list(viewer, folder, tmp_path) -> None:
    session = PageListSession(viewer)
    session.open(folder)
    with pytest.raises(PageListError):
        session.open(tmp_path / "none")
    assert session.count == 3


def test_all_pages_are_binarized_and_only_the_near_ones_are_held(
    viewer, folder, fake_engine
) -> None:
    for number in range(4, 7):
        (folder / f"{number}.png").write_bytes((folder / "1.png").read_bytes())
    (folder / "5.png").write_bytes(b"no page")
    session = PageListSession(viewer)
    session.open(folder)
    session.go_to(2)
    session.all_wanted = True
    assert work_on(session, fake_engine) == [2, 3, 4, 5, 0, 1]
    assert [entry.state for entry in session.pages.entries].count("binarized") == 5
    assert set(session._inked) == {3}
    assert set(session._opened) == {3, 1}, "the near one and the last that was read"
    assert "All pages are binarized, but 1 with ⚠." in session.summary(None)
    assert session.left == 0
    calls = len(fake_engine.calls)
    session.go_to(0)
    work_on(session, fake_engine)
    assert len(fake_engine.calls) == calls, "what was found is kept on the disk"


@pytest.mark.parametrize(("source", "state"), [("{folder}/3.png", "saved"), ("3.png", "to do")])
def test_a_page_that_was_saved_before_its_folder_was_opened_counts_as_saved(
    viewer, folder, one_stroke, monkeypatch, source, state
) -> None:
    """But not if its mask says only a name: there is such a file in many folders."""
    from docbin_napari.pairs.pair import PairContent
    from docbin_napari.pairs.provenance import Provenance
    from docbin_napari.pairs.save import PairPlace, save_pair

    origin = Provenance(source=source.format(folder=folder), page=1)
    content = PairContent(
        one_stroke.pixels, one_stroke.ink, np.ones_like(one_stroke.ink), None, origin.texts()
    )
    monkeypatch.chdir(folder)
    datasets = folder.parent / "datasets"
    first = save_pair(PairPlace(datasets, "test", "letters", "three"), content)
    os.utime(first.pair.ground_truth, (1, 1))
    saved = save_pair(PairPlace(datasets, "test", "letters", "three"), content)
    assert saved.pair.name == "three-2", "the pair that was saved last"
    lonely = saved.pair.ground_truth.with_name("lonely.png")
    lonely.write_bytes(saved.pair.ground_truth.read_bytes())  # and its page was deleted
    session = PageListSession(viewer)
    session.open(folder, datasets)
    assert [entry.state for entry in session.pages.entries] == ["to do", "to do", state]
    assert session.pages.entries[2].pair == (str(saved.pair.page) if state == "saved" else None)


def test_scans_that_got_the_names_of_saved_ones_are_pages_of_their_own(
    viewer, folder, tmp_path, fake_engine, one_stroke
) -> None:
    pair = write_pair(tmp_path / "letters", "1", one_stroke.pixels, ~one_stroke.ink)
    session = PageListSession(viewer)
    session.open(folder)
    for number in (0, 2):
        session.pages.set_state(number, "saved", str(pair.page))
    work_on(session, fake_engine)
    assert session.pages.entries[0].state == "saved", "it is the page that was saved"
    Image.fromarray(one_stroke.pixels[::-1]).save(folder / "1.png")
    later = modified(pair.page) + 1
    os.utime(folder / "1.png", ns=(later, later))
    session.open(folder)
    assert [entry.state for entry in session.pages.entries] == ["to do", "binarized", "saved"]
    work_on(session, fake_engine)
    assert session.pages.entries[0].state == "binarized"
    assert np.array_equal(session.labels.data, one_stroke.ink[::-1])


def test_a_threshold_that_was_moved_stays_with_its_page_and_model(
    viewer, folder, fake_engine
) -> None:
    session = PageListSession(viewer)
    session.open(folder)
    work_on(session, fake_engine)
    result_behind(session.labels).follow(0.3)
    session.go_to(1)
    assert session.pages.entries[0].threshold("any") == 0.3
    assert session.pages.entries[0].state == "binarized"
    work_on(session, fake_engine)
    result_behind(session.labels).follow(0.7)
    session.open(folder)
    assert [entry.threshold("any") for entry in session.pages.entries] == [0.3, 0.7, None]
    work_on(session, fake_engine)
    session.go_to(0)
    work_on(session, fake_engine)
    result_behind(session.labels).follow(0.4)
    session.close()
    again = PageListSession(viewer)
    again.open(folder)
    assert again.pages.entries[0].threshold("any") == 0.4
    assert again.pages.entries[2].thresholds == {}, "nobody moved it"


def test_another_choice_writes_the_states_once(viewer, folder, fake_engine, monkeypatch) -> None:
    session = PageListSession(viewer)
    session.open(folder)
    session.choose("any", "fast")
    session.all_wanted = True
    work_on(session, fake_engine)
    written = []
    monkeypatch.setattr(session.pages, "keep", lambda: written.append(1))
    session.choose("any", "best")
    assert [entry.state for entry in session.pages.entries] == ["binarized", "to do", "to do"]
    assert len(written) == 1


def test_each_page_has_a_small_picture_but_a_damaged_one(folder) -> None:
    from docbin_napari.pairs.work_list import open_list
    from docbin_napari.plugin.pages.view import thumbnails

    (folder / "2.png").write_bytes(b"no page")
    large = np.full((500, 300, 3), 200, np.uint8)
    Image.fromarray(large).save(
        folder / "book.tif", save_all=True, append_images=[Image.new("L", (90, 40))]
    )
    found = dict(thumbnails(open_list(folder, folder).entries))
    assert sorted(found) == [0, 2, 3, 4]
    assert all(max(picture.shape[:2]) < 200 for picture in found.values())
    assert (found[3] == 200).all()
    assert not found[4].any()


def test_pages_that_were_turned_are_freed_and_so_is_what_was_there_before(
    viewer, folder, fake_engine
) -> None:
    gc.unfreeze()
    usual = gc.get_freeze_count()
    viewer.add_image(np.zeros((4, 4)), name="before")
    session = PageListSession(viewer)
    session.open(folder)
    assert gc.get_freeze_count() > usual, "each removal of a layer would look at every object"
    work_on(session, fake_engine)
    turned = weakref.ref(session.labels)
    session.go_to(1)
    gc.collect()
    assert turned() is None
    work_on(session, fake_engine)
    turned = weakref.ref(session.labels)
    session.open(folder)
    session.go_to(2)
    work_on(session, fake_engine)  # napari's selection holds the last layer until another comes
    gc.collect()
    assert turned() is None, "a second list frees the pages of the first"
    assert gc.get_freeze_count() > usual, "and is as quick"
    before = weakref.ref(viewer.layers["before"])
    viewer.layers.remove("before")
    gc.collect()
    assert before() is None
    assert gc.get_freeze_count() == usual
    session.open(folder)
    session.close()
    assert gc.get_freeze_count() == usual


def test_a_page_that_was_being_binarized_ahead_appears_when_it_is_turned_to(
    viewer, folder, fake_engine
) -> None:
    session = PageListSession(viewer)
    session.open(folder)
    session.all_wanted = True
    order = PageOrder(2, session.pages.entries[2], "fast", "any", "cpu", 0.5)
    events = list(make_ready(order, fake_engine.load))
    session.receive(2, events[0])
    session.go_to(2)
    for event in events[1:]:
        session.receive(2, event)
    assert [layer.name for layer in viewer.layers] == ["3.png", "Ink of 3.png"]


@pytest.mark.parametrize("left", ["opened again", "turned and back"])
def test_a_page_whose_pixels_were_let_go_while_it_was_binarized_is_read_again(
    viewer, folder, fake_engine, left
) -> None:
    session = PageListSession(viewer)
    session.open(folder)
    order = PageOrder(0, session.pages.entries[0], "fast", "any", "cpu", 0.5)
    events = make_ready(order, fake_engine.load)
    session.receive(0, next(events))
    if left == "opened again":
        session.open(folder)
    else:
        session.go_to(1)
        session.go_to(0)
    for event in events:
        session.receive(0, event)
    assert work_on(session, fake_engine) == [0, 1]
    assert [layer.name for layer in viewer.layers][-2:] == ["1.png", "Ink of 1.png"]


def test_the_marks_of_a_comparison_go_with_their_page(viewer, folder, fake_engine) -> None:
    session = PageListSession(viewer)
    session.open(folder)
    work_on(session, fake_engine)
    layer, _ = choosing.provide(viewer, session.image, (0,), 0.5, ("letters-1", "fast"))
    result = result_behind(layer)
    result.write(0, *(slice(0, side) for side in result.shape))
    assert "only in" in choosing.compare(viewer, session.image)
    assert session.labels_of_page() == [layer, session.labels]
    session.go_to(1)
    assert [layer.name for layer in viewer.layers] == ["2.png", "Ink of 2.png"]


def test_labels_that_were_begun_by_hand_go_with_their_page(viewer, folder, fake_engine) -> None:
    session = PageListSession(viewer)
    session.open(folder)
    work_on(session, fake_engine)
    by_hand = choosing.labels_over(session.image, np.zeros((48, 64), np.uint8), "Corrected 1.png")
    bind(by_hand, None, session.image)
    viewer.add_layer(by_hand)
    mine = viewer.add_labels(np.zeros((48, 64), np.uint8), name="cells")
    bind(mine, None, session.image)
    assert session.labels_of_page() == [by_hand, session.labels]
    session.go_to(1)
    assert by_hand not in viewer.layers
    assert mine in viewer.layers
