"""Where the trials of a search are kept: a study in a storage of Optuna.

Finished trials only, each stored in one transaction. Others may use the same storage, so each
trial that is read or stored is checked to be of this search.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import optuna
from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from sqlalchemy.exc import SQLAlchemyError

from harness.errors import MismatchError, StoreError

optuna.logging.set_verbosity(optuna.logging.WARNING)

ARCH, EPOCHS, SPENT, SECONDS, CONFIG = "arch", "epochs", "spent", "seconds", "config"
"""Attributes of a trial, and of a study."""


def open_storage(url: str | None) -> BaseStorage:
    """Open a storage of Optuna.

    Args:
        url: Such as `sqlite:///study.db`; None for memory.

    Raises:
        StoreError: If it cannot be opened.
    """
    if url is None:
        return InMemoryStorage()
    with _reported(url):
        try:
            return RDBStorage(url)
        except ImportError as error:
            raise StoreError(
                f"The storage {_hide_password(url)} needs a driver of its database that is not "
                f"installed: {error.__cause__ or error}. Install it, or give another --storage."
            ) from error


@contextlib.contextmanager
def _reported(url: str) -> Iterator[None]:
    """Report what goes wrong in a storage as an error that a user can fix."""
    try:
        yield
    except (OptunaError, SQLAlchemyError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StoreError(
            f"The storage {_hide_password(url)} cannot be used: {reason[:200]}. If it is "
            "damaged, put a copy back or remove it; or give another --out or --storage."
        ) from error


def _hide_password(url: str) -> str:
    return re.sub(r"//[^@/]*@", "//...@", url)


class StoredTrials:
    """The trials of one search in a storage."""

    def __init__(
        self,
        storage: BaseStorage,
        name: str,
        directions: Sequence[StudyDirection],
        config: Mapping[str, Any],
    ) -> None:
        """Open them; those that others store from then on are not seen.

        Args:
            storage: Where they lie.
            name: Of the search.
            directions: Of its objectives.
            config: What decides its results, by name.

        Raises:
            MismatchError: If the storage holds a search of that name of something else.
            StoreError: If the storage cannot be used.
        """
        self._where, self._config = f"search '{name}'", dict(config)
        with _reported(self._where):
            self._study = optuna.create_study(
                study_name=name, storage=storage, directions=directions, load_if_exists=True
            )
            self._trials = self._study.get_trials(deepcopy=False)
            self._check(list(directions))

    def _check(self, directions: list[StudyDirection]) -> None:
        """Take over a stored search of the same config, or a study without a trial."""
        stored, config = self._study.user_attrs.get(CONFIG), self._config
        if stored == config:
            return
        if not self._trials and self._study.directions == directions:
            # New, or of a command that ended before it stored a trial.
            self._study.set_user_attr(CONFIG, config)
            return
        found = stored if isinstance(stored, dict) else {}
        names = [key for key in {**config, **found} if config.get(key) != found.get(key)]
        told = [
            f"{name} is {found.get(name)}, not {config.get(name)}"
            for name in names
            if "sha256" not in name
        ]
        differing = "; ".join(told or names)
        raise MismatchError(
            f"The storage has a {self._where} of something else: {differing}. Give another "
            "--out or --storage, or the command and the versions that made it."
        )

    def list_batch(self, start: int, n: int) -> list[FrozenTrial]:
        """Return n trials from a number on; none unless all are stored and finished.

        Raises:
            MismatchError: If one is of another program.
        """
        stored = self._trials[start : start + n]
        if len(stored) < n or not all(trial.state.is_finished() for trial in stored):
            return []
        for trial in stored:
            if not trial.user_attrs.keys() >= {ARCH, EPOCHS, SPENT, SECONDS}:
                raise self.foreign(
                    f"Trial {trial.number} was not stored by a search of the harness"
                )
        return stored

    def find(self, number: int, arch: str) -> FrozenTrial | None:
        """Return the trial of a number; None where it is not stored.

        Raises:
            MismatchError: If it is of another architecture.
        """
        if number >= len(self._trials):
            return None
        stored = self._trials[number]
        if stored.user_attrs.get(ARCH) != arch or not stored.state.is_finished():
            raise self.foreign(
                f"Trial {number} evaluated {stored.user_attrs.get(ARCH)}; asked for now is {arch}"
            )
        return stored

    def append(self, trial: FrozenTrial) -> None:
        """Store the next trial.

        Raises:
            MismatchError: If others have stored trials, or taken the place of this search.
            StoreError: If it cannot be stored.
        """
        with _reported(self._where):
            n_stored = len(self._study.get_trials(deepcopy=False))
            if n_stored != trial.number:
                raise self.foreign(f"Trial {trial.number} is done, and {n_stored} are stored")
            if self._study.user_attrs.get(CONFIG) != self._config:
                raise self.foreign("A command that asks for something else took its place")
            self._study.add_trial(trial)

    def foreign(self, finding: str) -> MismatchError:
        """Return the error of a storage that somebody else wrote into."""
        return MismatchError(
            f"The stored {self._where} is not what this command stores. {finding}. Another "
            "program, or the same search at the same time, wrote into it: give another --out or "
            "--storage."
        )
