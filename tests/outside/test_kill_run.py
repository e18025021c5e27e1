"""A short kill run on each database (the long one is scripts/kill-run), and that its counting can fail."""

import copy
import json

import pytest

from kill_counting import (
    ALL, ENVIRONMENT, GAPS, ORDERED, ORDERED_BY_RECORD, PARTS, TRANSACTIONS, Attempt, Committed, Counting, Event, Kill)
from kill_run import Segment

KILLS = 20
# A node that is starved for less than that keeps its lanes: only a kill is to give them to the other one.
LEASE_SECONDS = 6


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_kills_at_random_moments_lose_and_invent_nothing(kind, tmp_path):
    result = Segment(kind, tmp_path / "run", KILLS, seed="ci", lease_seconds=LEASE_SECONDS).run()
    print(json.dumps(result))
    assert result["problems"] == []
    assert result["kills"] == KILLS
    assert result["calls_cut"] > 0, "no kill came in the middle of a call"
    assert result["deliveries"] > 500, "there was load"
    assert result["kills_while_held"] > 0, "no kill came while an answer was held where order is kept"
    assert result["ordered_repeated"] + result["by_record_repeated"] > 0, "what was not answered comes again"
    assert result["parts"] > 100 and result["replayed"] > 20 and result["kills_during_replays"] > 0


# MARK: that the counting can fail


class World:
    """A log of three events, as it is when all is well: two of the record r, which tell of the rows t1, t2 and t3, and
    one of the environment. The second was replayed to the endpoint that was disabled when it was committed."""

    def __init__(self):
        self.events = [
            Event("evt_1", "transaction.success", "r", ["t1", "t2"], at="2026-01-01T00:00:01.000Z"),
            Event("evt_2", "transaction.updated", "r", ["t3"], at="2026-01-01T00:00:02.000Z"),
            Event("evt_3", "institution.down", None, [], at="2026-01-01T00:00:03.000Z"),
        ]
        self.kills = []
        self.replays = [{
            "id": "rpl_1", "status": "done", "waiting": 0, "failed": 0, "dropped": 0, "queued": 1, "delivered": 1,
            "request": {"never_attempted": True},
        }]
        self.asked = {"Replay 1": {"never_attempted": True}}
        self.lines, self.log = [], []
        for event in self.events:
            paths = [ENVIRONMENT, ALL, ORDERED, ORDERED_BY_RECORD] + [TRANSACTIONS, GAPS] * bool(event.rows)
            for path in paths + ["/payee"] * (event.record == "r"):
                self.come(path, event, event.id, replay="rpl_1" if (path, event.id) == (GAPS, "evt_2") else None)
            for number, row in enumerate(event.rows, start=1):
                self.come(PARTS, event, f"{event.id}_{number}", part=[number, len(event.rows)], ids=[row])

    def come(self, path, event, id, replay=None, part=(None, None), ids=None):
        came = 10 * (len(self.lines) + 1)
        self.lines.append({
            "path": path, "id": id, "named": id, "genuine": True, "sequence": int(event.id[-1]), "record": event.record,
            "body": "b", "answer": "200", "rows": [], "at": float(came), "sent": came, "came": came,
            "written": came + 1, "beside": [], "replayed": [replay is not None] * 2, "part": list(part),
            "ids": event.rows if ids is None else ids,
        })
        self.log.append(Attempt(path, id, replay, came * 1000, came * 1000))

    def of(self, path, id):
        """The lines of an event at a path, the newest last."""
        return [line for line in self.lines if (line["path"], line["id"]) == (path, id)]

    def attempt(self, path, id):
        return next(each for each in self.log if (each.path, each.id) == (path, id))

    def again(self, path, event, is_completed_with_it=True, **changes):
        """It comes once more, behind everything."""
        line = {**copy.deepcopy(self.of(path, event)[-1]), **changes}
        line["came"] = max(each["came"] for each in self.lines) + 10
        line["at"], line["sent"], line["written"] = float(line["came"]), line["came"], line["came"] + 1
        self.lines.append(line)
        if is_completed_with_it:
            attempt = self.attempt(path, event)
            attempt.began = attempt.ended = line["came"] * 1000
        return line

    def swap(self, path, one, other):
        """They come the other way round."""
        first, second = self.of(path, one)[0], self.of(path, other)[0]
        for name in ("came", "at", "sent", "written"):
            first[name], second[name] = second[name], first[name]
        first, second = self.attempt(path, one), self.attempt(path, other)
        first.began, first.ended, second.began, second.ended = second.began, second.ended, first.began, first.ended

    def remove(self, path, id):
        self.lines = [line for line in self.lines if (line["path"], line["id"]) != (path, id)]

    def kill(self, at):
        self.kills.append(Kill(at, at, at))

    def count(self):
        committed = Committed(self.events, {"r": "/payee"}, self.log, self.kills, self.replays, self.asked)
        return Counting(self.lines, committed).run()


