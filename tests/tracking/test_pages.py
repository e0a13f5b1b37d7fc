"""Where people find the files of a run."""

from __future__ import annotations

from pipeline.report.items import Text
from pipeline.tracking.options import TrackingOptions
from pipeline.tracking.pages import local_file
from pipeline.tracking.runs import tracked_run


def test_a_file_of_a_run_on_this_machine(store: str) -> None:
    with tracked_run(TrackingOptions(uri=store), "a-run") as tracked:
        tracked.log([Text("report.html", "<p>")])
    file = local_file(tracked.run_id, "report.html", store)
    assert file is not None
    assert file.read_text("utf-8") == "<p>"
    assert local_file(tracked.run_id, "other.html", store) is None
    assert local_file(tracked.run_id, "report.html", "http://127.0.0.1:9") is None
