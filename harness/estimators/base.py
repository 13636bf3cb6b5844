"""What an estimator is: whatever scores architectures without training each to the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from harness.distributed.ranks import Ranks
from harness.errors import UsageError
from harness.estimators.methods import Nested
from harness.images.dataset import ImageData
from harness.monitor import Monitor
from harness.runs.folder import RunFolder
from harness.scores import STATUS_DEAD, STATUS_FAILED, STATUS_LABEL, STATUS_OK
from harness.settings.base import Settings as OwnSettings
from harness.settings.run import RunConfig
from harness.spaces import Space
from harness.spaces.lookup import name_archs
from harness.truth import TruthTable

if TYPE_CHECKING:
    from harness.estimators.supernet.spread import Spread

Row = dict[str, Any]


class Needs(NamedTuple):
    """What an estimator requires.

    Attributes:
        images: Whether it uses images.
        labels: Number of architectures of known accuracy that it is fitted to; None for none.
        gpu: Whether it is impractical on a CPU.
    """

    images: bool = True
    labels: int | None = None
    gpu: bool = False


class Scores(NamedTuple):
    """The scores of architectures.

    Attributes:
        rows: By file name, a row for each architecture in the order asked for: what names
            it (`name_archs`), `score` (higher is better; None where there is none), `loss`,
            `accuracy` and `status`. `scores` is the estimator's answer; others are beside it.
        tables: Further tables for the run's folder, by name.
        facts: Provenance of the scores, for the record.
    """

    rows: Mapping[str, Sequence[Row]]
    tables: Mapping[str, Sequence[Any]]
    facts: Mapping[str, Any]


def score_cells(score: float | None) -> Row:
    """Return a score as the cells of its row, for an estimator that has no loss."""
    return _cells(score, STATUS_FAILED if score is None else STATUS_OK)


def dead_cells() -> Row:
    """Return the cells of an architecture that no signal passes, where that leaves no score."""
    return _cells(None, STATUS_DEAD)


def label_cells() -> Row:
    """Return the cells of an architecture whose truth an estimator was fitted to."""
    return _cells(None, STATUS_LABEL)


def _cells(score: float | None, status: str) -> Row:
    return {"score": score, "loss": None, "accuracy": None, "status": status}


def name_rows(keys: Sequence[int], space: Space, cells: Iterable[Row]) -> list[Row]:
    """Make rows of a table of architectures.

    Args:
        keys: The architectures, [row].
        space: Their space.
        cells: What each row has besides what names its architecture, [row].
    """
    columns = name_archs(keys, space)
    names = zip(*columns.values(), strict=True)
    return [
        {**dict(zip(columns, name, strict=True)), **own}
        for name, own in zip(names, cells, strict=True)
    ]


def pick_rows(keys: Sequence[int], space: Space, cells: Mapping[int, Row]) -> list[Row]:
    """Make the rows of architectures whose scores follow from all that a run ranks.

    Args:
        keys: The architectures asked for, [row].
        space: Their space.
        cells: Those of each architecture that the run ranks.

    Raises:
        UsageError: If the run does not rank one of them.
    """
    if unknown := [key for key in keys if key not in cells]:
        raise UsageError(
            f"{len(unknown):,} architectures were asked for that this run does not rank, such as "
            f"{space.format(space.at(unknown[0]))}. Give a larger --n-archs."
        )
    return name_rows(keys, space, (cells[key] for key in keys))


class Note(Protocol):
    """Writes facts about the scores into the run's record, at once."""

    def __call__(self, **facts: Any) -> None:
        """Add the facts."""
        ...


