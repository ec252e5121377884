"""The whole bench: every product, with true and with seen parts, beside the baselines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from langchain_core.language_models import BaseChatModel

from ...agents.draft import Request
from ...agents.isolation import open_jail
from ...agents.pages import write_whole
from ...agents.reasoner import OFFLINE, make_reasoner
from ...prompts import author_messages
from ...sandbox import Jail, language_text
from ...schema import Grade, LogiSightError
from ...tools.pictures import shown
from ..baselines import BASELINES
from ..kept import made_folder
from ..loco import LocoPicture, find_categories
from .detecting import judge_with
from .eyes import Eyes, SeenParts, TrueParts
from .facts import Journal, PictureFact, RuleFact
from .marks import Case, classified, picture_rows, proven, scored
from .ontology import ontology_sha256
from .opinion import OpinionFact, ask_judge, make_judge, opinion_of, question_of
from .prepare import Subject, read_subject
from .resampling import Figures, Interval, interval
from .result import (
    SEEN,
    TRUE,
    WAYS,
    BaselineScores,
    CategoryResult,
    LogiBench,
    Opinion,
    PictureRow,
    Scores,
    Versions,
)
from .trial import Trial, judge_pictures, write_rules

REFERENCES: Final = 5
"""Annotated good pictures that eyes are taught from and rules are proven on."""
RESULT: Final = "logibench.json"
TIMES: Final = "times.json"
_LIBRARIES: Final = ("numpy", "opencv-python-headless", "scikit-image", "scikit-learn", "langchain-core")


@dataclass(frozen=True)
class Settings:
    """What a run is asked for."""

    reasoner: str = OFFLINE
    judge: str | None = None
    """A chat model that is asked for its opinion of the reasons told."""
    ways: Sequence[str] = WAYS
    baselines: Sequence[str] = tuple(BASELINES)
    references: int = REFERENCES
    seed: int = 0
    """Of the resampling."""
    rules: Path | None = None
    """Folder of sentences, CATEGORY.toml or CATEGORY.txt, in place of those beside the pictures."""
    annotations: Path | None = None
    """Folder of annotations in place of those beside the pictures."""
    isolation: Grade | None = None
    fresh: bool = False


@dataclass(frozen=True)
class _Bench:
    """What all categories share."""

    settings: Settings
    out: Path
    model: BaseChatModel
    judge: BaseChatModel | None
    jail: Jail
    on_start: Callable[[str, int], None]
    on_step: Callable[[], None]


class _Tried(NamedTuple):
    """One product, tried."""

    result: CategoryResult
    figures: dict[str, dict[str, Figures]]
    """Way of judging -> figure -> itself and its resamples."""
    times: dict[str, dict[str, float]]
    """Way of judging -> what was done -> seconds."""


def run_logibench(
    data: Path,
    out: Path,
    settings: Settings | None = None,
    *,
    categories: Sequence[str] = (),
    on_start: Callable[[str, int], None] = lambda *_: None,
    on_step: Callable[[], None] = lambda: None,
) -> LogiBench:
    """Run the bench on a data set in the layout of MVTec LOCO AD with annotated parts.

    Everything that happens is kept below `out` at once, and a run that was cut off goes on where it stopped.
    The result is written to `out/logibench.json`, how long it took to `out/times.json`.

    Raises:
        DatasetError: There is no category.
        AuthorError: There is no such reasoner, or no such judge.
        SandboxError: The jail does not start, or holds less than is asked for.
        LogiSightError: `out` cannot be written to.
    """
    settings = settings or Settings()
    folders = find_categories(data, categories)
    model = make_reasoner(settings.reasoner)
    judge = make_judge(settings.judge) if settings.judge else None
    made_folder(out)
    tried: list[_Tried] = []
    skipped: list[str] = []
    with closing(open_jail(settings.isolation)) as jail:
        bench = _Bench(settings, out, model, judge, jail, on_start, on_step)
        for folder in folders:
            try:
                tried.append(_category(bench, folder))
            except LogiSightError as error:
                skipped.append(f"{folder.name}: {error}")
    result = LogiBench(
        versions=_versions(),
        reasoner=settings.reasoner,
        judge=settings.judge,
        seed=settings.seed,
        data=data.resolve().name,
        categories=[one.result for one in tried],
        mean=_means([one.figures for one in tried]),
        skipped=skipped,
    )
    times = {one.result.category: one.times for one in tried}
    write_whole(out / RESULT, [result.model_dump_json(indent=1), "\n"], "the result")
    write_whole(out / TIMES, [json.dumps(times, indent=1), "\n"], "the times")
    return result


def _category(bench: _Bench, folder: Path) -> _Tried:
    settings = bench.settings
    bench.on_start(f"{folder.name}: reading", 1)
    subject = read_subject(folder, settings.rules, settings.annotations, settings.references)
    bench.on_step()
    problems = list(subject.problems)
    eyes: dict[str, Eyes] = {
        TRUE: TrueParts(subject.annotated, subject.labels),
        SEEN: SeenParts(subject.references),
    }
    rules, baselines, figures, times = {}, {}, {}, {}
    for way in settings.ways:
        whole = _select(subject, way)
        if not whole:
            problems.append(f"{shown(folder)}: no test picture has annotated parts; not tried with {way}")
            continue
        rules[way], figures[way], times[way] = _with_rules(bench, subject, way, eyes[way], whole)
    for name in settings.baselines:
        baselines[name], figures[name], times[name] = _without_rules(bench, subject, name)
    result = CategoryResult(
        category=subject.category.name,
        data_sha256=subject.sha256,
        references=[one.picture.name for one in subject.references],
        rules=rules,
        baselines=baselines,
        problems=problems,
    )
    return _Tried(result, figures, times)


def _select(subject: Subject, way: str) -> list[tuple[LocoPicture, Case]]:
    """The test pictures that can be judged in a way: true parts are not annotated everywhere."""
    pairs = zip(subject.pictures, subject.cases, strict=True)
    return [pair for pair in pairs if way != TRUE or pair[0].path in subject.annotated]


def _with_rules(
    bench: _Bench, subject: Subject, way: str, eyes: Eyes, whole: Sequence[tuple[LocoPicture, Case]]
) -> tuple[Scores, dict[str, Figures], dict[str, float]]:
    settings, name = bench.settings, subject.category.name
    folder = bench.out / name / way.replace(" ", "-")
    asked = (settings.reasoner, way, str(settings.references))
    inputs = _sha256(subject.sha256, version("logisight"), *asked, _prompts_sha256())
    seen = sorted({label for one in subject.references for label in one.labels})
    labels = subject.labels if way == TRUE else seen
    trial = Trial(
        eyes=eyes,
        reasoner=bench.model,
        jail=bench.jail,
        sentences=subject.sentences,
        labels=labels,
        containers=subject.containers,
        references=[one.picture for one in subject.references],
        on_step=bench.on_step,
    )
    with Journal(folder / "rules.jsonl", RuleFact, inputs, settings.fresh) as journal:
        bench.on_start(f"{name}, {way}: rules", len(subject.sentences))
        facts = write_rules(trial, journal)
    rules = proven(facts)
    judged = _sha256(inputs, *(rule.code for rule in rules))
    pictures, cases = zip(*whole, strict=True)
    with Journal(folder / "pictures.jsonl", PictureFact, judged, settings.fresh) as journal_of_pictures:
        bench.on_start(f"{name}, {way}: pictures", len(pictures))
        said = judge_pictures(trial, rules, pictures, journal_of_pictures)
    rows = picture_rows(cases, said, subject.vocabulary, subject.containers)
    scores, figures = scored(facts, rows, cases, said, settings.seed)
    if bench.judge:
        opinion, of_judge = _opinion(
            bench, bench.judge, subject, way, zip(rows, pictures, cases, strict=True)
        )
        scores, figures = scores.model_copy(update={"opinion": opinion}), figures | of_judge
    seconds = {"writing rules": sum(attempt.seconds for fact in facts for attempt in fact.attempts)}
    for step in ("see", "check"):
        seconds[step] = sum(fact.seconds.get(step, 0.0) for fact in said)
    return scores, figures, seconds


def _opinion(
    bench: _Bench,
    judge: BaseChatModel,
    subject: Subject,
    way: str,
    shown: Iterable[tuple[PictureRow, LocoPicture, Case]],
) -> tuple[Opinion, dict[str, Figures]]:
    asked = [question_of(row, case, subject.annotated.get(picture.path)) for row, picture, case in shown]
    questions = [question for question in asked if question]
    texts = [str(message.text) for question in questions for message in question.messages]
    inputs = _sha256(str(bench.settings.judge), *texts)
    path = bench.out / subject.category.name / way.replace(" ", "-") / "opinions.jsonl"
    with Journal(path, OpinionFact, inputs, bench.settings.fresh) as journal:
        bench.on_start(f"{subject.category.name}, {way}: opinions", len(questions))
        facts = ask_judge(judge, questions, journal, bench.on_step)
    return opinion_of(questions, facts, bench.settings.seed)


def _without_rules(
    bench: _Bench, subject: Subject, name: str
) -> tuple[BaselineScores, dict[str, Figures], dict[str, float]]:
    baseline = BASELINES[name]()
    path = bench.out / subject.category.name / name / "pictures.jsonl"
    inputs = _sha256(subject.sha256, version("logisight"), name)
    with Journal(path, PictureFact, inputs, bench.settings.fresh) as journal:
        bench.on_start(f"{subject.category.name}, {name}", len(subject.pictures))
        said = judge_with(baseline, subject.category, subject.pictures, journal, bench.on_step)
    rows = picture_rows(subject.cases, said, subject.vocabulary, {})
    classification, figures = classified(rows, bench.settings.seed)
    seconds = {"see": sum(fact.seconds.get("see", 0.0) for fact in said)}
    return BaselineScores(classification=classification, pictures=rows), figures, seconds


def _means(figures: Sequence[Mapping[str, Mapping[str, Figures]]]) -> dict[str, dict[str, Interval]]:
    """Way of judging -> figure -> its mean over the categories, where all of them have it."""
    first = figures[0] if figures else {}
    return {
        way: {
            name: interval(np.mean([one[way][name] for one in figures], axis=0))
            for name in some
            if all(name in one.get(way, {}) for one in figures)
        }
        for way, some in first.items()
    }


def _versions() -> Versions:
    return Versions(
        logisight=version("logisight"),
        libraries={name: version(name) for name in _LIBRARIES},
        prompts_sha256=_prompts_sha256(),
        ontology_sha256=ontology_sha256(),
    )


def _prompts_sha256() -> str:
    """Of what an author is told, with nothing in it that changes from rule to rule."""
    request = Request(sentence="", labels=[])
    messages = author_messages(language_text(), request.model_dump())
    return _sha256(*(str(message.text) for message in messages))


def _sha256(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
