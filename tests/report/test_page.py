"""The page: one file, light, well formed, escaped, and with the finding's own numbers."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from evenfall.infer.series import Basis, Series
from evenfall.model.curfew import Curfew, Effect, SeriesFinding, Window
from evenfall.model.vocabulary import Scope, SeriesState, State
from evenfall.report.evening import Speed
from evenfall.report.page import PAGE_BYTES_MAX, Judged, Page, build_page
from evenfall.text.nights import answer, plain

VOID = {"meta", "link", "br", "hr", "img", "input", "wbr"}
SVG_LEAVES = {"path", "rect"}


class Strict(HTMLParser):
    """Refuses anything unbalanced, and keeps what a test wants to look at."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.rows: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        if tag == "tr":
            self.rows.append(0)
        if tag in {"td", "th"}:
            self.rows[-1] += int(dict(attrs).get("colspan") or 1)
        if tag not in VOID:
            self.open.append(tag)
        self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SVG_LEAVES, f"<{tag}/> is not closed in HTML"
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> crosses another element"

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.texts[tag][-1] += data


def parsed(html: str) -> Strict:
    """The page, parsed by the standard library's parser, every tag closed in order."""
    parser = Strict()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


@pytest.fixture(params=["slowed", "clear", "short", "empty"])
def page(request: pytest.FixtureRequest, slowed: Judged, clear: Judged, speeds: Any) -> Page:
    """A page of each kind of finding."""
    subject = request.getfixturevalue(request.param)
    others = [j for j in (slowed, clear) if j is not subject]
    own_speeds = speeds if request.param == "slowed" else ()
    return Page(subject=subject, others=others, speeds=own_speeds)