@dataclass(frozen=True)
class Task:
    """What an estimator is asked to do, and where.

    Attributes:
        config: The run's configuration, resolved.
        folder: The run's folder, where all state lies; it is locked.
        data: The images, on the device to compute on.
        truth: What the scores will be judged by; without rows (`no_table`) where one's own images
            have none. An estimator that uses it says so in `needs`, except to decide how many
            images suffice.
        monitor: Told the progress; can stop the work.
        ranks: The processes that prepare it together, of which this is the first.
        spread: Scores architectures elsewhere; None: here.
        note: Writes facts into the record.
        noted: What earlier starts noted.
        spent: Seconds that earlier starts spent, by part.
        beside: Estimators of the same command, with which work may be shared.
        trains: Whether training may begin, where no other run's can be taken over.
        data_dir: The data folder, as the command was given it.
    """

    config: RunConfig
    folder: RunFolder
    data: ImageData
    truth: TruthTable
    monitor: Monitor
    ranks: Ranks
    spread: Spread | None
    note: Note
    noted: Mapping[str, Any]
    spent: Mapping[str, float]
    beside: tuple[str, ...] = ()
    trains: bool = True
    data_dir: Path | None = None


class Estimator(ABC):
    """One way to score architectures, applied to one task.

    Laws: a task that was interrupted and resumed ends with the same bits; the score of an
    architecture does not depend on which others are asked for.

    Attributes:
        name: What a run's configuration calls it.
        needs: What it requires.
        reads: The settings of `RunConfig` that decide its numbers, besides those that all read
            (`harness.settings.run.SHARED`); None: all. Others are not part of a run's name.
        Settings: The class of its own settings, if it has any.
        in_place: Whether it keeps nothing in the run's folder, so that it can be asked within the
            run of another estimator (`nested`), for some architectures only. What is costly lies
            beside the run folders (`SharedWork`).
        together: Whether its run does the work of all such runs of the command that differ from
            it in the estimator alone (`Task.beside`).
    """

    name: ClassVar[str]
    needs: ClassVar[Needs] = Needs()
    reads: ClassVar[frozenset[str] | None] = None
    Settings: ClassVar[type[OwnSettings] | None] = None
    in_place: ClassVar[bool] = False
    together: ClassVar[bool] = False

    @classmethod
    def nested(cls, config: RunConfig) -> Sequence[Nested]:
        """Return the estimators that it asks for scores.

        Args:
            config: The run's settings, resolved or not.

        Raises:
            UsageError: If a setting is not allowed or names no estimator.
        """
        return ()

    @classmethod  # noqa: B027 - most can do whatever their settings allow
    def check(cls, config: RunConfig, truth: TruthTable) -> None:
        """Refuse what cannot be done, before anything is written.

        Args:
            config: The run's settings, with a number of architectures.
            truth: What the scores will be judged by.

        Raises:
            HarnessError: If it cannot.
        """

    @classmethod  # noqa: B027 - the images of most are counted by settings of every run
    def check_images(cls, config: RunConfig, data: ImageData) -> None:
        """Refuse settings of its own that the images do not allow, before anything is recorded.

        Args:
            config: The run's settings, resolved.
            data: Its images.

        Raises:
            UsageError: If there are too few.
        """

    def __init__(self, task: Task) -> None:
        """Take a task; nothing is computed yet."""
        self.task = task

    @property
    def fitted_on(self) -> frozenset[int]:
        """The architectures whose truth it was fitted to; known once it is prepared."""
        return frozenset()

    @abstractmethod
    def prepare(self) -> None:
        """Do what precedes any score, such as training; resume from the folder.

        Raises:
            Interrupted: If the monitor asked to stop; the state is saved.
            HarnessError: If it cannot be done.
        """

    @abstractmethod
    def score(self, keys: Sequence[int]) -> Scores:
        """Score architectures; resume from the folder.

        Args:
            keys: Which, by `Space.key`.

        Raises:
            Interrupted: If the monitor asked to stop; what was scored is saved.
            HarnessError: If it cannot be done.
        """

    @abstractmethod
    def cost(self) -> dict[str, float]:
        """Return the seconds spent so far, over all starts, by part."""

    def clean_up(self) -> None:  # noqa: B027 - most have nothing to remove
        """Remove what is only needed to resume; the run is finished."""
