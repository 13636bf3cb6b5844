"""`harness space show`: an architecture of each space, in words, as JSON and as a picture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from harness.spaces import REGISTRY
from tests.cli.commandline import Invoke

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|"
GENERATOR = "ws(4,2,0.60)-er(2,0.70)-ws(3,4,0.20)"
EACH = {
    "nb201": (CELL, ["  1 <- nor_conv_3x3 of input", "  output <- avg_pool_3x3 of 2"]),
    "macro": ("22212220", ["  mbconv5_e6 <- input", "  output <- identity"]),
    "transnas-micro": ("64-41414-1_02_333", ["  1 <- skip_connect of input"]),
    "transnas-macro": ("64-1234-basic", ["  normal <- input"]),
    "nb101": ("110011:12", ["  conv1x1 <- input", "  output <- conv1x1, maxpool3x3"]),
    "nb101-ss1": ("0-01-12-23-34:2222", ["  maxpool3x3 <- input"]),
    "nb101-ss2": ("0-1-02-12-012:0122", ["  conv1x1 <- conv3x3"]),
    "nb101-ss3": ("0-0-0-12-34-05:00000", ["  conv3x3 <- conv3x3, conv3x3"]),
    "nago": (GENERATOR, ["top, draw 0:", "  0: stage 1", "  1 <- 0", "  2 <- 0, 1"]),
}
"""Of each space an architecture, and lines that are said of it."""


@pytest.mark.parametrize("space", REGISTRY)
def test_the_space_of_a_string_is_found_and_its_graphs_are_told(space: str, invoke: Invoke) -> None:
    text, lines = EACH[space]
    found = invoke("space", "show", text)
    assert found.code == 0, found.err
    assert f"Space '{space}': {text}" in found.out
    for line in lines:
        assert line in found.out.splitlines()


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_picture_is_drawn_the_same_each_time(kind: str, invoke: Invoke, tmp_path: Path) -> None:
    first, again = tmp_path / f"one.{kind}", tmp_path / f"two.{kind}"
    for path in (first, again):
        assert invoke("space", "show", GENERATOR, "--out", path).code == 0
    assert first.read_bytes() == again.read_bytes()
    if kind == "png":
        with Image.open(first) as image:
            assert len(image.getcolors(2**16) or ()) > 20  # boxes, arrows and letters
    if kind == "svg":
        # an arrow for each edge: 4 nodes of a ring, 2 and 3 nodes all joined
        graphs = json.loads(invoke("space", "show", GENERATOR, "--json").out)["graphs"]
        n_edges = sum(len(graph["edges"]) for graph in graphs)
        assert n_edges == 4 + 1 + 3
        assert first.read_text().count("patch_") >= n_edges


def test_seeds_in_a_row_show_one_network_of_a_generator(invoke: Invoke) -> None:
    many = "ws(10,4,0.60)-er(1,0.70)-ws(6,4,0.20)"
    shown = [
        json.loads(invoke("space", "show", many, "--seed", seed, "--json").out)["graphs"]
        for seed in (0, 1, 2)
    ]
    assert shown[0] == shown[1] != shown[2]


def test_an_index_is_read_where_the_space_has_one(invoke: Invoke) -> None:
    assert "nor_conv_3x3" in invoke("space", "show", "6111", "--space", "nb201").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no architecture",), "is no architecture of any space"),
        (("ws(2,2,0.60)-er(2,0.70)-ws(3,4,0.20)", "--space", "nago"), "nodes is 3 to 10"),
        ((GENERATOR, "--out", "one.gif"), "pictures end in .png, .svg, .pdf"),
        (("k-k", "--space", "tests.spaces.endless:Endless", "--out", "a.png"), "no pictures"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    arguments: tuple[str, ...], said: str, invoke: Invoke
) -> None:
    found = invoke("space", "show", *arguments)
    assert found.code != 0
    assert said in found.err
