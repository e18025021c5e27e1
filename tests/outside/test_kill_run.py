"""A short kill run on each database (the long one is scripts/kill-run), and that its counting can fail."""

import collections
import json

import pytest

from kill_run import Segment

KILLS = 20


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_kills_at_random_moments_lose_and_invent_nothing(kind, tmp_path):
    result = Segment(kind, tmp_path / "run", KILLS, seed="ci").run()
    print(json.dumps(result))
    assert result["problems"] == []
    assert result["kills"] == KILLS
    assert result["calls_cut"] > 0, "no kill came in the middle of a call"
    assert result["deliveries"] > 500, "there was load"


def line(**members):
    made = {
        "path": "/environment", "id": "evt_1", "named": "evt_1", "genuine": True, "sequence": 1, "record": "r",
        "body": "b", "answer": "200", "rows": [],
    }
    return {**made, **members}


@pytest.fixture
def counted(tmp_path):
    """What is found wrong with a log, where the events 1 and 2 were committed and `Load 1` was asked for."""

    class Fixed(Segment):
        def _expected(self):
            return {("/environment", "evt_1"), ("/environment", "evt_2")}

        def _link_names(self):
            return []

    def count(*lines):
        segment = Fixed("sqlite", tmp_path, 0, "fixed")
        segment.receiver_log = tmp_path / "received.log"
        segment.receiver_log.write_text("".join(json.dumps(each) + "\n" for each in lines))
        segment.load = type("Load", (), {"wrong": [], "texts": ["Load 1"], "links": [], "figures": {}})
        return segment._check(), segment.figures

    return count


def test_the_counting_finds_what_is_wrong(counted):
    first, second = line(rows=[["t1", "Load 1"]]), line(id="evt_2", named="evt_2", sequence=2)
    assert counted(first, second)[0] == []
    problems, figures = counted(first, second, first)
    assert problems == [] and figures["duplicates"] == 1, "a repeated one is told, and is no fault"

    def is_found(what, *lines):
        assert any(what in each for each in counted(*lines)[0]), counted(*lines)

    is_found("1 lost", first)
    is_found("1 lost", first, {**second, "answer": "503"})
    is_found("1 lost", first, {**second, "answer": "cut"})
    is_found("1 invented", first, second, line(id="evt_3", named="evt_3", sequence=3))
    is_found("two events have the number", first, second, line(id="evt_3", named="evt_3", sequence=2))
    is_found("the sequence has gaps", first, {**second, "sequence": 3})
    is_found("1 forged", first, {**second, "genuine": False})
    is_found("1 forged", first, {**second, "named": "evt_1"})
    is_found("1 changed", first, second, {**second, "body": "c"})
    is_found("never told of", line(), second)
    is_found("nobody asked for", first, {**second, "rows": [["t2", "Load 2"]]})
    is_found("made twice", first, {**second, "rows": [["t2", "Load 1"]]})
    assert collections.Counter(counted(first, second)[1])["lost"] == 0