def change(path, event, /, **members):
    return lambda world: world.of(path, event)[-1].update(members)


def test_nothing_is_found_where_all_is_well():
    figures, problems = World().count()
    assert problems == []
    assert (figures["ordered_events"], figures["by_record_events"], figures["parts"]) == (3, 3, 3)
    assert (figures["replays"], figures["replayed"], figures["duplicates"]) == (1, 1, 0)


def test_what_comes_again_is_told_and_is_no_fault():
    world = World()
    world.again(ENVIRONMENT, "evt_1")
    world.again(PARTS, "evt_1_2")
    world.again(GAPS, "evt_2")
    # Before it was completed, the sender was killed, and began anew with the first that was not completed.
    world.kill(world.lines[-1]["at"] + 5)
    for id in ("evt_2", "evt_3"):
        world.again(ORDERED, id)
    world.again(ORDERED_BY_RECORD, "evt_2", answer="503", is_completed_with_it=False)
    world.again(ORDERED_BY_RECORD, "evt_2", answer="200")
    figures, problems = world.count()
    assert problems == []
    assert (figures["ordered_repeated"], figures["by_record_repeated"]) == (2, 1)
    assert (figures["parts_repeated"], figures["replayed_repeated"], figures["duplicates"]) == (1, 1, 5)


def test_what_was_under_way_at_a_kill_may_be_read_late():
    world = World()
    world.kill(world.lines[-1]["at"] + 9)
    world.again(ALL, "evt_1", is_completed_with_it=False)["sent"] -= 2
    assert world.count()[1] == []


def second_event(world):
    world.of(ENVIRONMENT, "evt_2")[0]["sequence"] = 1


def gap(world):
    for line in world.lines:
        line["sequence"] = line["sequence"] + 1 if line["id"].startswith("evt_2") else line["sequence"]


def unknown(world):
    world.again(ENVIRONMENT, "evt_1", False, id="evt_4", named="evt_4", sequence=3)


def out_of_step(world):
    """A sender that goes back without having been killed."""
    world.again(ORDERED, "evt_2")
    world.again(ORDERED, "evt_3")


def back_too_late(world):
    """It was killed, but long before the last one came."""
    world.kill(world.of(ORDERED, "evt_3")[0]["at"] - 5)
    out_of_step(world)


def back_too_far(world):
    """After a kill, to what was completed."""
    world.kill(world.lines[-1]["at"] + 5)
    for id in ("evt_1", "evt_2", "evt_3"):
        world.again(ORDERED, id, is_completed_with_it=id != "evt_1")


def sent_after_a_kill(world):
    """It comes soon after a kill, but whoever was killed has not sent it."""
    world.kill(world.lines[-1]["at"] + 9)
    world.again(ALL, "evt_1", is_completed_with_it=False)


def read_too_late(world):
    """It says that it was sent before a kill, but nothing is under way for so long."""
    world.kill(world.lines[-1]["at"] + 5)
    world.again(ALL, "evt_1", is_completed_with_it=False)["sent"] -= 6


def before_the_answer(world):
    """The first one is not answered yet when the second comes."""
    first, second = world.of(ORDERED_BY_RECORD, "evt_1")[0], world.of(ORDERED_BY_RECORD, "evt_2")[0]
    second["beside"] = [first["came"]]


def before_it_was_taken(world):
    """The first one is refused, and taken when the second was already there."""
    world.of(ORDERED, "evt_1")[0]["answer"] = "503"
    world.kill(world.lines[-1]["at"] + 5)
    for id in ("evt_1", "evt_2", "evt_3"):
        world.again(ORDERED, id)


def under_two_ids(world):
    world.of(PARTS, "evt_1_2")[0]["ids"] = ["t1"]


def replayed_anew(world):
    world.replays.append({**world.replays[0], "id": "rpl_2", "queued": 0, "delivered": 0})


def in_another_range(world):
    world.replays[0]["request"] = world.asked["Replay 1"] = {
        "from": "2026-01-01T00:00:01.000Z", "to": "2026-01-01T00:00:02.000Z"}


def live_before(world):
    world.of(GAPS, "evt_2")[0]["replayed"] = [False, False]
    world.again(GAPS, "evt_2", replayed=[True, True])


