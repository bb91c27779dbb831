"""service/core/cron against what others make of a crontab line: croniter, and a model of Vixie cron's loop.

Lines are made as sets of numbers first and written down second, so that no test has to read one. Every run draws other
lines; CRON_SEED repeats one.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from croniter.croniter import CroniterBadDateError

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = ROOT / "build/cron_next"
SEED = int(os.environ.get("CRON_SEED", random.SystemRandom().randrange(1_000_000_000)))

MINUTE = 60_000
DAY = 24 * 60 * MINUTE

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
WEEKDAYS = "sun mon tue wed thu fri sat".split()
RANGES = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}
NAMES = {"month": (1, MONTHS), "weekday": (0, WEEKDAYS)}


@pytest.fixture(scope="module", autouse=True)
def program() -> None:
    subprocess.run(["make", "-s", "-C", ROOT, str(PROGRAM.relative_to(ROOT))], check=True)
    print(f"CRON_SEED={SEED}")


def ask(requests: list[str]) -> list[str]:
    done = subprocess.run([PROGRAM], input="\n".join(requests) + "\n", capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


# ---- lines


@dataclass(frozen=True)
class Field:
    text: str
    numbers: frozenset[int]

    @property
    def star(self) -> bool:
        return self.text.startswith("*")


@dataclass(frozen=True)
class Line:
    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field

    def __str__(self) -> str:
        return " ".join(f.text for f in (self.minute, self.hour, self.day, self.month, self.weekday))

    @property
    def either_day(self) -> bool:
        return not (self.day.star or self.weekday.star)

    @property
    def follows_clock(self) -> bool:
        return self.minute.star or self.hour.star


def spelt(rng: random.Random, kind: str, number: int) -> str:
    base, names = NAMES.get(kind, (0, []))
    if 0 <= number - base < len(names) and rng.random() < 0.5:
        return rng.choice([str.lower, str.upper, str.title])(names[number - base])
    return str(number)


def element(rng: random.Random, kind: str) -> tuple[str, set[int]]:
    low, high = RANGES[kind]
    form = rng.choice(["number", "number", "range", "range step", "star step"])
    if form == "number":
        number = rng.randint(low, high)
        return spelt(rng, kind, number), {number}
    first, last = (low, high) if form == "star step" else sorted((rng.randint(low, high), rng.randint(low, high)))
    text = "*" if form == "star step" else f"{spelt(rng, kind, first)}-{spelt(rng, kind, last)}"
    if form == "range":
        return text, set(range(first, last + 1))
    step = rng.randint(1, high - low + 2)
    return f"{text}/{step}", set(range(first, last + 1, step))


def field(rng: random.Random, kind: str, star: float) -> Field:
    low, high = RANGES[kind]
    if rng.random() < star:
        return Field("*", frozenset(n % 7 if kind == "weekday" else n for n in range(low, high + 1)))
    elements = [element(rng, kind) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
    numbers = set().union(*(found for _, found in elements))
    if kind == "weekday":
        numbers = {number % 7 for number in numbers}
    return Field(",".join(text for text, _ in elements), frozenset(numbers))


def random_line(rng: random.Random, star: float = 0.4) -> Line:
    return Line(*(field(rng, kind, star) for kind in RANGES))


# ---- croniter


def written(numbers: Iterable[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


def croniter_next(text: str, after: int) -> int | None:
    """With both day fields to match. None when it finds nothing in the 50 years in which it looks."""
    try:
        found = croniter(text, after / 1000, day_or=False).get_next(float)
    except CroniterBadDateError:
        return None
    return round(found * 1000)


def by_length_of_month(days: frozenset[int], months: frozenset[int]) -> list[tuple[set[int], set[int]]]:
    """Days and months in parts, so that no part has a day that one of its months lacks, but for 29 February alone."""
    if max(days) <= 28 or len(days) == 31:
        return [({*days}, {*months})]
    return [
        (days & part, months & of_length)
        for part, of_length in [
            ({*range(1, 32)}, {1, 3, 5, 7, 8, 10, 12}),
            ({*range(1, 31)}, {4, 6, 9, 11}),
            ({*range(1, 29)}, {2}),
            ({29}, {2}),
        ]
        if days & part and months & of_length
    ]


def expected_by_croniter(line: Line, after: int) -> int | None:
    """What croniter 1.3.5 makes of a line, asked around the two points in which it is not crontab(5):

    - It applies the day rule to what a field comes to: */2 is no star to it, and 1-31 is one. Vixie cron looks at the
      first character. So the rule is decided here, and each side of an "or" asked for by itself.
    - In a month that lacks the next day of a list (1,31 in April), it counts on to where that day would be, and passes
      over the first days of the next month. So months of different lengths are asked for by themselves.
    """
    minute, hour, day, month, weekday = (
        written(f.numbers) for f in (line.minute, line.hour, line.day, line.month, line.weekday)
    )
    assert croniter.expand(str(line))[0] == croniter.expand(f"{minute} {hour} {day} {month} {weekday}")[0]
    by_day = weekday if not line.either_day else "*"
    texts = [
        f"{minute} {hour} {written(days)} {written(months)} {by_day}"
        for days, months in by_length_of_month(line.day.numbers, line.month.numbers)
    ]
    if line.either_day:
        texts.append(f"{minute} {hour} * {month} {weekday}")
    return min((found for text in texts if (found := croniter_next(text, after)) is not None), default=None)


def test_ten_thousand_lines_as_croniter_has_them() -> None:
    rng = random.Random(SEED)
    first, last = (int(datetime(year, 1, 1, tzinfo=timezone.utc).timestamp()) * 1000 for year in (1970, 2100))
    cases = [(random_line(rng), rng.randrange(first, last)) for _ in range(10_000)]
    cases += [(line, after // MINUTE * MINUTE) for line, after in cases[:1000]]
    lacking = {"day": Field("30,31", frozenset({30, 31})), "month": Field("feb", frozenset({2}))}
    cases += [(replace(line, **lacking), after) for line, after in cases[:50]]
    answers = ask([f"next {after} {line}" for line, after in cases])
    never = 0
    for (line, after), answer in zip(cases, answers, strict=True):
        expected = expected_by_croniter(line, after)
        never += expected is None
        assert answer == ("never" if expected is None else str(expected)), f"{line} after {after}; CRON_SEED={SEED}"
    assert 0 < never < 500


# ---- Vixie cron's loop


def offset(zone: ZoneInfo, at: int) -> int:
    utc = datetime.fromtimestamp(at / 1000, timezone.utc)
    return int(utc.astimezone(zone).utcoffset() / timedelta(milliseconds=1))


def changes(zone: ZoneInfo, first: int, last: int) -> list[tuple[int, int]]:
    """Every change of the zone, to the minute, and the offset from there on."""
    found = []
    for day in range(first, last, DAY):
        if offset(zone, day) == offset(zone, day + DAY):
            continue
        at = next(at for at in range(day, day + DAY + 1, MINUTE) if offset(zone, at) != offset(zone, day))
        found.append((at, offset(zone, at)))
    return found


class Clock:
    """The local minutes of some days, as a wall clock shows them, and what cron does at each."""

    def __init__(self, zone: ZoneInfo, first: int, last: int) -> None:
        self.ticks: list[tuple[int, list[int], int]] = []
        virtual = (first + offset(zone, first)) // MINUTE
        for at in range(first + MINUTE, last + 1, MINUTE):
            shown = (at + offset(zone, at)) // MINUTE
            ahead = shown - virtual - 1  # the clock went on by so much more than the minute that passed
            if ahead < 0 and ahead >= -180:  # it went back: fixed times have been
                fixed = []
            elif ahead > 180 or ahead < -180:  # it was set: begin anew
                fixed = [shown]
                virtual = shown
            else:  # what it left out is made up for
                fixed = list(range(virtual + 1, shown + 1))
                virtual = shown
            self.ticks.append((at, fixed, shown))

    def due(self, line: Line) -> list[int]:
        matching = {m: matches(line, m) for _, fixed, shown in self.ticks for m in (*fixed, shown)}
        if line.follows_clock:
            return [at for at, _, shown in self.ticks if matching[shown]]
        return [at for at, fixed, _ in self.ticks if any(matching[m] for m in fixed)]


def matches(line: Line, minute: int) -> bool:
    local = datetime(1970, 1, 1) + timedelta(minutes=minute)
    day = local.day in line.day.numbers
    weekday = local.isoweekday() % 7 in line.weekday.numbers
    return (
        local.minute in line.minute.numbers
        and local.hour in line.hour.numbers
        and local.month in line.month.numbers
        and ((day or weekday) if line.either_day else (day and weekday))
    )


def lines_around(rng: random.Random, shown: datetime) -> list[Line]:
    """Lines that have much to do at about that hour: a change is nothing to most lines."""
    def near(kind: str, number: int) -> Field:
        low, high = RANGES[kind]
        numbers = {low + (number + rng.randint(-2, 2) - low) % (high - low + 1) for _ in range(rng.randint(1, 3))}
        return Field(",".join(map(str, sorted(numbers))), frozenset(numbers))

    found = []
    for _ in range(25):
        hour = rng.choice([near("hour", shown.hour), near("hour", shown.hour), field(rng, "hour", 0.5)])
        day = rng.choice([near("day", shown.day), field(rng, "day", 0.8)])
        found.append(Line(field(rng, "minute", 0.2), hour, day, field(rng, "month", 1), field(rng, "weekday", 0.8)))
    return found


ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Pacific/Apia"]


@pytest.mark.fault("10.3")
@pytest.mark.parametrize("name", ZONES)
def test_zone_changes_as_vixie_cron_meets_them(name: str) -> None:
    rng = random.Random(f"{SEED} {name}")
    zone = ZoneInfo(name)
    year = 2011 if name == "Pacific/Apia" else rng.randrange(2016, 2037)  # Samoa had no 30 December 2011
    first, last = (int(datetime(y, 1, 1, tzinfo=timezone.utc).timestamp()) * 1000 for y in (year - 1, year + 2))
    known = changes(zone, first, last)
    requests = [f"zone {offset(zone, first)} " + " ".join(f"{at} {then}" for at, then in known)]
    expected = []
    within = [at for at, _ in known if year == datetime.fromtimestamp(at / 1000, timezone.utc).year]
    assert len(within) >= 2
    for change in within:
        start, end = change - DAY - MINUTE // 2, change + 2 * DAY
        clock = Clock(zone, change - DAY - MINUTE, end)
        shown = datetime(1970, 1, 1) + timedelta(milliseconds=change + offset(zone, change - 1))
        for line in lines_around(rng, shown):
            requests.append(f"all {start} {end} {line}")
            expected.append((line, [at for at in clock.due(line) if at > start]))
    answers = ask([requests[0].strip(), *requests[1:]])
    assert any(due for _, due in expected)
    for (line, due), answer in zip(expected, answers, strict=True):
        assert [int(at) for at in answer.split()] == due, f"{line} in {name}, {year}; CRON_SEED={SEED}"
