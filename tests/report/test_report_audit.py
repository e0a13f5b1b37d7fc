"""What an audit logs, without a server."""

from __future__ import annotations

from audit_builders import plant

from pipeline import report
from pipeline.insight.audit import audit


def test_the_report_needs_no_server() -> None:
    clean = report.audit_items(audit(plant("none")))
    assert not [item for item in clean if isinstance(item, report.Tag)]
    paths = {item.path for item in clean if isinstance(item, report.Table)}
    assert "tables/audit_groups.csv" not in paths
    audited = audit(plant("letter_case"))
    items = report.audit_items(audited)
    assert not [item for item in items if isinstance(item, report.Metric)]
    tables = {item.path: item.frame for item in items if isinstance(item, report.Table)}
    numbers = tables["tables/audit.csv"].set_index("what")["value"]
    assert numbers["letter_case_accuracy"] == audited.signals.alone["letter_case"].accuracy
    assert report.signals_items(audited, 0.99, figures=False) == []
    (picture,) = report.signals_items(audited, 0.99)
    (axes,) = picture.figure.axes
    assert axes.get_yticklabels()[0].get_text().startswith("together ")
    assert "the model 0.990" in [line.get_label() for line in axes.lines]
