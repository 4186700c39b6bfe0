import logging

import pytest

from docbin_napari.batch.cluster import ClusterConfig, quiet_logs, remove_leftovers
from docbin_napari.batch.jobs import Job
from docbin_napari.io.atomic import atomic_path


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((" ",), "address of a scheduler"),
        (("tcp://node1:8786", 2), "--dask local only"),
        (("local", 0), "at least 1, not 0"),
    ],
)
def test_values_that_do_not_go_together(values, message):
    with pytest.raises(ValueError, match=message):
        ClusterConfig(*values)


@pytest.mark.parametrize("name", ["page", "a name.with [odd] letters", "n" * 100])
@pytest.mark.parametrize("number", [(0, 1), (6, 12), (4_000, 5_000)])
def test_what_a_killed_worker_leaves_is_known_by_its_name(tmp_path, name, number):
    """As `atomic_path` names it: kept open here, so that nothing tidies up before."""
    job = Job(tmp_path / "x.tif", tmp_path / "out", name, ".png", probability=True)
    for path in job.outputs(*number).paths:
        with atomic_path(path) as temporary:
            remove_leftovers(job)
            assert not temporary.exists()
            temporary.touch()


def test_other_files_are_left_alone(tmp_path):
    job = Job(tmp_path / "page.tif", tmp_path, "page")
    others = ["page.png", ".page.png", ".page2-0123456789ab.png", ".page-0123456789ab.tiff"]
    for other in others:
        (tmp_path / other).touch()
    remove_leftovers(job)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)
    remove_leftovers(Job(tmp_path / "page.tif", tmp_path / "missing", "page"))


def test_logs_are_quiet_for_a_while(capsys):
    logger = logging.getLogger("distributed.client")
    handler = logging.StreamHandler()
    logger.addHandler(handler)
    try:
        with quiet_logs():
            logger.critical("of no use to a user")
        assert capsys.readouterr().err == ""
        assert handler in logger.handlers
    finally:
        logger.removeHandler(handler)