@pytest.mark.parametrize(("what", "tamper"), [
    ("1 lost", lambda world: world.remove(ENVIRONMENT, "evt_1")),
    ("1 lost", change(ALL, "evt_2", answer="503")),
    ("1 lost", change(TRANSACTIONS, "evt_2", answer="cut")),
    ("1 lost", lambda world: world.remove("/payee", "evt_1")),
    ("1 lost", lambda world: world.remove(PARTS, "evt_1_2")),
    ("1 lost", lambda world: world.remove(GAPS, "evt_2")),
    ("1 invented", unknown),
    ("1 invented", change(PARTS, "evt_2_1", id="evt_2_2", named="evt_2_2")),
    ("1 forged", change(ENVIRONMENT, "evt_1", genuine=False)),
    ("1 forged", change(ENVIRONMENT, "evt_1", named="evt_2")),
    ("1 changed", lambda world: world.again(ALL, "evt_1", body="c")),
    ("two events have the number", second_event),
    ("the sequence has gaps", gap),
    ("1 not logged", lambda world: world.log.remove(world.attempt(ALL, "evt_1"))),
    ("1 completed twice", lambda world: world.log.append(world.attempt(ALL, "evt_1"))),
    ("1 came after completed", lambda world: world.again(ALL, "evt_1", is_completed_with_it=False)),
    ("1 ordered overtook", lambda world: world.swap(ORDERED, "evt_1", "evt_2")),
    ("1 ordered overtook", before_it_was_taken),
    ("1 by record overtook", lambda world: world.swap(ORDERED_BY_RECORD, "evt_1", "evt_2")),
    ("1 ordered went astray", out_of_step),
    ("1 ordered went astray", back_too_late),
    ("1 came after completed", back_too_far),
    ("1 came after completed", sent_after_a_kill),
    ("1 came after completed", read_too_late),
    ("1 by record beside another", before_the_answer),
    ("1 parts wrong", change(PARTS, "evt_1_1", part=[1, 3])),
    ("1 parts wrong", change(PARTS, "evt_2_1", part=[None, None])),
    ("1 parts wrong", change(PARTS, "evt_1_1", ids=["t1", "t2"])),
    ("1 parts under two ids", under_two_ids),
    ("1 told otherwise", change(ALL, "evt_1", ids=["t1"])),
    ("1 replays unaccounted", lambda world: world.replays[0].update(waiting=1)),
    ("1 replays unaccounted", lambda world: world.replays[0].update(status="running")),
    ("1 replays unaccounted", lambda world: world.replays[0].update(queued=2)),
    ("1 replays unaccounted", lambda world: world.replays[0].update(queued=2, delivered=2)),
    ("1 replays unaccounted", lambda world: world.log.remove(world.attempt(GAPS, "evt_2"))),
    ("1 replays not as asked", replayed_anew),
    ("1 replays not as asked", lambda world: world.asked.update(other={"from": "2026-01-01T00:00:01.000Z"})),
    ("1 replays not as asked", in_another_range),
    ("1 replayed not arrived", change(GAPS, "evt_2", replayed=[False, False])),
    ("1 replayed not arrived", lambda world: setattr(world.attempt(GAPS, "evt_2"), "ended", 1)),
    ("1 replayed although attempted", live_before),
    ("1 replayed unasked", change(GAPS, "evt_2", replayed=[True, False])),
    ("1 replayed unasked", change(GAPS, "evt_1", replayed=[True, True])),
    ("1 replayed unasked", change(ALL, "evt_1", replayed=[True, True])),
])
def test_the_counting_finds_what_is_wrong(what, tamper):
    world = World()
    tamper(world)
    assert any(what in each for each in world.count()[1]), world.count()


@pytest.fixture
def once(tmp_path):
    """What is found wrong with transactions, where `Load 1` was asked for."""

    class Fixed(Segment):
        def _link_names(self):
            return []

    segment = Fixed("sqlite", tmp_path, 0, "fixed")
    segment.load = type("Load", (), {"texts": ["Load 1"], "links": []})
    return lambda *rows: segment._once([{"rows": [list(row)]} for row in rows])


def test_the_counting_finds_changes_that_were_lost_doubled_or_invented(once):
    assert once(["t1", "Load 1"], ["t1", "Load 1"]) == []
    assert "never told of" in once()[0]
    assert "nobody asked for" in once(["t1", "Load 1"], ["t2", "Load 2"])[0]
    assert "made twice" in once(["t1", "Load 1"], ["t2", "Load 1"])[0]
