"""What an estimator is: whatever gives architectures scores without training each to the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from harness.distributed.ranks import Ranks
from harness.images.dataset import ImageData
from harness.monitor import Monitor
from harness.runs.folder import RunFolder
from harness.settings.base import Settings as OwnSettings
from harness.settings.run import RunConfig
from harness.truth import TruthTable

if TYPE_CHECKING:
    from harness.estimators.supernet.spread import Spread

Row = dict[str, Any]


class Needs(NamedTuple):
    """What an estimator cannot do without.

    Attributes:
        images: Whether it looks at images.
        labels: How many architectures of known accuracy it is fitted to; None: none at all.
        gpu: Whether it is of no use on a CPU.
    """

    images: bool = True
    labels: int | None = None
    gpu: bool = False


class Scores(NamedTuple):
    """What an estimator says of architectures.

    Attributes:
        rows: By name of the file, a row for each architecture in the order asked for: what names
            it (`name_archs`), `score` (higher is better; None where there is none), `loss`,
            `accuracy` and `status`. `scores` is the estimator's answer; others stand beside it.
        tables: Further tables for the run's folder, by name.
        facts: Provenance of the scores, for the record.
    """

    rows: Mapping[str, Sequence[Row]]
    tables: Mapping[str, Sequence[Any]]
    facts: Mapping[str, Any]


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
        truth: What the scores will be judged by. An estimator that looks at it says so in `needs`,
            but for deciding how many images suffice.
        monitor: Told the progress; can stop the work.
        ranks: The processes that prepare it together, of which this is the first.
        spread: Scores architectures elsewhere; None: here.
        note: Writes facts into the record.
        noted: What earlier starts noted.
        spent: Seconds that earlier starts spent, by part.
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


class Estimator(ABC):
    """One way to score architectures, at work on one task.

    Laws: a task that was interrupted and is given again ends with the same bits; the score of an
    architecture does not depend on which others are asked for.

    Attributes:
        name: What a run's configuration calls it.
        needs: What it cannot do without.
        Settings: The class of its own settings, if it has any.
    """

    name: ClassVar[str]
    needs: ClassVar[Needs] = Needs()
    Settings: ClassVar[type[OwnSettings] | None] = None

    def __init__(self, task: Task) -> None:
        """Take a task; nothing is computed yet."""
        self.task = task

    @abstractmethod
    def prepare(self) -> None:
        """Do what comes before any score, such as training; resumes what is in the folder.

        Raises:
            Interrupted: If the monitor asked to stop; the state is saved.
            HarnessError: If it cannot be done.
        """

    @abstractmethod
    def score(self, keys: Sequence[int]) -> Scores:
        """Score architectures, resuming what is in the folder.

        Args:
            keys: Which, by `Space.key`.

        Raises:
            Interrupted: If the monitor asked to stop; what was scored is saved.
            HarnessError: If it cannot be done.
        """

    @abstractmethod
    def cost(self) -> dict[str, float]:
        """Return the seconds spent so far, over all starts, by part."""

    def clean_up(self) -> None:  # noqa: B027 - most leave nothing behind
        """Remove what only served to resume; the run is finished."""
