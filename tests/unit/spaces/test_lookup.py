"""Names of architectures in files, and looking many of them up, in any space."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harness.errors import DataError
from harness.spaces import Space, load_space, lookup
from harness.spaces.lookup import (
    arch_columns,
    arch_faults,
    keys_of_rows,
    keys_of_strings,
    name_archs,
    settle_space,
    space_of_rows,
    strings_of_keys,
)
from tests.spaces.endless import Endless
from tests.spaces.indexed import Indexed
from tests.spaces.toy import Toy

COLUMNS = {
    "nb201": ("nb201_index", "arch_str"),
    "indexed": ("space", "arch_index", "arch"),
    "toy": ("space", "arch"),
    "endless": ("space", "arch"),
}
SPACES: list[Space] = [load_space(), Indexed(), Toy(), Endless()]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_what_names_an_architecture_is_found_again(space: Space) -> None:
    keys = np.array(space.prefix(50))
    rows = pd.DataFrame(name_archs(keys, space))
    assert tuple(rows.columns) == arch_columns(space).names == COLUMNS[space.name]
    assert all(not fault.rows.any() for fault in arch_faults(rows, space))
    assert keys_of_rows(rows, space).tolist() == keys.tolist()
    assert list(strings_of_keys(keys, space)) == list(rows[arch_columns(space).text])


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("most", [0, 10**6], ids=["parsed", "listed"])
def test_strings_are_looked_up_whether_or_not_all_are_listed(
    space: Space, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "MOST_LISTED", most)
    lookup._listed.cache_clear()
    lookup._lookup.cache_clear()
    keys = space.prefix(4)
    texts = [space.format(space.at(key)) for key in keys]
    asked = pd.Series([texts[0], "nonsense", texts[1], None, texts[0], [texts[2]], texts[3]])
    expected = [keys[0], -1, keys[1], -1, keys[0], -1, keys[3]]
    assert keys_of_strings(asked, space).tolist() == expected
    lookup._listed.cache_clear()
    lookup._lookup.cache_clear()


def test_rows_of_two_spaces_are_refused() -> None:
    rows = pd.DataFrame({"space": ["toy", "macro"], "arch": ["ppp/xxx", "00000000"]})
    with pytest.raises(DataError, match="column 'space' names 'toy', 'macro'; a file holds one"):
        space_of_rows(rows, "it", DataError)
    with pytest.raises(DataError, match="column 'space' names"):
        space_of_rows(rows.assign(space=["toy", None]), "it", DataError)


def test_a_file_without_a_name_is_of_the_space_whose_index_it_has_or_of_the_one_asked_for() -> None:
    assert space_of_rows(pd.DataFrame({"nb201_index": [1]}), "it", DataError) == "nb201"
    assert space_of_rows(pd.DataFrame({"arch": ["ppp/xxx"]}), "it", DataError) is None
    toy = Toy()
    assert settle_space(None, toy, "it", DataError) is toy
    assert settle_space(None, None, "it", DataError).name == "nb201"
    with pytest.raises(DataError, match="it is of the space 'nb201', and 'toy' was asked for"):
        settle_space("nb201", toy, "it", DataError)
    with pytest.raises(DataError, match="space 'toy', which this version does not know"):
        settle_space("toy", None, "it", DataError)


def test_a_string_that_was_quoted_for_spreadsheets_is_found() -> None:
    space = Endless()
    texts = pd.Series(["'-ik", "-ik", "'ik"])
    key = space.key(space.parse("-ik"))
    assert keys_of_strings(texts, space).tolist() == [key, key, -1]
