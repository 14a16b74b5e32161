"""`/metrics`: the figures of all workers of this server, for Prometheus."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from accounts import counting
from accounts.addresses import client_address
from accounts.counting import Figure, Histogram
from accounts.problems import Problem, answer
from realtime import stats
from realtime.desk.vitals import vitals
from realtime.questions import Question
from realtime.stats import Lines, Snapshot, summed

PATIENCE: Final = 2.0
"""Seconds that the database has for what only it knows; Prometheus waits 10."""
FRESH: Final = 5.0
_FORWARDED: Final = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST")

_support: Final = Question(vitals, patience=PATIENCE, fresh=FRESH)


@csrf_exempt
@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever has METRICS_TOKEN; without one, for whoever asks on this machine and not through a proxy."""
    problem = _problem(request)
    if problem is not None:
        return answer(problem)
    return HttpResponse(generate_latest(Workers()), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _problem(request: HttpRequest) -> Problem | None:
    expected = settings.SWITCHBOARD.metrics_token
    if expected:
        scheme, _space, given = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return Problem("MISSING_TOKEN", detail=_("Send METRICS_TOKEN in the header “Authorization: Bearer …”."))
        if not constant_time_compare(given.strip(), expected):
            return Problem("TOKEN_EXPIRED", detail=_("This is not METRICS_TOKEN."))
        return None
    if any(name in request.META for name in _FORWARDED) or not ipaddress.ip_address(client_address(request)).is_loopback:
        return Problem("FORBIDDEN", detail=_("Set METRICS_TOKEN to ask from elsewhere than this machine, or through a proxy."))
    return None


class Workers(Collector):
    """What is known when it is asked, added up."""

    def collect(self) -> Iterator[Metric]:
        """Every figure, also one that has no numbers yet."""
        gone, living = stats.everybody()
        for figure in sorted(counting.figures.copy().values(), key=lambda each: each.name):
            yield _family(figure, _lines(figure, gone, living))
        yield from _of_workers(living)
        yield from _of_the_desk()


def _lines(figure: Figure, gone: Snapshot, living: dict[int, Snapshot]) -> Lines:
    if figure.per_worker:
        return [([str(pid), *labels], numbers) for pid, each in living.items() for labels, numbers in each.present.get(figure.name, [])]
    everybody = [gone, *living.values()]
    lines = summed([line for each in everybody for line in (each.grown | each.present).get(figure.name, [])])
    # Workers that run another version of us may label it otherwise.
    return [(labels, numbers) for labels, numbers in lines if len(labels) == len(figure.labels)]


def _family(figure: Figure, lines: Iterable[tuple[list[str], list[float]]]) -> Metric:
    if isinstance(figure, Histogram):
        ends = [*(f"{bound:g}" for bound in figure.bounds), "+Inf"]
        histogram = HistogramMetricFamily(figure.name, figure.help, labels=figure.labels)
        for labels, numbers in lines:
            if len(numbers) == len(ends) + 1:
                histogram.add_metric(labels, buckets=list(zip(ends, accumulate(numbers[:-1]), strict=True)), sum_value=numbers[-1])
        return histogram
    labels_of_all = [*(["worker"] if figure.per_worker else []), *figure.labels]
    family = CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily
    plain = family(figure.name, figure.help, labels=labels_of_all)
    for labels, numbers in lines:
        plain.add_metric(labels, numbers[0])
    return plain


def _of_workers(living: dict[int, Snapshot]) -> Iterator[Metric]:
    yield GaugeMetricFamily("switchboard_workers", "Workers of this server that live.", value=len(living))
    silent = GaugeMetricFamily("switchboard_worker_silent_seconds", "Since a worker wrote its figures down, which it does each second.", labels=["worker"])
    for pid, each in living.items():
        silent.add_metric([str(pid)], max(0.0, time.time() - each.at))
    yield silent


def _of_the_desk() -> Iterator[Metric]:
    """Of what only the database knows there is nothing while it is away, and that is said."""
    found = _support.ask()
    yield GaugeMetricFamily("switchboard_database_up", "Whether the database has answered just now: 1, or 0.", value=found is not None)
    waiting = GaugeMetricFamily("switchboard_support_waiting", "Support sessions that wait for an agent.", labels=[])
    longest = GaugeMetricFamily("switchboard_support_longest_wait_seconds", "For how long the one has waited that has waited longest.", labels=[])
    answered = GaugeMetricFamily("switchboard_support_answered", "Sessions whose first answer was given in the last hour.", labels=[])
    first = GaugeMetricFamily("switchboard_support_first_answer_seconds", "From the opening to that answer, by percentile.", labels=["percentile"])
    if found is not None:
        for family, value in ((waiting, found.waiting), (longest, found.longest_wait), (answered, found.answered)):
            family.add_metric([], value)
        for quantile, seconds in found.first_answers.items():
            first.add_metric([f"{100 * quantile:g}"], seconds)
    yield from (waiting, longest, answered, first)
