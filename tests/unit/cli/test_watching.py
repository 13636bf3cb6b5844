"""Who watches runs does not stop them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.watching import JsonLog, TensorBoardExport
from harness.errors import StoreError
from harness.monitor import FINISHED, Event


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_log_on_a_full_disk_says_so_once_and_goes_no_further(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with JsonLog("/dev/full") as log:
        for _ in range(3):
            log.notice("hello")
    err = capsys.readouterr().err
    assert err.count("--log-json /dev/full stops here: No space left on device.") == 1


def test_a_folder_for_curves_that_cannot_be_made_is_refused_before_any_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be made: Not a directory\. Give --tensorboard"):
        TensorBoardExport(tmp_path, tmp_path / "file" / "curves")


def test_curves_that_cannot_be_written_stop_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = TensorBoardExport(tmp_path, tmp_path / "curves")
    (tmp_path / "curves").rmdir()
    (tmp_path / "curves").write_text("")  # somebody puts a file there meanwhile
    export.event(Event("a-run", FINISHED, {}))
    assert "Note: No curves of a-run: " in capsys.readouterr().err
