"""The whole bench: every product, with true and with seen parts, beside the baselines."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from langchain_core.language_models import BaseChatModel

from ...agents.draft import Request
from ...agents.graph import Inspector
from ...agents.isolation import open_jail
from ...agents.journal import Journal
from ...agents.pages import write_whole
from ...agents.product import Kept, Product, save_product
from ...agents.reasoner import OFFLINE, make_reasoner
from ...agents.rulebook import Rulebook
from ...agents.witness.examination import call_witness
from ...prompts import author_messages
from ...sandbox import Jail, language_text
from ...schema import Grade, LogiSightError, Rule, When
from ...tools.detectors import load_detector
from ...tools.pictures import read_picture, shown
from ..baselines import BASELINES
from ..kept import made_folder
from ..loco import LocoPicture, find_categories
from .detecting import judge_with
from .eyes import Eyes, SeenParts, TrueParts
from .facts import PictureFact, RuleFact
from .marks import Case, classified, cost_of, picture_rows, proven, scored
from .ontology import ontology_sha256
from .opinion import OpinionFact, ask_judge, make_judge, opinion_of, question_of
from .prepare import Subject, read_subject
from .resampling import Figures, Interval, interval
from .result import (
    SEEN,
    TRUE,
    WAYS,
    WITNESSED,
    BaselineScores,
    CategoryResult,
    Cost,
    LogiBench,
    Opinion,
    PictureRow,
    Scores,
    Versions,
)
from .trial import Trial, judge_pictures, judge_with_witness, write_rules

REFERENCES: Final = 5
"""Annotated good pictures that eyes are taught from and rules are proven on."""
RESULT: Final = "logibench.json"
TIMES: Final = "times.json"
_LIBRARIES: Final = ("numpy", "opencv-python-headless", "scikit-image", "scikit-learn", "langchain-core")


@dataclass(frozen=True)
class Settings:
    """What a run is asked for."""

    reasoner: str = OFFLINE
    witness: str | None = None
    """A chat model that looks at pictures besides the rules with seen parts."""
    when: When = When.doubt
    """It is asked."""
    judge: str | None = None
    """A chat model that is asked for its opinion of the reasons told."""
    ways: Sequence[str] = WAYS
    baselines: Sequence[str] = BASELINES
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
        witness=settings.witness,
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
    seen = SeenParts(subject.references)
    eyes: dict[str, Eyes] = {TRUE: TrueParts(subject.annotated, subject.labels), SEEN: seen}
    rules, baselines, figures, times = {}, {}, {}, {}
    for way in settings.ways:
        whole = _select(subject, way)
        if not whole:
            problems.append(f"{shown(folder)}: no test picture has annotated parts; not tried with {way}")
            continue
        rules[way], figures[way], times[way] = _with_rules(bench, subject, way, eyes[way], whole)
        if way == SEEN and settings.witness:
            witnessed = _with_witness(bench, subject, seen, whole)
            if witnessed:
                rules[WITNESSED], figures[WITNESSED], times[WITNESSED] = witnessed
            else:
                problems.append(f"{shown(folder)}: no rule is proven; the witness was not asked")
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


class _Way(NamedTuple):
    """A way of judging: what it works with, and where it keeps what happened."""

    name: str
    folder: Path
    inputs: str
    """Hash of all that decides which rules are written."""
    trial: Trial


def _way(bench: _Bench, subject: Subject, name: str, eyes: Eyes) -> _Way:
    settings = bench.settings
    asked = (settings.reasoner, name, str(settings.references))
    inputs = _sha256(subject.sha256, version("logisight"), *asked, _prompts_sha256())
    seen = sorted({label for one in subject.references for label in one.labels})
    trial = Trial(
        eyes=eyes,
        reasoner=bench.model,
        jail=bench.jail,
        sentences=subject.sentences,
        labels=subject.labels if name == TRUE else seen,
        containers=subject.containers,
        references=[one.picture for one in subject.references],
        on_step=bench.on_step,
    )
    return _Way(name, bench.out / subject.category.name / name.replace(" ", "-"), inputs, trial)


def _written(bench: _Bench, subject: Subject, way: _Way) -> list[RuleFact]:
    """The rules of a way of judging; those that were written before are taken from disk."""
    with Journal(way.folder / "rules.jsonl", RuleFact, way.inputs, bench.settings.fresh) as journal:
        bench.on_start(f"{subject.category.name}, {way.name}: rules", len(subject.sentences))
        return write_rules(way.trial, journal)


def _with_rules(
    bench: _Bench, subject: Subject, name: str, eyes: Eyes, whole: Sequence[tuple[LocoPicture, Case]]
) -> tuple[Scores, dict[str, Figures], dict[str, float]]:
    way = _way(bench, subject, name, eyes)
    facts = _written(bench, subject, way)
    rules = proven(facts)
    judged = _sha256(way.inputs, *(rule.code for rule in rules))
    pictures = [picture for picture, _ in whole]
    with Journal(way.folder / "pictures.jsonl", PictureFact, judged, bench.settings.fresh) as journal:
        bench.on_start(f"{subject.category.name}, {name}: pictures", len(pictures))
        said = judge_pictures(way.trial, rules, pictures, journal)
    cost = cost_of(facts, said, bench.settings.reasoner)
    return _marked(bench, subject, way, facts, said, whole, cost)


def _with_witness(
    bench: _Bench, subject: Subject, eyes: SeenParts, whole: Sequence[tuple[LocoPicture, Case]]
) -> tuple[Scores, dict[str, Figures], dict[str, float]] | None:
    """The rules with seen parts, and a witness; None where no rule is proven."""
    settings, way = bench.settings, _way(bench, subject, SEEN, eyes)
    facts = _written(bench, subject, way)
    rules = proven(facts)
    if not rules or settings.witness is None:
        return None
    way = way._replace(name=WITNESSED, folder=bench.out / subject.category.name / "witness")
    product = _product(way.folder / "product", eyes, subject, rules)
    bench.on_start(f"{subject.category.name}, witness: pictures of known state", 1)
    witness = call_witness(product, settings.witness, settings.when, fresh=settings.fresh)
    bench.on_step()
    asked = (witness.name, settings.when, witness.calibration.asked_sha256)
    judged = _sha256(way.inputs, *(rule.code for rule in rules), *asked)
    pictures = [picture for picture, _ in whole]
    inspector = Inspector(product, bench.jail, witness=witness)
    with Journal(way.folder / "pictures.jsonl", PictureFact, judged, settings.fresh) as journal:
        bench.on_start(f"{subject.category.name}, {WITNESSED}: pictures", len(pictures))
        said = judge_with_witness(inspector, pictures, journal, bench.on_step)
    cost = cost_of(facts, said, settings.reasoner, witness.calibration.usage)
    return _marked(bench, subject, way, facts, said, whole, cost)


def _product(folder: Path, eyes: SeenParts, subject: Subject, rules: Sequence[Rule]) -> Product:
    """A product folder with the eyes, the reference pictures and the rules of a trial, and no others."""
    kept = [Kept.of(read_picture(one.picture), annotated=True) for one in subject.references]
    product = save_product(folder, eyes.model, kept)
    shutil.rmtree(product.rules_folder, ignore_errors=True)
    for rule in rules:
        Rulebook.save(rule, product.rules_folder)
    return product


def _marked(
    bench: _Bench,
    subject: Subject,
    way: _Way,
    facts: Sequence[RuleFact],
    said: Sequence[PictureFact],
    whole: Sequence[tuple[LocoPicture, Case]],
    cost: Cost,
) -> tuple[Scores, dict[str, Figures], dict[str, float]]:
    """What a way of judging is worth, its figures, and the seconds that it took."""
    pictures, cases = zip(*whole, strict=True)
    rows = picture_rows(cases, said, subject.vocabulary, subject.containers)
    scores, figures = scored(facts, rows, cases, said, bench.settings.seed, cost)
    if bench.judge:
        shown_rows = zip(rows, pictures, cases, strict=True)
        opinion, of_judge = _opinion(bench, bench.judge, subject, way, shown_rows)
        scores, figures = scores.model_copy(update={"opinion": opinion}), figures | of_judge
    seconds = {"writing rules": sum(attempt.seconds for fact in facts for attempt in fact.attempts)}
    for step in ("see", "check", "compose", "ask"):
        taken = [fact.seconds[step] for fact in said if step in fact.seconds]
        seconds |= {step: sum(taken)} if taken else {}
    return scores, figures, seconds


def _opinion(
    bench: _Bench,
    judge: BaseChatModel,
    subject: Subject,
    way: _Way,
    shown: Iterable[tuple[PictureRow, LocoPicture, Case]],
) -> tuple[Opinion, dict[str, Figures]]:
    asked = [question_of(row, case, subject.annotated.get(picture.path)) for row, picture, case in shown]
    questions = [question for question in asked if question]
    texts = [str(message.text) for question in questions for message in question.messages]
    inputs = _sha256(str(bench.settings.judge), *texts)
    with Journal(way.folder / "opinions.jsonl", OpinionFact, inputs, bench.settings.fresh) as journal:
        bench.on_start(f"{subject.category.name}, {way.name}: opinions", len(questions))
        facts = ask_judge(judge, questions, journal, bench.on_step)
    return opinion_of(questions, facts, bench.settings.seed)


def _without_rules(
    bench: _Bench, subject: Subject, name: str
) -> tuple[BaselineScores, dict[str, Figures], dict[str, float]]:
    detector = load_detector(name)
    path = bench.out / subject.category.name / name / "pictures.jsonl"
    inputs = _sha256(subject.sha256, version("logisight"), name)
    with Journal(path, PictureFact, inputs, bench.settings.fresh) as journal:
        bench.on_start(f"{subject.category.name}, {name}", len(subject.pictures))
        said = judge_with(detector, subject.category, subject.pictures, journal, bench.on_step)
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
