"""What the kill run counts: the receiver's log held against what was committed, rule by rule. It asks Kubewa nothing."""

import bisect
import collections
import dataclasses
import math

# Where the kill run sends to, beside the URLs of the records.
ENVIRONMENT, ALL, TRANSACTIONS = "/environment", "/all", "/transactions"
ORDERED, ORDERED_BY_RECORD = "/ordered", "/ordered-by-record"
PARTS, GAPS = "/parts", "/gaps"
# What the endpoints ask for, and which of it is split.
TYPES = {TRANSACTIONS: ("transaction.",), PARTS: ("transaction.",), GAPS: ("transaction.", "balance.")}
SPLIT = ("transaction.success", "transaction.updated", "transaction.removed")
# A request that was under way when its sender was killed may be read so much later, where the receiver is starved.
KILLED_SECONDS = 2
# Times are told in whole milliseconds.
CLOCK_MS = 2
SHOWN = 5


@dataclasses.dataclass
class Event:
    """As the feed tells it: its place in the list is its place in the order of commits."""
    id: str
    type: str
    record: str | None
    rows: list
    at: str = ""


@dataclasses.dataclass
class Attempt:
    """A delivered one, as Kubewa has logged it: the delivery was completed with it. Milliseconds."""
    path: str
    id: str
    replay: str | None
    began: int
    ended: int


@dataclasses.dataclass
class Kill:
    """From when until when something may have been cut off by it."""
    began: float
    over: float
    # When a killed sender was gone; 0 where all senders lived on.
    gone: float = 0


@dataclasses.dataclass
class Committed:
    """What there is at the end, when nothing waits any more."""
    events: list
    users: dict
    log: list = dataclasses.field(default_factory=list)
    kills: list = dataclasses.field(default_factory=list)
    # Each as the API shows it, and the bodies that were asked for, by key.
    replays: list = dataclasses.field(default_factory=list)
    asked: dict = dataclasses.field(default_factory=dict)


def is_taken(line):
    return line["answer"] in ("200", "slow")


def is_replayed(line):
    return line["replayed"][0]


def parts_of(event):
    """The ids under which an event's rows come one by one."""
    if event.type in SPLIT and event.rows:
        return [f"{event.id}_{number}" for number in range(1, len(event.rows) + 1)]
    return [event.id]


def some(found):
    return f"such as {sorted(found)[:SHOWN]}"