def test_it_is_well_formed_and_complete(page: Page) -> None:
    """Balanced tags, unique ids, one h1, tables whose rows are equally long, the parts in order."""
    html = build_page(page)
    parser = parsed(html)
    ids = [attrs["id"] for _, attrs in parser.seen if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert [tag for tag, _ in parser.seen].count("h1") == 1
    assert "What this does not show" in parser.texts["h2"]
    order = [html.index(mark) for mark in ("<h1>", 'class="sure"', 'class="limits"', "to check")]
    assert order == sorted(order)


def test_it_fetches_nothing_and_runs_nothing(page: Page) -> None:
    """No script, no address, no handler, no style attribute; the policy names the style's hash."""
    html = build_page(page)
    parser = parsed(html)
    assert not re.search(r"https?:|//[a-z]|url\((?!#h\))|@import|javascript:", html)
    for tag, attrs in parser.seen:
        assert tag not in {"script", "iframe", "object", "embed", "form", "link", "img", "base"}
        for name in attrs:
            assert not name.startswith("on"), f"<{tag} {name}>"
            assert name not in {"style", "src", "srcset", "action", "xlink:href"}, f"<{tag} {name}>"
    policy = next(a["content"] for t, a in parser.seen if "Content-Security-Policy" in a.values())
    style = hashlib.sha256(parser.texts["style"][0].encode()).digest()
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src ")
    assert base64.b64encode(style).decode() in policy


def test_it_is_light(page: Page) -> None:
    """Readers of this page are slowed: under 30 kB gzipped."""
    assert len(gzip.compress(build_page(page).encode(), 6)) < PAGE_BYTES_MAX


def test_the_heaviest_page_is_light_too(make_series: Callable[..., Series], slowed: Judged) -> None:
    """Ninety nights of noise, twelve services, and a speed for each pair."""
    series = make_series(nights=90, wild=True)
    speeds = [Speed(int(t), 123_457 + i * 977, 9_876_543 + i) for i, t in
              enumerate(series.started_us)]  # fmt: skip
    others = [
        Judged(series=make_series(f"s{i}", seed=i, wild=True), finding=slowed.finding)
        for i in range(12)
    ]
    subject = Judged(series=series, finding=slowed.finding, curfew=slowed.curfew)
    html = build_page(Page(subject=subject, others=others, speeds=speeds))
    assert len(gzip.compress(html.encode(), 6)) < PAGE_BYTES_MAX
    assert "34 older nights judged but not drawn" in html


def test_a_neutral_arm_that_carried_nothing_is_not_drawn(
    make_series: Callable[..., Series], slowed: Judged
) -> None:
    """A zero has no place on a log scale: the page is made, also where no neutral arm is left."""
    series = make_series()
    speeds = [
        Speed(int(at), 200_000, 0 if number % 3 == 0 else 9_000_000)
        for number, at in enumerate(series.started_us)
    ]
    subject = Judged(series=series, finding=slowed.finding, curfew=slowed.curfew)
    html = build_page(Page(subject=subject, others=[], speeds=speeds))
    assert "Mbit/s" in html
    silent = [speed._replace(control_bps=0) for speed in speeds]
    assert "Mbit/s" in build_page(Page(subject=subject, others=[], speeds=silent))


def test_the_same_input_gives_the_same_bytes(page: Page) -> None:
    """No clock, no random order."""
    assert build_page(page) == build_page(page)


def test_every_number_of_the_answer_is_the_findings(page: Page) -> None:
    """The headline says what the finding says, and emphasises nothing but that."""
    parser = parsed(build_page(page))
    subject = page.subject
    assert parser.texts["h1"][0].strip() == plain(answer(subject.finding, subject.curfew))
    allowed = {str(subject.finding.n), str(subject.finding.nights_measured)}
    if subject.curfew is not None:
        window = subject.curfew.windows[0]
        allowed |= {"13", "14", "41", window.start_local, window.end_local}
    for number in re.findall(r"\d+(?::\d+)?", parser.texts["h1"][0].replace(",", "")):
        assert number in allowed, number


def test_hostile_names_stay_text(slowed: Judged, speeds: list[Speed]) -> None:
    """Service, network, reasons and file names are foreign data."""
    bad = '"><script>alert(1)</script>{{7*7}}&amp;'
    series = Series(**{**slowed.series.__dict__, "service": bad, "network": bad})
    assert slowed.curfew is not None
    curfew = Curfew(**{
        **{f: getattr(slowed.curfew, f) for f in slowed.curfew.__struct_fields__},
        "service": bad, "network": bad, "scope_because": bad, "exceptions": (bad,),
        "caveats": (bad,), "unmeasured": (bad,), "rule_id": bad, "isolated": False,
        "scope": Scope.UNDETERMINED,
    })  # fmt: skip
    finding = SeriesFinding(**{
        **{f: getattr(slowed.finding, f) for f in slowed.finding.__struct_fields__},
        "service": bad, "network": bad, "reason": bad,
    })  # fmt: skip
    subject = Judged(series=series, finding=finding, curfew=curfew)
    html = build_page(
        Page(subject=subject, others=[slowed], speeds=speeds, sources=[(bad, bad)], made_local=bad)
    )
    parser = parsed(html)
    assert "script" not in {tag for tag, _ in parser.seen}
    assert "49" not in parser.texts["h1"][0]
    assert bad in parser.texts["h1"][0]


def test_simulated_data_says_so_first(slowed: Judged) -> None:
    """Above the answer, in the footer, and only then."""
    html = build_page(Page(subject=slowed, simulated=True))
    assert html.index("SIMULATED") < html.index("<h1>")
    assert "evidence of nothing" in html
    assert "SIMULATED" not in build_page(Page(subject=slowed))


def test_nothing_found_is_a_calm_page(clear: Judged) -> None:
    """The same parts, the method's accent, no list of rivals for what was not found."""
    html = build_page(Page(subject=clear))
    assert '<body class="none">' in html
    assert "What else could it be?" not in html
    assert "What this does not show" in html
    assert 'class="win' not in html


def test_the_table_holds_the_carpets_numbers(slowed: Judged) -> None:
    """24 columns a night, slow or failed out of all; the sums are those of the series."""
    parser = parsed(build_page(Page(subject=slowed)))
    assert parser.rows.count(25) == 15  # a head and fourteen nights
    cells = [re.fullmatch(r"(\d+)/(\d+)", text) for text in parser.texts["td"]]
    counted = [(int(m[1]), int(m[2])) for m in cells if m]
    assert sum(n for _, n in counted) == len(slowed.series.started_us)
    ratio = slowed.series.log_ratio
    assert sum(bad for bad, _ in counted) == int((ratio < -np.log(3)).sum())


def test_the_evening_tells_both_speeds(slowed: Judged, speeds: list[Speed]) -> None:
    """In Mbit/s where the arms are known, as a ratio where they are not."""
    assert "the same server under other names to 20" in build_page(
        Page(subject=slowed, speeds=speeds)
    )
    assert "of the control&#39;s speed" in build_page(Page(subject=slowed))


def test_failures_alone_are_drawn_as_strokes(make_series: Callable[..., Series]) -> None:
    """An archive without speeds: morning windows on weekdays, an axis from midnight."""
    base = make_series()
    nothing = np.full(len(base.started_us), np.nan)
    series = make_series(
        basis=Basis.UNPAIRED, log_ratio=nothing, null_log_ratio=nothing, archive_clock=True
    )
    morning = Window(
        weekdays=(0, 1, 2, 3, 4),
        start_local="07:00",
        end_local="11:00",
        start_interval=("06:50", "07:10"),
        end_interval=("10:50", "11:00"),
    )
    curfew = Curfew(
        service="youtube", network="AS9198", timezone="Asia/Almaty", state=State.BLOCKED,
        scope=Scope.UNDETERMINED, scope_because="no concurrent control", pattern="window",
        lines=None, windows=(morning,), onset=None, lifting=None, nights_seen=10,
        nights_measured=10, n=300, p_value=0.001, effect=Effect(in_window=0.9, outside=0.04),
        slower_by=None, claim_level="L2", isolated=False, rule_id="r", ruleset="s", profile="p",
    )  # fmt: skip
    finding = SeriesFinding(
        service="youtube",
        network="AS9198",
        state=SeriesState.CURFEW,
        reason="",
        n=300,
        nights_measured=10,
        p_value=0.001,
        q_value=0.001,
    )
    html = build_page(Page(subject=Judged(series=series, finding=finding, curfew=curfew)))
    parsed(html)
    assert "one stroke a test" in html
    assert "Mbit/s" not in html
    assert html.count(">midnight<") == 2
    assert "the archive&#39;s own clock" in html
    assert "One of these days" in html


@pytest.mark.parametrize(
    ("basis", "timed", "said"),
    [
        (Basis.PAIRS, True, "Slow is three times slower than the control, or more."),
        (Basis.UNPAIRED, True, "Slow is three times slower than its own usual speed, or more."),
        (Basis.UNPAIRED, False, "only what did not open counts"),
    ],
)
def test_the_table_says_what_slow_is(
    make_series: Callable[..., Series], clear: Judged, basis: Basis, timed: bool, said: str
) -> None:
    """A control is spoken of only where there was one."""
    base = make_series("telegram", hit=False)
    ratio = base.log_ratio if timed else np.full(len(base.started_us), np.nan)
    series = make_series("telegram", hit=False, basis=basis, log_ratio=ratio)
    html = build_page(Page(subject=Judged(series=series, finding=clear.finding)))
    assert said in html
    assert ("than the control" in html) == (basis is Basis.PAIRS)


def test_beside_it_stand_services_or_networks(
    make_series: Callable[..., Series], slowed: Judged, clear: Judged
) -> None:
    """Rows are named by what differs, and the subject comes first."""
    services = parsed(build_page(Page(subject=slowed, others=[clear])))
    assert "The services on this network" in services.texts["h2"]
    elsewhere = Judged(series=make_series(network="AS29355", hit=False), finding=SeriesFinding(
        service="youtube", network="AS29355", state=SeriesState.NONE, reason="", n=9,
        nights_measured=14, p_value=0.5, q_value=0.5,
    ))  # fmt: skip
    networks = parsed(build_page(Page(subject=slowed, others=[elsewhere])))
    assert "The same service on other networks" in networks.texts["h2"]
    rows = [text for text in networks.texts["th"] if text.startswith("AS")]
    assert rows == ["AS9198", "AS29355"]


def test_long_silences_become_one_row(make_series: Callable[..., Series], slowed: Judged) -> None:
    """Nine nights without a measurement are one line that says so, in picture and table."""
    series = make_series(nights=30)
    day = (series.started_us - series.started_us.min()) // 86_400_000_000
    keep = (day < 6) | (day >= 15)
    kept = {
        name: value[keep] if isinstance(value, np.ndarray) else value
        for name, value in series.__dict__.items()
    }
    subject = Judged(series=Series(**kept), finding=slowed.finding, curfew=slowed.curfew)
    html = build_page(Page(subject=subject))
    assert re.search(r">(8|9) nights not measured</text>", html)
    assert re.search(r": (8|9) nights not measured</th>", html)
