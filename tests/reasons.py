"""Findings and reasons for tests, each a pushpin too many unless told otherwise."""

from __future__ import annotations

from logisight.benchmarks.logibench.ontology import Expected, Form
from logisight.benchmarks.logibench.telling import Told
from logisight.schema import Evidence, Finding


def finding(
    reason="the box holds 2 pushpins", kind="quantity", expected=1, actual=2, rule=1, boxes=(), **more
):
    parts = [Evidence(label="pushpin", box=box) for box in boxes]
    return Finding(
        rule=rule,
        text="words",
        kind=kind,
        status=more.pop("status", "failed"),
        reason=reason,
        expected=expected,
        actual=actual,
        parts=parts,
        score=0.8,
    )


def told(kind="quantity", objects=("pushpin",), expected=1, actual=2, where=()):
    return Told(
        rules=[1],
        type=kind,
        objects=list(objects),
        expected=expected,
        actual=actual,
        reason="because",
        where=list(where),
    )


def true(kind="quantity", thing="pushpin", expected=1, actual=2, required=True, beside=(), others=()):
    first = Form(type=kind, object=thing, expected=expected, actual=actual, beside=list(beside))
    return Expected(defect="odd", forms=[first, *others], required=required)