class Counting:
    def __init__(self, lines, committed):
        self.lines = sorted(lines, key=lambda line: line["came"])
        self.committed = committed
        self.figures = collections.Counter()
        self.problems = []
        self.expected = self._expected()

    def run(self):
        self._arrivals()
        self._completed()
        self._sequences()
        self._ordered("ordered", ORDERED, lambda event: "")
        self._ordered("by_record", ORDERED_BY_RECORD, lambda event: event.record)
        self._parts()
        self._replays()
        return self.figures, self.problems

    def _find(self, what, found):
        """Counts what is wrong, zero too."""
        self.figures[what] += len(found)
        if found:
            self.problems.append(f"{len(found)} {what.replace('_', ' ')}, {some(found)}")

    def _at(self, path):
        return [line for line in self.lines if line["path"] == path]

    def _expected(self):
        """Every committed event for each of its destinations."""
        expected = set()
        for event in self.committed.events:
            expected |= {(path, event.id) for path in (ENVIRONMENT, ALL, ORDERED, ORDERED_BY_RECORD)}
            for path, types in TYPES.items():
                if event.type.startswith(types):
                    expected |= {(path, id) for id in (parts_of(event) if path == PARTS else [event.id])}
            if event.record in self.committed.users:
                expected.add((self.committed.users[event.record], event.id))
        return expected

    # MARK: every endpoint

    def _arrivals(self):
        taken = [line for line in self.lines if is_taken(line)]
        live = [line for line in taken if not is_replayed(line)]
        came = {(line["path"], line["id"]) for line in taken}
        bodies = collections.defaultdict(set)
        for line in self.lines:
            bodies[line["path"], line["id"], is_replayed(line)].add(line["body"])
        self._find("lost", self.expected - came)
        self._find("invented", {(line["path"], line["id"]) for line in self.lines} - self.expected)
        self._find("forged", {line["id"] for line in self.lines if not line["genuine"] or line["id"] != line["named"]})
        self._find("changed", {key for key, hashes in bodies.items() if len(hashes) > 1})
        self.figures.update(
            events=len(self.committed.events), deliveries=len(self.expected), received=len(self.lines),
            refused=len(self.lines) - len(taken),
            duplicates=len(live) - len({(line["path"], line["id"]) for line in live}))

    def _completed(self):
        """What is completed is in the log of attempts, once, and does not come again: it is at most read late."""
        ends = collections.defaultdict(list)
        for attempt in self.committed.log:
            ends[attempt.path, attempt.id, attempt.replay is not None].append(attempt.ended)
        live = {key[:2]: times for key, times in ends.items() if not key[2]}
        self._find("completed_twice", {key for key, times in live.items() if len(times) > 1})
        self._find("not_logged", {key for key in self.expected - live.keys() if key[0] != GAPS})
        late = set()
        for line in self.lines:
            known = ends.get((line["path"], line["id"], is_replayed(line)))
            if known and line["at"] * 1000 > max(known) + CLOCK_MS and not self._was_under_way(line):
                late.add((line["path"], line["id"]))
        self._find("came_after_completed", late)

    def _was_under_way(self, line):
        """Whether its sender may have been killed when it was sent: the next one has sent it again meanwhile."""
        return any(
            kill.began <= line["at"] <= kill.gone + KILLED_SECONDS and line["sent"] <= kill.gone
            for kill in self.committed.kills)

    def _sequences(self):
        """By the receiver's log alone: each number of a record is one event, and none is missing. The number of a
        transaction that was rolled back is given again, so an event of one would show here as a second one."""
        records = collections.defaultdict(lambda: collections.defaultdict(set))
        for line in self.lines:
            if line["record"]:
                # A part has its event's number.
                records[line["record"]][line["sequence"]].add("_".join(line["id"].split("_")[:2]))
        for record, numbers in records.items():
            if set(numbers) != set(range(1, len(numbers) + 1)):
                self.problems.append(f"{record}: the sequence has gaps up to {max(numbers)}")
            doubled = [number for number, ids in numbers.items() if len(ids) > 1]
            if doubled:
                self.problems.append(f"{record}: two events have the number {doubled[:SHOWN]}")

    # MARK: order

    def _was_killed(self, after, before):
        return any(kill.began <= before and after <= kill.over + KILLED_SECONDS for kill in self.committed.kills)

    def _ordered(self, name, path, lane_of):
        """Where order is kept: an event comes only when the one before it was taken, one at a time, and each request is
        the same again after one that was not taken, or the next one after one that was. A kill alone lets the
        sender go back, and then only to what was not completed."""
        order, place = collections.defaultdict(list), {}
        for event in self.committed.events:
            place[event.id] = (lane_of(event), len(order[lane_of(event)]))
            order[lane_of(event)].append(event.id)
        lanes = collections.defaultdict(list)
        for line in self._at(path):
            if line["id"] in place:
                lanes[place[line["id"]][0]].append(line)
        overtook, astray, beside = set(), set(), set()
        for lane, lines in lanes.items():
            at = {line["came"]: line["at"] for line in lines}
            taken, last = {}, None
            for line in lines:
                if is_taken(line):
                    taken[line["id"]] = min(line["written"], taken.get(line["id"], math.inf))
            for line in lines:
                number = place[line["id"]][1]
                if number > 0 and taken.get(order[lane][number - 1], math.inf) > line["came"]:
                    overtook.add(line["id"])
                if last and number != place[last["id"]][1] + is_taken(last):
                    if not self._was_killed(last["at"], line["at"]):
                        astray.add(line["id"])
                if any(other in at and not self._was_killed(at[other], line["at"]) for other in line["beside"]):
                    beside.add(line["id"])
                last = line
            self.figures[f"{name}_events"] += len(taken)
            self.figures[f"{name}_repeated"] += sum(is_taken(line) for line in lines) - len(taken)
        self._find(f"{name}_overtook", overtook)
        self._find(f"{name}_went_astray", astray)
        self._find(f"{name}_beside_another", beside)

    # MARK: parts

    def _parts(self):
        """One webhook a row: the rows of the event, as it is told whole elsewhere, each under one id."""
        known = {id: (event, number) for event in self.committed.events
                 for number, id in enumerate(parts_of(event), start=1)}
        rows = {event.id: event.rows for event in self.committed.events}
        wrong, ids = set(), collections.defaultdict(set)
        for line in self._at(PARTS):
            event, number = known.get(line["id"], (None, 0))
            if not event:
                continue
            if event.type in SPLIT and event.rows:
                wanted = [number, len(event.rows)], [event.rows[number - 1]]
                for row in line["ids"]:
                    ids[event.id, row].add(line["id"])
            else:
                wanted = [None, None], event.rows
            if (line["part"], line["ids"]) != wanted:
                wrong.add(line["id"])
        self._find("parts_wrong", wrong)
        self._find("parts_under_two_ids", {row for row, found in ids.items() if len(found) > 1})
        self._find("told_otherwise", {
            line["id"] for line in self._at(ALL) if line["id"] in rows and line["ids"] != rows[line["id"]]})
        taken = [line["id"] for line in self._at(PARTS) if is_taken(line)]
        self.figures["parts"] += sum(path == PARTS for path, _ in self.expected)
        self.figures["parts_repeated"] += len(taken) - len(set(taken))

    # MARK: replays

    def _replays(self):
        """A replay accounts for each event that it queued, each came with its id and says that it is replayed; a range
        is all of its events, and what was never attempted did not come before."""
        lines = collections.defaultdict(list)
        for line in self._at(GAPS):
            lines[line["id"]].append(line)
        sent = collections.defaultdict(list)
        for attempt in self.committed.log:
            if attempt.replay:
                sent[attempt.replay].append(attempt)
        replays = self.committed.replays
        self._find("replays_unaccounted", {
            each["id"] for each in replays
            if each["status"] != "done" or each["waiting"] or each["failed"] or each["dropped"]
            or not each["queued"] == each["delivered"] == len(sent[each["id"]])
            or len({attempt.id for attempt in sent[each["id"]]}) != each["queued"]})
        self._find("replays_not_as_asked", self._not_as_asked(sent))
        self._find("replayed_not_arrived", {
            attempt.id for attempts in sent.values() for attempt in attempts
            if not any(self._is_attempt(attempt, line) for line in lines[attempt.id])})
        never = {each["id"] for each in replays if each["request"].get("never_attempted")}
        self._find("replayed_although_attempted", {
            attempt.id for id in never for attempt in sent[id]
            if lines[attempt.id] and not is_replayed(lines[attempt.id][0])})
        known = {attempt.id for attempts in sent.values() for attempt in attempts}
        self._find("replayed_unasked", {
            line["id"] for line in self.lines if any(line["replayed"])
            and (not all(line["replayed"]) or line["path"] != GAPS or line["id"] not in known)})
        replayed = sum(is_taken(line) and is_replayed(line) for line in self._at(GAPS))
        all_sent = sum(len(attempts) for attempts in sent.values())
        self.figures.update(replays=len(replays), replayed=all_sent, replayed_repeated=replayed - all_sent)

    @staticmethod
    def _is_attempt(attempt, line):
        return (is_replayed(line) and is_taken(line)
                and attempt.began - CLOCK_MS <= line["at"] * 1000 <= attempt.ended + CLOCK_MS)

    def _not_as_asked(self, sent):
        """What was asked for under a key was begun once; a range is exactly its events."""
        def text(request):
            return str(sorted(request.items()))

        asked = collections.Counter(text(body) for body in self.committed.asked.values())
        made = collections.Counter(text(each["request"]) for each in self.committed.replays)
        wrong = {f"begun unasked: {body}" for body in made - asked} | {f"not begun: {body}" for body in asked - made}
        wanted = [event for event in self.committed.events if event.type.startswith(TYPES[GAPS])]
        times = sorted((event.at, event.id) for event in wanted)
        for each in self.committed.replays:
            request = each["request"]
            if "to" in request:
                first = bisect.bisect_left(times, (request["from"], ""))
                last = bisect.bisect_left(times, (request["to"], "~"))
                if {id for _, id in times[first:last]} != {attempt.id for attempt in sent[each["id"]]}:
                    wrong.add(each["id"])
        return wrong
