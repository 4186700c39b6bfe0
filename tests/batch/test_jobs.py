import os
from pathlib import Path

import pytest

from docbin_napari.batch.jobs import Job, OutputConfig, plan_jobs


@pytest.fixture
def images(tmp_path):
    """A folder with two pages, one more in a folder inside it, and something else."""
    folder = tmp_path / "images"
    for name in ("page1.png", "page2.JPG", "notes.txt", "more/page3.tif"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def planned(paths, config=None):
    """Sources and results of the jobs that have no problem."""
    jobs = plan_jobs(paths, config or OutputConfig())
    return {job.source: job.outputs().mask for job in jobs if not job.problem}


def problems(paths, config=None):
    return {
        job.source: job.problem for job in plan_jobs(paths, config or OutputConfig()) if job.problem
    }


def test_a_folder_writes_into_its_auto_bin(images):
    assert planned([images]) == {
        images / "page1.png": images / "auto_bin" / "page1.png",
        images / "page2.JPG": images / "auto_bin" / "page2.png",
    }


def test_a_file_writes_into_auto_bin_beside_it(images):
    page = images / "more" / "page3.tif"
    assert planned([page]) == {page: images / "more" / "auto_bin" / "page3.png"}


def test_recursive_writes_beside_each_page(images):
    results = planned([images], OutputConfig(recursive=True))
    assert results[images / "more" / "page3.tif"] == images / "more" / "auto_bin" / "page3.png"


def test_output_keeps_the_folders_inside_a_folder(images, tmp_path):
    out = tmp_path / "out"
    results = planned([images], OutputConfig(output=out, recursive=True))
    assert set(results.values()) == {
        out / "page1.png",
        out / "page2.png",
        out / "more" / "page3.png",
    }


def test_output_inside_the_folder_is_no_input(images):
    out = images / "results"
    out.mkdir()
    (out / "page1.png").touch()
    results = planned([images], OutputConfig(output=out, recursive=True))
    assert out / "page1.png" not in results
    assert len(results) == 3


def test_format_and_probability_make_the_names():
    job = Job(Path("a.pdf"), Path("out"), "a", suffix=".tiff", probability=True)
    assert job.outputs().paths == (Path("out/a.tiff"), Path("out/a_probability.tiff"))


@pytest.mark.parametrize(
    ("count", "first", "last"),
    [(1, "a", "a"), (2, "a_001", "a_002"), (1200, "a_0001", "a_1200")],
)
def test_pages_are_numbered_so_that_names_sort(count, first, last):
    job = Job(Path("a.pdf"), Path("out"), "a", probability=True)
    assert job.outputs(0, count).mask.name == f"{first}.png"
    assert job.outputs(count - 1, count).probability.name == f"{last}_probability.png"


def test_pages_that_differ_in_suffix_only_keep_it(tmp_path):
    for name in ("a.png", "a.tif", "b.png"):
        (tmp_path / name).touch()
    together = planned([tmp_path])
    assert {path.name for path in together.values()} == {"a_png.png", "a_tif.png", "b.png"}
    alone = planned([tmp_path / "a.tif"])
    assert alone[tmp_path / "a.tif"] == together[tmp_path / "a.tif"]


def test_a_dot_in_the_name_stays(tmp_path):
    page = tmp_path / "scan.v1.png"
    page.touch()
    assert planned([page])[page].name == "scan.v1.png"


def test_a_file_given_twice_is_one_job(images):
    page = images / "page1.png"
    assert len(plan_jobs([page, images, images / "more" / ".." / "page1.png"], OutputConfig())) == 2


def test_same_name_from_two_folders_is_refused(images, tmp_path):
    other = tmp_path / "other" / "page1.png"
    other.parent.mkdir()
    other.touch()
    config = OutputConfig(output=tmp_path / "out")
    assert str(images / "page1.png") in problems([images, other], config)[other]
    assert images / "page1.png" in planned([images, other], config)


def test_a_result_never_replaces_a_page(images):
    config = OutputConfig(output=images)
    pages = [images / "page1.png", images / "page2.JPG"]
    assert "would replace the page" in problems(pages, config)[images / "page1.png"]
    assert images / "page2.JPG" in planned(pages, config)


def test_results_do_not_go_among_the_pages(images):
    (problem,) = problems([images], OutputConfig(output=images / "more" / "..")).values()
    assert "would be taken for pages" in problem


def test_an_output_above_the_pages_is_no_reason_to_find_none(images):
    assert images / "page1.png" in planned([images], OutputConfig(output=images.parent))


def test_two_links_to_one_file_are_two_pages(images):
    for name in ("link1.png", "link2.png"):
        (images / name).symlink_to(images / "page1.png")
    found = planned([images])
    assert {"page1.png", "link1.png", "link2.png"} <= {mask.name for mask in found.values()}


def test_what_cannot_be_looked_at_is_named_and_stops_nothing(images):
    (images / "loop.png").symlink_to(images / "loop.png")
    assert images / "page1.png" in planned([images])
    long = images / f"{'x' * 300}.png"
    assert "too long" in problems([long, images])[long]


def test_a_folder_that_may_not_be_read_stops_nothing(images, monkeypatch):
    look = os.scandir

    def refuse(folder):
        if Path(folder).name == "more":
            raise PermissionError(13, "Permission denied", str(folder))
        return look(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    everything = OutputConfig(recursive=True)
    assert "Permission denied" in problems([images], everything)[images / "more"]
    assert images / "page1.png" in planned([images], everything)


def test_a_probability_never_replaces_a_mask(tmp_path):
    for name in ("a.png", "a_probability.png"):
        (tmp_path / name).touch()
    refused = problems([tmp_path], OutputConfig(probability=True))
    assert list(refused) == [tmp_path / "a_probability.png"]


def test_missing_paths_are_named(tmp_path):
    missing = tmp_path / "nowhere.png"
    assert problems([missing]) == {missing: "there is no such file or folder"}


def test_a_folder_without_pages_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    assert problems([tmp_path / "empty"]) == {
        tmp_path / "empty": "there are no pages in this folder"
    }
    assert "--recursive" in problems([tmp_path])[tmp_path]
    assert "--recursive" not in problems([tmp_path], OutputConfig(recursive=True))[tmp_path]


def test_existing_results(tmp_path):
    outputs = Job(Path("a.png"), tmp_path, "a", probability=True).outputs()
    outputs.mask.touch()
    assert not outputs.exist
    outputs.probability.touch()
    assert outputs.exist


def test_a_job_knows_whose_names_its_pages_must_not_take(tmp_path):
    for name in ("a.tif", "a_002.png", "b_002.png"):
        (tmp_path / name).touch()
    jobs = {job.name: job for job in plan_jobs([tmp_path], OutputConfig())}
    assert jobs["a"].rivals == {"a_002.png": tmp_path / "a_002.png"}
    assert jobs["a_002"].rivals == jobs["b_002"].rivals == {}
