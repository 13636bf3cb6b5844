"""Architectures of a file, whatever else is in it: tables with and without scores, plain lists."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from harness.errors import DataError
from harness.scores import read_archs, save_scores
from harness.spaces import load_space
from tests.spaces.endless import Endless

NB201 = load_space("nb201")
KEYS = (15_000, 7, 0, 300)
ARCHS = tuple(NB201.format(NB201.at(key)) for key in KEYS)
FRAME = pd.DataFrame({"arch": ARCHS})


def _own(path: Path) -> None:
    frame = FRAME.rename(columns={"arch": "arch_str"}).assign(nb201_index=KEYS)
    cells = {"score": [1.0, None, 3.0, 4.0], "loss": None, "accuracy": None}
    save_scores(frame.assign(**cells, status=["ok", "failed", "ok", "ok"]), path)


WRITERS: dict[str, Callable[[Path], object]] = {
    "lines.txt": lambda path: path.write_text("\n".join(ARCHS)),
    "lines.csv": lambda path: path.write_text("\ufeff" + "\r\n".join((*ARCHS, "", ""))),
    "lines.txt.gz": lambda path: path.write_bytes(gzip.compress("\n".join(ARCHS).encode())),
    "list.json": lambda path: path.write_text(json.dumps(ARCHS)),
    "records.json": lambda path: FRAME.to_json(path, orient="records"),
    "by_arch.json": lambda path: path.write_text(json.dumps(dict.fromkeys(ARCHS, 1.0))),
    "no_scores.csv": lambda path: FRAME.to_csv(path, index=False),
    "bad_scores.csv": lambda path: FRAME.assign(score="nan").to_csv(path, index=False),
    "indices.csv": lambda path: pd.DataFrame({"nb201_index": KEYS}).to_csv(path, index=False),
    "seeds.csv": lambda path: pd.concat([FRAME.assign(seed=0), FRAME.assign(seed=1)]).to_csv(
        path, index=False
    ),
    "table.parquet": FRAME.to_parquet,
    "own.parquet": _own,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_in_any_form_names_its_architectures_in_its_order(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    assert read_archs(tmp_path / name, NB201) == (ARCHS, ())


def test_a_space_that_cannot_be_enumerated_can_be_listed(tmp_path: Path) -> None:
    (tmp_path / "chains.txt").write_text("k-ik\nik\n")
    assert read_archs(tmp_path / "chains.txt", Endless()).archs == ("k-ik", "ik")


@pytest.mark.parametrize("header", ["arch", "Architecture (string)", "nb201_arch", '"my cells"'])
def test_a_column_of_any_name_is_read(header: str, tmp_path: Path) -> None:
    (tmp_path / "archs.csv").write_text("\n".join((header, *ARCHS)))
    assert read_archs(tmp_path / "archs.csv", NB201).archs == ARCHS


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("nb201", ARCHS[1].replace("~0", "~7", 1)),
        ("nb201", f'"{ARCHS[1][:-1]}"'),
        ("nb201", "(4, 2, 1, 2, 4)"),
        ("macro", "0000O012"),
        ("macro", "O0000012"),
        ("nb101", "100000100101110010101:0112l"),
        ("transnas-micro", "64-41414-0_00_0l1"),
    ],
)
def test_a_mistake_in_the_first_line_is_not_taken_for_a_name(
    name: str, wrong: str, tmp_path: Path
) -> None:
    space, path = load_space(name), tmp_path / "archs.txt"
    path.write_text("\n".join((wrong, *(space.format(space.at(key)) for key in (5, 300)))))
    with pytest.raises(DataError, match=r"names no architecture .* in 1 of 3 rows\. The first is "):
        read_archs(path, space)


def test_places_that_may_be_row_numbers_are_read_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "archs.csv").write_text("index,score\n0,0.1\n1,0.2\n2,0.3\n")
    archs, notes = read_archs(tmp_path / "archs.csv", NB201)
    assert archs == tuple(NB201.format(NB201.at(key)) for key in range(3))
    assert len(notes) == 1
    assert "'index' was taken for places in the published order, though it could" in notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("arch\n", "there are no rows. Write one for each architecture"),
        ("[]", "there are no rows"),
        ("|x|\n|y|\n", "no column names architectures of the space 'nb201'"),
        (f"{ARCHS[0]}\n|x|", r"names no architecture .* in 1 of 2 rows\. The first is row 1 "),
        (f"{ARCHS[0]}\n{ARCHS[1]}\n{ARCHS[0]}", "repeats an architecture in 1 of 3 rows"),
        (f"arch,seed\n{ARCHS[0]},1\n{ARCHS[0]},1", "repeats an architecture in 1 of 2 rows"),
        ("ops\n012301\n123123\n", "2 forms .* with one string of an architecture on each line, wh"),
        ("arch\n|x|\n", r"the first value is '\|x\|'\. Forms: .* on each line, which can always"),
        (f"a,b\n{ARCHS[0]},{ARCHS[1]}\n", "'a' and 'b' name different .* Keep only the column"),
        ("index,net\n0,|x~0|+|y~0|\n1,|y~0|+|x~0|\n", "'index' numbers the rows, .* Keep only"),
    ],
)
def test_a_list_that_is_not_clear_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "archs.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as refused:
        read_archs(path, NB201)
    for option in ("--exclude-bad", "--arch-column", "--arch-form", "arch_column"):
        assert option not in str(refused.value)
    assert ".." not in str(refused.value).replace("...", "")


def test_a_table_of_another_space_is_refused(tmp_path: Path) -> None:
    FRAME.assign(space="nb201").to_csv(tmp_path / "archs.csv", index=False)
    with pytest.raises(DataError, match="is of the space 'nb201', and 'macro' was asked for"):
        read_archs(tmp_path / "archs.csv", load_space("macro"))
